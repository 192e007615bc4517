"""Whether the models are still right: drift of what they see, and what became of their offers."""

from __future__ import annotations

from typing import Any, Final

from ml import contracts
from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import Facts
from ml.report.page.blocks import Block, Missing, Section, Table
from ml.report.words import metric_name, plain

_PSI: Final = "psi"
_CONVERSION: Final = Columns.CONVERSION_RATE
_SHOWN: Final = 10
_SCOPE_ALL: Final = "offers"

Row = dict[str, Any]


def health_section(facts: Facts) -> Section | None:
    """Drift of the inputs, and earlier offers against what happened.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section or None
        None where the page is of an older run, or the warehouse has no figures of health yet.
    """
    if not facts.health or not facts.is_latest:
        return None
    inputs = [row for row in facts.health if row[Columns.KIND] == contracts.KIND_INPUT]
    outcomes = [
        row
        for row in facts.health
        if row[Columns.KIND] == contracts.KIND_OUTCOME and row[Columns.SCOPE] == _SCOPE_ALL
    ]
    blocks: list[Block] = []
    if outcomes:
        blocks.append(_outcomes(outcomes))
    else:
        blocks.append(
            Missing(
                "No earlier run's horizon has begun to pass yet: come back when newer data are"
                " loaded, with",
                "make refresh",
            )
        )
    blocks += [_inputs(inputs), _features(inputs)]
    return Section("health", "Is it still right?", _lead(inputs, outcomes), blocks)


def _lead(inputs: list[Row], outcomes: list[Row]) -> str:
    alarms = [row for row in inputs if row[Columns.IS_ALARM]]
    judged = sum(row[Columns.THRESHOLD] is not None for row in inputs)
    lead = (
        f"{numbers.count(len(alarms))} of {numbers.count(judged)} judged figures of the inputs"
        " have left their limits within the last horizon."
        if judged
        else "There are too few clients and services to judge drift of the inputs."
    )
    failed = [row for row in outcomes if row[Columns.IS_ALARM]]
    if any(row[Columns.THRESHOLD] is not None for row in outcomes):
        lead += (
            " Earlier offers did not come true as promised."
            if failed
            else " Earlier offers came true as promised."
        )
    return lead + (" 'make refresh' trains on what is new." if alarms or failed else "")


def _verdict(row: Row) -> str:
    if row[Columns.THRESHOLD] is None:
        return "not judged" if row[Columns.IS_COMPLETE] else "horizon not over"
    return "alarm" if row[Columns.IS_ALARM] else "fine"


def _figure(row: Row, name: str) -> str:
    shown = numbers.percent if row[Columns.MEASURE] == _CONVERSION else numbers.figure
    return shown(row[name])


def _outcomes(rows: list[Row]) -> Table:
    """Newest run first; runs' ids begin with their time."""
    ordered = sorted(rows, key=lambda row: row[Columns.MEASURE])
    ordered.sort(key=lambda row: str(row[Columns.MOMENT]), reverse=True)
    return Table(
        ["run", "figure", "promised", "came true", "limit", ""],
        [
            [
                row[Columns.MOMENT],
                "Share of offers taken"
                if row[Columns.MEASURE] == _CONVERSION
                else metric_name(row[Columns.MEASURE]),
                _figure(row, Columns.REFERENCE_VALUE),
                _figure(row, Columns.VALUE),
                _figure(row, Columns.THRESHOLD),
                _verdict(row),
            ]
            for row in ordered
        ],
        texts=frozenset({0, 1, 5}),
        strong=frozenset(i for i, row in enumerate(ordered) if row[Columns.IS_ALARM]),
        caption="Yesterday's offers against what happened, from cross_sell.model_health",
    )


def _inputs(rows: list[Row]) -> Table:
    """Shares of newcomers, partners' sales, and the features taken together."""
    names = {
        ("client", "new_share"): "new clients",
        ("service", "new_share"): "new services",
        ("client_features", "drifted_share"): "client features that have moved",
        ("service_features", "drifted_share"): "service features that have moved",
        ("partners", _PSI): "sales by partner: population stability index",
    }
    found = [
        (names[key], row)
        for row in rows
        if (key := (row[Columns.SCOPE], row[Columns.MEASURE])) in names
    ]
    return Table(
        ["what goes in", "now", "a horizon ago", "limit", ""],
        [
            [
                name,
                *(
                    (numbers.figure if row[Columns.MEASURE] == _PSI else numbers.percent)(
                        row[column]
                    )
                    for column in (Columns.VALUE, Columns.REFERENCE_VALUE, Columns.THRESHOLD)
                ),
                _verdict(row),
            ]
            for name, row in found
        ],
        texts=frozenset({0, 4}),
        strong=frozenset(i for i, (_, row) in enumerate(found) if row[Columns.IS_ALARM]),
        caption="What the models see, now and one horizon ago",
    )


def _features(rows: list[Row]) -> Table:
    """Features that moved most."""
    moved = sorted(
        (
            row
            for row in rows
            if row[Columns.MEASURE] == _PSI and row[Columns.SCOPE].endswith("_feature")
        ),
        key=lambda row: (-row[Columns.VALUE], row[Columns.SCOPE], row[Columns.SUBJECT]),
    )[:_SHOWN]
    return Table(
        ["feature", "of", "population stability index", "limit", ""],
        [
            [
                plain(row[Columns.SUBJECT]),
                row[Columns.SCOPE].partition("_")[0],
                numbers.figure(row[Columns.VALUE]),
                numbers.figure(row[Columns.THRESHOLD]),
                _verdict(row),
            ]
            for row in moved
        ],
        texts=frozenset({0, 1, 4}),
        strong=frozenset(i for i, row in enumerate(moved) if row[Columns.IS_ALARM]),
        caption="Features that moved most: 0 = not at all, above 0.25 = another population",
        is_folded=True,
    )
