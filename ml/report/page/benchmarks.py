"""The benchmarks' tables and charts, the study's figures beside ours."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ml.report import numbers
from ml.report.measurements import Measured, Measurement
from ml.report.page.blocks import Block, Chart, Grid, Missing, Section, Table
from ml.report.page.charts import Axis, Dot, LinePoint, dots, lines
from ml.report.page.palette import STUDY, shown_name
from ml.report.words import listed, metric_name, plain

_EPOCHS: Final = (10, 20, 50)
_GROWTH: Final = "growth"


@dataclass(frozen=True)
class _Kind:
    """What a benchmark is called, what it tells, and how it is drawn."""

    title: str
    lead: str
    blocks: Callable[[Measurement], list[Block]]


def benchmark_sections(measurements: dict[str, Measurement]) -> list[Section]:
    """A section per benchmark, and one that says how to run those that were not run here.

    Parameters
    ----------
    measurements : dict of str to Measurement
        By benchmark.

    Returns
    -------
    list of Section
    """
    names = [*_KINDS, *(name for name in measurements if name not in _KINDS)]
    measured = [_section(name, measurements[name]) for name in names if name in measurements]
    missing = [
        Missing(f"{_KINDS[name].title}:", f".venv/bin/cross-sell benchmark {name}")
        for name in _KINDS
        if name not in measurements
    ]
    if missing:
        lead = "These benchmarks were not run on this warehouse. What measures them:"
        measured.append(Section("not-measured", "Not measured here", lead, missing))
    return measured


def _section(name: str, measurement: Measurement) -> Section:
    kind = _KINDS.get(name, _Kind(plain(name).capitalize(), "", lambda _: []))
    return Section(
        f"benchmark-{name}",
        kind.title,
        kind.lead,
        [*kind.blocks(measurement), _table(measurement), *_notes(measurement)],
    )


def machine_in_words(measurement: Measurement) -> str:
    """What a benchmark ran on, when, and how long it took.

    Parameters
    ----------
    measurement : Measurement

    Returns
    -------
    str
    """
    machine = measurement.machine
    parts = [
        str(machine.get("cpu", "")),
        f"{machine['cores']} cores" if "cores" in machine else "",
        f"{machine['memory_gib']:.0f} GiB" if "memory_gib" in machine else "",
        str(machine.get("python", "")),
    ]
    return (
        f"Measured on {numbers.day(measurement.finished_at)} in"
        f" {numbers.duration(measurement.seconds)}"
        + (f"; {', '.join(part for part in parts if part)}" if any(parts) else "")
        + "."
    )


def _ordered(cases: Sequence[str]) -> list[str]:
    """Sizes by their product, other cases as they come."""

    def size(case: str) -> float:
        figures = [int(part.replace(",", "")) for part in re.findall(r"\d[\d,]*", case)]
        return math.prod(figures) if "×" in case and figures else math.inf

    return sorted(cases, key=size)


def _figure(metric: str, value: float | None) -> str:
    if value is None:
        return numbers.NOTHING
    if metric == "seconds":
        return numbers.duration(value)
    if metric.endswith("minutes"):
        return f"{value:.3g}"
    if metric == "cost_exponent":
        return numbers.figure(value, 2)
    is_count = metric in ("records_per_minute", "epochs") or metric.startswith("trials_")
    return numbers.count(value) if is_count else numbers.figure(value)


def _table(measurement: Measurement) -> Table:
    """Every figure: a row per case and model, a column per metric, the study's beside it."""
    metrics = list(dict.fromkeys(row.metric for row in measurement.rows))
    with_study = {row.metric for row in measurement.rows if row.study_value is not None}
    with_interval = {row.metric for row in measurement.rows if row.low is not None}
    headings = ["case", "model"]
    for metric in metrics:
        headings.append(metric_name(metric))
        headings += ["low to high"] if metric in with_interval else []
        headings += ["the study"] if metric in with_study else []
    rows = []
    for case in _ordered(measurement.cases):
        for model in measurement.models:
            found = [measurement.find(case, model, metric) for metric in metrics]
            if not any(found):
                continue
            row = [case, shown_name(model)]
            for metric, cell in zip(metrics, found, strict=True):
                row.append(_figure(metric, cell.value if cell else None))
                if metric in with_interval:
                    row.append(_spread(metric, cell))
                if metric in with_study:
                    row.append(_figure(metric, cell.study_value if cell else None))
            rows.append(row)
    return Table(headings, rows, texts=frozenset({0, 1}), caption=machine_in_words(measurement))


def _spread(metric: str, cell: Measured | None) -> str:
    if cell is None or cell.low is None or cell.high is None:
        return numbers.NOTHING
    return f"{_figure(metric, cell.low)} to {_figure(metric, cell.high)}"


def _notes(measurement: Measurement) -> list[Block]:
    rows = [
        [shown_name(row.model), row.case, row.note]
        for row in {(row.model, row.case, row.note): row for row in measurement.rows}.values()
        if row.note
    ]
    if not rows:
        return []
    return [Table(["model", "case", "note"], rows, texts=frozenset({0, 1, 2}), caption="Notes")]


def _dots_with_study(
    measurement: Measurement, metric: str, axis: Axis, name: str, title: str
) -> Chart | None:
    """Our figure and the study's, a row per case and model."""
    drawn = []
    for case in _ordered(measurement.cases):
        for model in measurement.models:
            found = measurement.find(case, model, metric)
            if found is None or found.value is None:
                continue
            label = f"{shown_name(model)}, {case}"
            drawn.append(
                Dot(label, shown_name(model), found.value, found.low, found.high,
                    _figure(metric, found.value))
            )  # fmt: skip
            if found.study_value is not None:
                study = found.study_value
                drawn.append(Dot(label, STUDY, study, text=_figure(metric, study)))
    if not drawn:
        return None
    return Chart(
        name,
        title,
        f"{title}: " + "; ".join(f"{dot.label}, {dot.series} {dot.text}" for dot in drawn),
        dots(drawn, axis, has_legend=True),
        Table(
            ["case", "series", axis.title],
            [[dot.label, dot.series, dot.text] for dot in drawn],
            texts=frozenset({0, 1}),
        ),
    )


def _speed(measurement: Measurement) -> list[Block]:
    charts = [
        _dots_with_study(
            measurement,
            "train_minutes",
            Axis("minutes, each step to the right is ten times as long", is_log=True),
            "speed-minutes",
            "Minutes of training",
        ),
        _dots_with_study(
            measurement,
            "records_per_minute",
            Axis("records per minute, log scale", "~s", is_log=True),
            "speed-rate",
            "Records per minute",
        ),
    ]
    return [Grid([chart for chart in charts if chart is not None])]


def _epochs(measurement: Measurement) -> list[Block]:
    charts = [
        chart
        for case in measurement.cases
        for metric in ("auc", "ndcg@10")
        if (chart := _epochs_chart(measurement, case, metric)) is not None
    ]
    return [Grid(charts)]


def _epochs_chart(measurement: Measurement, case: str, metric: str) -> Chart | None:
    points: list[LinePoint] = []
    studies: list[LinePoint] = []
    name = metric_name(metric)
    for model in measurement.models:
        for epochs in _EPOCHS:
            found = measurement.find(case, model, f"{metric}_after_{epochs}")
            if found is None or found.value is None:
                continue
            text = numbers.figure(found.value)
            if found.low is not None and found.high is not None:
                text += f" ({numbers.interval(found.low, found.high)})"
            points.append(LinePoint(shown_name(model), epochs, found.value, text))
            if found.study_value is not None:
                series = f"{shown_name(model)}, {STUDY}"
                text = numbers.figure(found.study_value, 2)
                studies.append(LinePoint(series, epochs, found.study_value, text))
        best = measurement.find(case, model, metric)
        if best is not None and best.value is not None:
            text = numbers.figure(best.value)
            points += [LinePoint(shown_name(model), e, best.value, text) for e in _EPOCHS]
    if not points:
        return None
    drawn = [*points, *studies]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{case}-{metric}".lower()).strip("-")
    return Chart(
        f"epochs-{slug}",
        f"{name} by epochs, {case}",
        f"{name} after {listed([str(e) for e in _EPOCHS])} epochs, {case}: "
        + "; ".join(f"{p.series} {p.text} after {p.x:.0f}" for p in drawn),
        lines(drawn, Axis("epochs", "d"), Axis(name, ".2f")),
        Table(
            ["series", "epochs", name],
            [[point.series, numbers.count(point.x), point.text] for point in drawn],
        ),
        "Means over seeds; in brackets the smallest and the largest.",
    )


def _trials(measurement: Measurement) -> list[Block]:
    """Worst, mean and best as a dot with its range, the study's in the same way."""
    drawn = []
    for case in measurement.cases:
        for model in measurement.models:
            mean, low, high = (
                measurement.find(case, model, f"auc_{which}") for which in ("mean", "min", "max")
            )
            if mean is None or mean.value is None or low is None or high is None:
                continue
            label = f"{shown_name(model)}, {case}"
            text = numbers.figure(mean.value, 3)
            drawn.append(Dot(label, shown_name(model), mean.value, low.value, high.value, text))
            if mean.study_value is not None:
                text = numbers.figure(mean.study_value, 2)
                drawn.append(
                    Dot(label, STUDY, mean.study_value, low.study_value, high.study_value, text)
                )
    if not drawn:
        return []
    return [
        Chart(
            "trials",
            "AUC over all trial runs: worst, mean, best",
            "Mean AUC over trial runs with the range from worst to best: "
            + "; ".join(f"{d.label}, {d.series} {d.text}" for d in drawn),
            dots(drawn, Axis("AUC", ".2f"), has_legend=True),
            Table(
                ["case", "series", "mean", "worst to best"],
                [[d.label, d.series, d.text, numbers.interval(d.low, d.high, 3)] for d in drawn],
                texts=frozenset({0, 1}),
            ),
        )
    ]


def _by_model(metrics: Sequence[str], prefix: str) -> Callable[[Measurement], list[Block]]:
    """A chart per case and metric, a row per model, best first."""

    def blocks(measurement: Measurement) -> list[Block]:
        charts = [
            chart
            for case in measurement.cases
            for metric in metrics
            if (chart := _model_chart(measurement, case, metric, prefix)) is not None
        ]
        return [Grid(charts)]

    return blocks


def _model_chart(measurement: Measurement, case: str, metric: str, prefix: str) -> Chart | None:
    found = [
        row
        for row in measurement.rows
        if (row.case, row.metric) == (case, metric) and row.value is not None
    ]
    if not found:
        return None
    found.sort(key=lambda row: -(row.value or 0.0))
    drawn = [
        Dot(
            shown_name(row.model),
            shown_name(row.model),
            row.value or 0.0,
            row.low,
            row.high,
            numbers.figure(row.value),
        )
        for row in found
    ]
    name = metric_name(metric)
    slug = re.sub(r"[^a-z0-9]+", "-", f"{case}-{metric}".lower()).strip("-")
    return Chart(
        f"{prefix}-{slug}",
        f"{name}, {case}",
        f"{name} by model, {case}: " + "; ".join(f"{dot.label} {dot.text}" for dot in drawn),
        dots(drawn, Axis(name, ".2f")),
        Table(
            ["model", name, "95% interval"],
            [[dot.label, dot.text, numbers.interval(dot.low, dot.high)] for dot in drawn],
        ),
    )


_KINDS: Final = {
    "speed": _Kind(
        "Speed",
        "Training time at the study's three sizes and beyond, beside the minutes the study states.",
        _speed,
    ),
    "epochs": _Kind(
        "AUC by epochs",
        "What ten, twenty and fifty epochs reach on held-out data, over several seeds, beside the"
        " study's figures. On generated data the best possible AUC is known.",
        _epochs,
    ),
    "trials": _Kind(
        "Trial runs",
        "Average, best and worst AUC over all trial runs of the search for settings.",
        _trials,
    ),
    "peers": _Kind(
        "Beside other libraries",
        "The same splits and the same metric code for what people would pick instead.",
        _by_model(("hr@10", "ndcg@10"), "peers"),
    ),
    "leave-one-out": _Kind(
        "Leave one out",
        "The NCF paper's protocol: each client's last item against sampled negatives.",
        _by_model(("hr@10", "ndcg@10"), "leave-one-out"),
    ),
}
