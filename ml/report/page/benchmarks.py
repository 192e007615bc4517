"""The benchmarks' tables and charts, the study's figures beside ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ml.report import numbers
from ml.report.measurements import Measured, Measurement
from ml.report.page.benchmark_charts import (
    benchmark_figure,
    by_model,
    epochs_blocks,
    ordered,
    speed_blocks,
    trials_blocks,
)
from ml.report.page.blocks import Block, Missing, Section, Table
from ml.report.page.palette import shown_name
from ml.report.page.verdicts import (
    best_verdict,
    epochs_verdict,
    speed_verdict,
    trials_verdict,
)
from ml.report.words import metric_name, plain

_COMMAND: Final = ".venv/bin/cross-sell benchmark"
_ARGUMENTS: Final = {"leave-one-out": " DIR"}


@dataclass(frozen=True)
class _Kind:
    """What a benchmark is called, what it tells, and how it is drawn."""

    title: str
    lead: str
    verdict: Callable[[Measurement], str]
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
        Missing(f"{_KINDS[name].title}:", f"{_COMMAND} {name}{_ARGUMENTS.get(name, '')}")
        for name in _KINDS
        if name not in measurements
    ]
    if missing:
        lead = "These benchmarks were not run on this warehouse. What measures them:"
        measured.append(Section("not-measured", "Not measured here", lead, missing))
    return measured


def _section(name: str, measurement: Measurement) -> Section:
    kind = _KINDS.get(name, _Kind(plain(name).capitalize(), "", lambda _: "", lambda _: []))
    return Section(
        f"benchmark-{name}",
        kind.title,
        f"{kind.verdict(measurement)} {kind.lead}".strip(),
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


def _table(measurement: Measurement) -> Table:
    """Every figure: a row per case and model, a column per metric, the study's beside it."""
    metrics = list(dict.fromkeys(row.metric for row in measurement.rows))
    with_study = {row.metric for row in measurement.rows if row.study_value is not None}
    headings = ["case", "model"]
    for metric in metrics:
        headings += [metric_name(metric), *(["the study"] if metric in with_study else [])]
    rows: list[list[str]] = []
    named: set[str] = set()
    for case in ordered(measurement.cases):
        for model in measurement.models:
            found = [measurement.find(case, model, metric) for metric in metrics]
            if not any(found):
                continue
            # Named once: the rows of a case stand together.
            row = ["" if case in named else case, shown_name(model)]
            named.add(case)
            for metric, cell in zip(metrics, found, strict=True):
                row.append(numbers.NOTHING if cell is None else _with_spread(cell))
                if metric in with_study:
                    row.append(benchmark_figure(metric, cell.study_value if cell else None))
            rows.append(row)
    has_spread = any(row.low is not None for row in measurement.rows)
    caption = machine_in_words(measurement) + (" In brackets, low–high." if has_spread else "")
    return Table(headings, rows, texts=frozenset({0, 1}), caption=caption)


def _with_spread(cell: Measured) -> str:
    text = benchmark_figure(cell.metric, cell.value)
    if cell.low is None or cell.high is None:
        return text
    low, high = (benchmark_figure(cell.metric, end) for end in (cell.low, cell.high))
    return f"{text} ({low}–{high})"


def _notes(measurement: Measurement) -> list[Block]:
    rows = [
        [shown_name(row.model), row.case, row.note]
        for row in {(row.model, row.case, row.note): row for row in measurement.rows}.values()
        if row.note
    ]
    if not rows:
        return []
    return [Table(["model", "case", "note"], rows, texts=frozenset({0, 1, 2}), caption="Notes")]


_KINDS: Final = {
    "speed": _Kind(
        "Speed",
        "Training time at the study's three sizes and beyond, beside the minutes the study states.",
        speed_verdict,
        speed_blocks,
    ),
    "ratios": _Kind(
        "Beside the usual ways",
        "The same work done twice in one run, turn by turn: the usual way, and this project's."
        " How many times faster is the median of the turns; offers are compared.",
        lambda _: "",
        lambda _: [],
    ),
    "epochs": _Kind(
        "AUC by epochs",
        "What more epochs reach on held-out data, over several seeds, beside the study's"
        " figures. On generated data the best possible AUC is known.",
        epochs_verdict,
        epochs_blocks,
    ),
    "trials": _Kind(
        "Trial runs",
        "Average, best and worst AUC over all trial runs of the search for settings.",
        trials_verdict,
        trials_blocks,
    ),
    "peers": _Kind(
        "Beside other libraries",
        "The same splits and the same metric code for what people would pick instead.",
        best_verdict,
        by_model(("hr@10", "ndcg@10"), "peers"),
    ),
    "leave-one-out": _Kind(
        "Leave one out",
        "The NCF paper's protocol: each client's last item against sampled negatives.",
        best_verdict,
        by_model(("hr@10", "ndcg@10"), "leave-one-out"),
    ),
}
