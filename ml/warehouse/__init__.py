"""The only place that knows an engine: open, read Arrow, write Arrow."""

from pathlib import Path

from ml.warehouse.connection import Connection, connect
from ml.warehouse.conversion import (
    LINE,
    PROBLEM,
    UNREAD,
    Converter,
    Incoming,
    factor_names,
    is_time_zone,
    is_timestamp_format,
    reason_of,
)
from ml.warehouse.copying import copy_schemas
from ml.warehouse.examples import typical_clients
from ml.warehouse.fingerprints import Fingerprint, fingerprint_by_run, fingerprint_of
from ml.warehouse.forgetting import FORGOTTEN, keep_forgotten_out
from ml.warehouse.identity import IdentityCounts, count_identities
from ml.warehouse.increments import cutoffs_of, differing_rows, give_back, withhold_newest
from ml.warehouse.judging import OfferMeans, count_offers, mean_offers, mean_released_offers
from ml.warehouse.landing import (
    KnownFile,
    Rejections,
    StagedFile,
    check_raw_tables,
    count_rejections,
    known_files,
    write_landing,
)
from ml.warehouse.overlaps import Overlap, overlapping_files
from ml.warehouse.releases import SERVING, count_parquet_rows, is_made_for, snapshot
from ml.warehouse.simulated import write_world
from ml.warehouse.tables import (
    append_tables,
    check_contract,
    count_rows,
    count_rows_of,
    distinct_values,
    existing_columns,
    read_compact,
    read_table,
    read_table_if_there,
    replace_tables,
)
from ml.warehouse.values import TextFormat, is_blank_text

READER_PROGRAM = Path(__file__).with_name("reader_program.py")

__all__ = [
    "FORGOTTEN",
    "LINE",
    "PROBLEM",
    "READER_PROGRAM",
    "SERVING",
    "UNREAD",
    "Connection",
    "Converter",
    "Fingerprint",
    "IdentityCounts",
    "Incoming",
    "KnownFile",
    "OfferMeans",
    "Overlap",
    "Rejections",
    "StagedFile",
    "TextFormat",
    "append_tables",
    "check_contract",
    "check_raw_tables",
    "connect",
    "copy_schemas",
    "count_identities",
    "count_offers",
    "count_parquet_rows",
    "count_rejections",
    "count_rows",
    "count_rows_of",
    "cutoffs_of",
    "differing_rows",
    "distinct_values",
    "existing_columns",
    "factor_names",
    "fingerprint_by_run",
    "fingerprint_of",
    "give_back",
    "is_blank_text",
    "is_made_for",
    "is_time_zone",
    "is_timestamp_format",
    "keep_forgotten_out",
    "known_files",
    "mean_offers",
    "mean_released_offers",
    "overlapping_files",
    "read_compact",
    "read_table",
    "read_table_if_there",
    "reason_of",
    "replace_tables",
    "snapshot",
    "typical_clients",
    "withhold_newest",
    "write_landing",
    "write_world",
]
