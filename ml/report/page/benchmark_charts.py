"""The benchmarks' charts, the study's figures beside ours."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Final

from ml.report import numbers
from ml.report.measurements import Measurement
from ml.report.page.blocks import Block, Chart, Grid, Table
from ml.report.page.charts import Axis, Dot, LinePoint, dots, lines
from ml.report.page.palette import of_study, shown_name
from ml.report.words import listed, metric_name

_SIZES: Final = "Sizes are clients × services × records."


def ordered(cases: Sequence[str]) -> list[str]:
    """Sizes by their product, other cases as they come."""

    def size(case: str) -> float:
        figures = [int(part.replace(",", "")) for part in re.findall(r"\d[\d,]*", case)]
        return math.prod(figures) if "×" in case and figures else math.inf

    return sorted(cases, key=size)


def benchmark_figure(metric: str, value: float | None) -> str:
    """A benchmark's figure as its metric is read.

    >>> benchmark_figure("train_minutes", 0.00213), benchmark_figure("trials_pruned", 8.0)
    ('0.00213', '8')
    """
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


def short_case(case: str) -> str:
    """A size in few letters, for axes.

    >>> short_case("1,000×10,000×100,000"), short_case("ml-100k")
    ('1k×10k×100k', 'ml-100k')
    """
    if "×" not in case:
        return case

    def short(match: re.Match[str]) -> str:
        figure = match.group().replace(",", "")
        for zeros, letter in ((6, "M"), (3, "k")):
            if len(figure) > zeros and figure.endswith("0" * zeros):
                return figure[:-zeros] + letter
        return match.group()

    return re.sub(r"\d[\d,]*", short, case)


def _dots_with_study(
    measurement: Measurement, metric: str, axis: Axis, name: str, title: str
) -> Chart | None:
    """Our figures and the study's, a row per case."""
    drawn = []
    for case in ordered(measurement.cases):
        for model in measurement.models:
            found = measurement.find(case, model, metric)
            if found is None or found.value is None:
                continue
            series = shown_name(model)
            text = benchmark_figure(metric, found.value)
            drawn.append(Dot(short_case(case), series, found.value, found.low, found.high, text))
            if found.study_value is not None:
                text = benchmark_figure(metric, found.study_value)
                drawn.append(Dot(short_case(case), of_study(series), found.study_value, text=text))
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
        _SIZES,
    )


def speed_blocks(measurement: Measurement) -> list[Block]:
    """Minutes and records per minute by size, on a log scale."""
    charts = [
        _dots_with_study(
            measurement,
            "train_minutes",
            Axis("minutes, log scale", is_log=True),
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


def epochs_blocks(measurement: Measurement) -> list[Block]:
    """AUC and NDCG@10 by epochs, a chart per case."""
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
        for epochs in measurement.epochs:
            found = measurement.find(case, model, f"{metric}_after_{epochs}")
            if found is None or found.value is None:
                continue
            text = numbers.figure(found.value)
            if found.low is not None and found.high is not None:
                text += f" ({numbers.interval(found.low, found.high)})"
            points.append(LinePoint(shown_name(model), epochs, found.value, text))
            if found.study_value is not None:
                series = of_study(shown_name(model))
                text = numbers.figure(found.study_value, 2)
                studies.append(LinePoint(series, epochs, found.study_value, text))
        best = measurement.find(case, model, metric)
        if measurement.epochs and best is not None and best.value is not None:
            text = numbers.figure(best.value)
            studies += [
                LinePoint(shown_name(model), e, best.value, text) for e in measurement.epochs
            ]
    if not points:
        return None
    drawn = [*points, *studies]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{case}-{metric}".lower()).strip("-")
    return Chart(
        f"epochs-{slug}",
        f"{name} by epochs, {case}",
        f"{name} after {listed([str(e) for e in measurement.epochs])} epochs, {case}: "
        + "; ".join(f"{p.series} {p.text} after {p.x:.0f}" for p in drawn),
        lines(drawn, Axis("epochs", "d"), Axis(name, ".3f")),
        Table(
            ["series", "epochs", name],
            [[point.series, numbers.count(point.x), point.text] for point in drawn],
        ),
        "Means over seeds; in brackets the smallest and the largest.",
    )


def trials_blocks(measurement: Measurement) -> list[Block]:
    """Worst, mean and best as a dot with its range, the study's in the same way."""
    drawn = []
    for case in measurement.cases:
        for model in measurement.models:
            mean, low, high = (
                measurement.find(case, model, f"auc_{which}") for which in ("mean", "min", "max")
            )
            if mean is None or mean.value is None or low is None or high is None:
                continue
            series = shown_name(model)
            text = numbers.figure(mean.value, 3)
            drawn.append(Dot(case, series, mean.value, low.value, high.value, text))
            if mean.study_value is not None:
                text = numbers.figure(mean.study_value, 2)
                drawn.append(
                    Dot(
                        case,
                        of_study(series),
                        mean.study_value,
                        low.study_value,
                        high.study_value,
                        text,
                    )
                )
    if not drawn:
        return []
    return [
        Chart(
            "trials",
            "AUC over all trial runs: worst, mean, best",
            "Mean AUC over trial runs with the range from worst to best: "
            + "; ".join(f"{d.label}, {d.series} {d.text}" for d in drawn),
            dots(drawn, Axis("AUC", ".3f"), has_legend=True),
            Table(
                ["case", "series", "mean", "worst to best"],
                [[d.label, d.series, d.text, numbers.interval(d.low, d.high, 3)] for d in drawn],
                texts=frozenset({0, 1}),
            ),
        )
    ]


def by_model(metrics: Sequence[str], prefix: str) -> Callable[[Measurement], list[Block]]:
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
        dots(drawn, Axis(name, ".3f")),
        Table(
            ["model", name, "95% interval"],
            [[dot.label, dot.text, numbers.interval(dot.low, dot.high)] for dot in drawn],
        ),
    )
