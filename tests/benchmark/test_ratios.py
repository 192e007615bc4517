"""The table of ratios: what is measured and compared; never how fast."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from ml.benchmark.generated import Size
from ml.benchmark.ratios.measure import measure_ratios
from ml.benchmark.ratios.ncf_training import NEUMF, OURS, SAMPLES_PER_SECOND
from ml.benchmark.ratios.timing import SAME_SHARE, TIMES_FASTER, Times, in_turn
from ml.benchmark.ratios.world import Sizes
from ml.benchmark.settings import BenchmarkSettings
from ml.progress import Progress
from ml.settings import Settings

SMALL = Sizes(
    Size(300, 50, 3_000),
    Size(300, 50, 3_000),
    Size(500, 60, 2_000),
    Size(300, 50, 3_000),
    1_000,
    Size(150, 80, 4_000),
)


def test_ours_and_the_usual_way_offer_the_same(tmp_path: Path) -> None:
    settings = Settings(
        warehouse=tmp_path / "w.duckdb",
        benchmark=BenchmarkSettings(
            ratios_repeats=2, ratio_epochs=1, peers_python=Path("no such python")
        ),
        threads=1,
    )
    found = measure_ratios(settings, Progress(Console(file=io.StringIO())), SMALL).results
    same = {one.model_name: one.value for one in found if one.metric == SAME_SHARE}
    assert set(same) == {"lightfm", "ncf"}
    assert min(value or 0.0 for value in same.values()) > 0.99
    ratios = {
        one.model_name: one
        for one in found
        if one.metric == TIMES_FASTER and not one.case_name.startswith("records")
    }
    assert {"lightfm", "ncf", "lightfm stage"} < set(ratios)
    assert ratios["ncf"].sample_count == 2
    # Without its environment, the other library's row says so.
    assert ratios["ours"].value is None
    assert "make peers" in (ratios["ours"].note or "")
    trained = {one.model_name: one for one in found if one.metric == SAMPLES_PER_SECOND}
    assert (trained[OURS].value or 0) > 0
    assert trained[NEUMF].value is None
    assert "make peers" in (trained[NEUMF].note or "")
    study = [one for one in found if one.case_name.startswith("records")]
    assert [one.value for one in study] == [None, None]
    [share] = [one for one in found if one.metric == "share_of_job"]
    assert share.value is None
    assert "cross-sell run" in (share.note or "")


def test_turns_alternate_and_the_first_does_not_count() -> None:
    calls: list[str] = []

    def work(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    times = in_turn(lambda: work("a"), lambda: work("b"), 2)
    assert calls == ["a", "b"] * 3
    assert times == Times([3.0, 5.0], [4.0, 6.0])


def test_ratios_are_taken_turn_by_turn() -> None:
    found = {
        (one.model_name, one.metric): one
        for one in Times([1, 2, 4], [8, 8, 8]).results("c", "a", "b")
    }
    ratio = found["a", TIMES_FASTER]
    assert (ratio.value, ratio.low, ratio.high, ratio.sample_count) == (4, 2, 8, 3)
    assert found["b", "seconds"].value == pytest.approx(8)
