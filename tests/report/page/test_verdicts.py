"""A benchmark's finding in a sentence, from its figures."""

from __future__ import annotations

from ml.report.measurements import Measured, Measurement
from ml.report.page.benchmarks import benchmark_sections
from ml.report.page.blocks import Grid
from ml.report.page.verdicts import best_verdict, epochs_verdict, speed_verdict, trials_verdict
from tests.report.made_up import made_up_measurements, measurement


def interval(model: str, value: float, low: float | None, high: float | None) -> Measured:
    return Measured("ml-100k", model, "ndcg@10", value, low, high, 900, None, "")


def found(*rows: Measured) -> Measurement:
    return measurement("peers", list(rows))


def test_the_study_s_largest_size_speaks_for_speed() -> None:
    assert speed_verdict(made_up_measurements()["speed"]) == (
        "Minutes at 10,000×1,000×1,000,000: LightFM 0.025 (the study: 25) and NCF 0.025"
        " (the study: 25)."
    )


def test_most_epochs_and_best_trial_beside_the_study() -> None:
    measured = made_up_measurements()
    assert epochs_verdict(measured["epochs"]).startswith(
        "After 50 epochs on generated, AUC: LightFM 0.8000 (the study: 0.8000) and NCF"
    )
    assert trials_verdict(measured["trials"]).startswith(
        "Best AUC on ml-100k: LightFM 0.9000 (the study: 0.8500) and NCF"
    )


def test_other_epochs_than_the_study_s_are_told_too() -> None:
    rows = [
        Measured("small", "ncf", f"auc_after_{epochs}", 0.5 + epochs / 10, None, None, 1, None, "")
        for epochs in (1, 3)
    ]
    assert epochs_verdict(found(*rows)) == "After 3 epochs on small, AUC: NCF 0.8000."
    [section, *_] = benchmark_sections({"epochs": measurement("epochs", rows)})
    [grid, *_] = section.blocks
    assert isinstance(grid, Grid)
    assert grid.charts[0].table.rows == [["NCF", "1", "0.6000"], ["NCF", "3", "0.8000"]]


def test_the_best_is_named_with_those_it_cannot_be_told_from() -> None:
    rows = (
        interval("ease", 0.30, 0.28, 0.32),
        interval("ncf", 0.34, 0.32, 0.36),
        interval("lightfm", 0.33, 0.31, 0.35),
        interval("implicit-als", 0.31, None, None),
    )
    assert best_verdict(found(*rows)) == (
        "On ml-100k, NCF has the best NDCG@10, 0.3400; intervals of LightFM overlap with its own."
    )
    assert best_verdict(found(rows[0])) == "On ml-100k, EASE has the best NDCG@10, 0.3000."


def test_nothing_measured_says_nothing() -> None:
    empty = found()
    assert [f(empty) for f in (speed_verdict, epochs_verdict, trials_verdict, best_verdict)] == [
        "", "", "", "",
    ]  # fmt: skip
