"""The only place that knows an engine: open, read Arrow, write Arrow."""

from ml.warehouse.connection import Connection, connect
from ml.warehouse.simulated import write_world
from ml.warehouse.tables import (
    append_tables,
    check_contract,
    count_rows,
    existing_columns,
    read_table,
    read_table_if_there,
    replace_tables,
)

__all__ = [
    "Connection",
    "append_tables",
    "check_contract",
    "connect",
    "count_rows",
    "existing_columns",
    "read_table",
    "read_table_if_there",
    "replace_tables",
    "write_world",
]
