"""Tables that the benchmarks write: one row per benchmark run, and its figures, long."""

from __future__ import annotations

from typing import Final

from ml.contracts.columns import Columns
from ml.contracts.table import DOUBLE, INT, STRING, TIMESTAMP, Column, Table, optional

BENCHMARKS: Final = Table(
    "ml",
    "benchmarks",
    (
        Column(Columns.BENCHMARK_ID, STRING),
        Column(Columns.BENCHMARK, STRING),
        Column(Columns.SECONDS, DOUBLE),
        Column(Columns.MACHINE_JSON, STRING),
        Column(Columns.SETTINGS_JSON, STRING),
        Column(Columns.PACKAGE_VERSIONS_JSON, STRING),
        Column(Columns.STARTED_AT, TIMESTAMP),
        Column(Columns.FINISHED_AT, TIMESTAMP),
    ),
    key=(Columns.BENCHMARK_ID,),
)

BENCHMARK_RESULTS: Final = Table(
    "ml",
    "benchmark_results",
    (
        Column(Columns.BENCHMARK_ID, STRING),
        Column(Columns.CASE_NAME, STRING),
        Column(Columns.MODEL_NAME, STRING),
        Column(Columns.METRIC, STRING),
        optional(Columns.VALUE, DOUBLE),
        optional(Columns.LOW, DOUBLE),
        optional(Columns.HIGH, DOUBLE),
        Column(Columns.SAMPLE_COUNT, INT),
        optional(Columns.STUDY_VALUE, DOUBLE),
        optional(Columns.NOTE, STRING),
    ),
    key=(Columns.BENCHMARK_ID, Columns.CASE_NAME, Columns.MODEL_NAME, Columns.METRIC),
)

BENCHMARK_TABLES: Final = (BENCHMARKS, BENCHMARK_RESULTS)
