"""The only place that knows an engine: open, read Arrow, write Arrow."""

from ml.warehouse.connection import Connection, connect
from ml.warehouse.conversion import (
    LINE,
    PROBLEM,
    Converter,
    TextFormat,
    is_time_zone,
    is_timestamp_format,
)
from ml.warehouse.copying import copy_schemas
from ml.warehouse.forgetting import FORGOTTEN, keep_forgotten_out
from ml.warehouse.identity import IdentityCounts, count_identities
from ml.warehouse.landing import (
    KnownFile,
    StagedFile,
    check_raw_tables,
    known_files,
    write_landing,
)
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
    "FORGOTTEN",
    "LINE",
    "PROBLEM",
    "Connection",
    "Converter",
    "IdentityCounts",
    "KnownFile",
    "StagedFile",
    "TextFormat",
    "append_tables",
    "check_contract",
    "check_raw_tables",
    "connect",
    "copy_schemas",
    "count_identities",
    "count_rows",
    "existing_columns",
    "is_time_zone",
    "is_timestamp_format",
    "keep_forgotten_out",
    "known_files",
    "read_table",
    "read_table_if_there",
    "replace_tables",
    "write_landing",
    "write_world",
]
