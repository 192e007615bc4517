"""Records per minute as a multiple of what the founding study states."""

from __future__ import annotations

import json
from typing import Final

from ml.benchmark import study
from ml.benchmark.generated import Size
from ml.benchmark.ratios.timing import TIMES_FASTER
from ml.benchmark.results import SPEED, BenchmarkResult, json_file
from ml.contracts import Columns
from ml.settings import Settings

SIZE: Final = Size(10_000, 1_000, 1_000_000)
_RATE: Final = "records_per_minute"


def measure_study(settings: Settings) -> list[BenchmarkResult]:
    """At the study's largest size, from the newest figures of the benchmark ``speed``."""
    case, file = f"records per minute, {SIZE}", json_file(settings, SPEED)
    found = json.loads(file.read_text())["results"] if file.exists() else []
    results = []
    for name in study.MODELS:
        key = (str(SIZE), name, _RATE)
        rates = [
            one
            for one in found
            if (one[Columns.CASE_NAME], one[Columns.MODEL_NAME], one[Columns.METRIC]) == key
        ]
        if not rates:
            note = "not measured yet: 'cross-sell benchmark speed' does"
            results.append(
                BenchmarkResult(case, name, TIMES_FASTER, None, sample_count=0, note=note)
            )
            continue
        [rate], stated = rates, study.RECORDS_PER_MINUTE[SIZE, name]
        value, low, high = (
            None if rate[part] is None else rate[part] / stated
            for part in (Columns.VALUE, Columns.LOW, Columns.HIGH)
        )
        results.append(
            BenchmarkResult(case, name, TIMES_FASTER, value, low, high, rate[Columns.SAMPLE_COUNT])
        )
    return results
