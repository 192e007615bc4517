"""What a benchmark found, in a sentence, before its charts."""

from __future__ import annotations

from ml.report.measurements import Measured, Measurement
from ml.report.page.benchmark_charts import benchmark_figure, ordered
from ml.report.page.palette import shown_name
from ml.report.words import listed, metric_name


def speed_verdict(measurement: Measurement) -> str:
    """Minutes at the largest size that the study has."""
    cases = [
        case
        for case in ordered(measurement.cases)
        if any(row.case == case and row.study_value is not None for row in measurement.rows)
    ]
    if not cases:
        return ""
    found = _of(measurement, cases[-1], "train_minutes")
    return _sentence(f"Minutes at {cases[-1]}", found)


def epochs_verdict(measurement: Measurement) -> str:
    """AUC after the most epochs, by case."""
    if not measurement.epochs:
        return ""
    most = measurement.epochs[-1]
    return " ".join(
        _sentence(
            f"After {most} epochs on {case}, AUC", _of(measurement, case, f"auc_after_{most}")
        )
        for case in measurement.cases
    ).strip()


def trials_verdict(measurement: Measurement) -> str:
    """Best AUC of all trial runs, by case."""
    return " ".join(
        _sentence(f"Best AUC on {case}", _of(measurement, case, "auc_max"))
        for case in measurement.cases
    ).strip()


def best_verdict(measurement: Measurement) -> str:
    """The best model by NDCG@10 of each case, and those that its interval reaches."""
    sentences = []
    for case in measurement.cases:
        found = _of(measurement, case, "ndcg@10")
        if not found:
            continue
        best = max(found, key=lambda row: row.value or 0.0)
        level = [shown_name(row.model) for row in found if _reaches(row, best)]
        sentence = (
            f"On {case}, {shown_name(best.model)} has the best {metric_name(best.metric)},"
            f" {benchmark_figure(best.metric, best.value)}"
        )
        sentence += f"; intervals of {listed(level)} overlap with its own" if level else ""
        sentences.append(f"{sentence}.")
    return " ".join(sentences)


def _reaches(row: Measured, best: Measured) -> bool:
    """Whether a model's interval overlaps with the best one's."""
    if row is best or row.high is None or best.low is None:
        return False
    return row.high > best.low


def _of(measurement: Measurement, case: str, metric: str) -> list[Measured]:
    """A metric of every model that has it."""
    return [
        row
        for row in measurement.rows
        if (row.case, row.metric) == (case, metric) and row.value is not None
    ]


def _sentence(begins: str, rows: list[Measured]) -> str:
    if not rows:
        return ""
    parts = [
        f"{shown_name(row.model)} {benchmark_figure(row.metric, row.value)}"
        + (
            ""
            if row.study_value is None
            else f" (the study: {benchmark_figure(row.metric, row.study_value)})"
        )
        for row in rows
    ]
    return f"{begins}: {listed(parts)}."
