"""Where the figures come from: the data and its quality, the run's cost, settings, versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ml import contracts
from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import Facts
from ml.report.page.blocks import Block, Chart, Section, Table
from ml.report.page.charts import Axis, Dot, bars
from ml.report.words import plain

_ELIGIBLE: Final = "eligible"


def data_section(facts: Facts) -> Section:
    """Data span, folds, eligibility and what became of the raw rows.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    return Section(
        "data",
        "The data",
        _data_lead(facts),
        [_windows(facts), _quality(facts), _eligibility(facts), _features(facts)],
    )


def rejected_share(facts: Facts) -> float | None:
    """Share of the raw rows that could not be used."""
    read = sum(r[Columns.ROW_COUNT] for r in facts.quality if r[Columns.OUTCOME_KIND] == "read")
    lost = sum(r[Columns.ROW_COUNT] for r in facts.quality if r[Columns.OUTCOME_KIND] == "rejected")
    return lost / read if read else None


def _data_lead(facts: Facts) -> str:
    share = rejected_share(facts)
    lead = f"Everything known before {numbers.day(facts.run[Columns.AS_OF_AT])} counts."
    if facts.events:
        count = sum(row[Columns.EVENT_COUNT] for row in facts.events)
        first = min(row[Columns.FIRST_EVENT_AT] for row in facts.events)
        lead += f" That is {numbers.count(count)} events since {numbers.day(first)}."
    if share is not None:
        lead += (
            f" {numbers.percent(share)} of the raw rows could not be used; each is kept with its"
            " reason in core.rejected_transactions or counted here."
        )
    if facts.rejections:
        lead += f" Of what partners' files brought, {facts.rejections}."
    return lead


def _windows(facts: Facts) -> Table:
    rows = sorted(facts.windows.values(), key=lambda row: row[Columns.CUTOFF_AT])
    return Table(
        ["fold", "learns from everything before", "labels: first purchases until", "days"],
        [
            [
                row[Columns.FOLD],
                numbers.day(row[Columns.CUTOFF_AT]),
                numbers.day(row[Columns.HORIZON_END_AT]),
                numbers.count(row[Columns.HORIZON_DAYS]),
            ]
            for row in rows
        ],
        texts=frozenset({0, 1, 2}),
        caption="Time is cut once, in SQL; the serving fold's purchases are still to come",
    )


def _quality(facts: Facts) -> Table:
    kinds = {"read": 0, "accepted": 1, "duplicate": 2, "rejected": 3}
    rows = sorted(
        facts.quality,
        key=lambda row: (row[Columns.ENTITY], kinds.get(row[Columns.OUTCOME_KIND], 9)),
    )
    return Table(
        ["raw rows", "what became of them", "kind", "rows"],
        [
            [
                plain(row[Columns.ENTITY]),
                plain(row[Columns.OUTCOME]),
                plain(row[Columns.OUTCOME_KIND]),
                numbers.count(row[Columns.ROW_COUNT]),
            ]
            for row in rows
        ],
        texts=frozenset({0, 1, 2}),
        caption="Rows read, used and left out, from core.data_quality_counts",
    )


def _eligibility(facts: Facts) -> Table:
    """What may be offered and what not, with a column per fold."""
    counts = {
        (row[Columns.SCOPE], row[Columns.REASON], row[Columns.FOLD]): row[Columns.ROW_COUNT]
        for row in facts.eligibility
    }
    kinds = sorted(
        {(scope, reason) for scope, reason, _ in counts},
        key=lambda kind: (kind[0], kind[1] != _ELIGIBLE, kind[1]),
    )
    folds = [fold for fold in facts.windows if any(key[2] == fold for key in counts)]
    folds.sort(key=lambda fold: facts.windows[fold][Columns.CUTOFF_AT])
    return Table(
        ["what", "may be offered?", *folds],
        [
            [
                plain(scope),
                "yes" if reason == _ELIGIBLE else f"no: {plain(reason)}",
                *(numbers.count(counts.get((scope, reason, fold))) for fold in folds),
            ]
            for scope, reason in kinds
        ],
        texts=frozenset({0, 1}),
        caption="Who may be offered what, from learning.eligibility_counts",
    )


def _features(facts: Facts) -> Table:
    rows = [row for row in facts.features if row[Columns.FOLD] == contracts.FOLD_SERVING]
    return Table(
        ["of", "family of features", "features"],
        [
            [
                row[Columns.SCOPE],
                plain(row[Columns.FEATURE_FAMILY]),
                numbers.count(row[Columns.FEATURE_COUNT]),
            ]
            for row in rows
        ],
        texts=frozenset({0, 1}),
        caption="What models may know beside who has what, from learning.feature_counts",
        is_folded=True,
    )


def provenance_section(facts: Facts) -> Section:
    """Steps with time and memory, settings, versions.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    run = facts.run
    total = sum(row[Columns.SECONDS] for row in facts.steps)
    blocks: list[Block] = []
    if facts.steps:
        blocks.append(_steps(facts))
    blocks += [_run_table(facts), _settings(facts), _versions(facts)]
    return Section(
        "provenance",
        "Where this comes from",
        f"Run {run[Columns.RUN_ID]} took {numbers.duration(total)} and at most"
        f" {numbers.memory(max((r[Columns.PEAK_MEMORY_MIB] for r in facts.steps), default=None))}"
        f" of memory. The same data, settings and seed ({run[Columns.SEED]}) give the same"
        " scores, bit by bit.",
        blocks,
    )


def _steps(facts: Facts) -> Chart:
    rows = [
        Dot(
            row[Columns.STEP],
            "seconds",
            row[Columns.SECONDS],
            text=numbers.duration(row[Columns.SECONDS]),
        )
        for row in facts.steps
    ]
    return Chart(
        "steps",
        "Time of each step",
        "Seconds of each step of the run: " + "; ".join(f"{r.label} {r.text}" for r in rows),
        bars(rows, Axis("seconds", starts_at_zero=True)),
        Table(
            ["step", "time", "peak memory"],
            [
                [
                    row[Columns.STEP],
                    numbers.duration(row[Columns.SECONDS]),
                    numbers.memory(row[Columns.PEAK_MEMORY_MIB]),
                ]
                for row in facts.steps
            ],
        ),
    )


def _run_table(facts: Facts) -> Table:
    run = facts.run
    return Table(
        ["run", ""],
        [
            ["run", run[Columns.RUN_ID]],
            ["data as of", numbers.day(run[Columns.AS_OF_AT])],
            ["started", f"{run[Columns.STARTED_AT]:%Y-%m-%d %H:%M:%S} UTC"],
            ["finished", f"{run[Columns.FINISHED_AT]:%Y-%m-%d %H:%M:%S} UTC"],
            ["seed", str(run[Columns.SEED])],
        ],
        texts=frozenset({0, 1}),
    )


def flattened(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Settings as dotted names and values.

    >>> list(flattened({"seed": 42, "ncf": {"dropout": 0.5}}))
    [('seed', '42'), ('ncf.dropout', '0.5')]
    """
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def _settings(facts: Facts) -> Table:
    return Table(
        ["setting", "value"],
        list(flattened(facts.settings)),
        texts=frozenset({0, 1}),
        caption="Settings of the run",
        is_folded=True,
    )


def _versions(facts: Facts) -> Table:
    return Table(
        ["package", "version"],
        list(facts.versions.items()),
        texts=frozenset({0, 1}),
        caption="Versions of the packages",
        is_folded=True,
    )
