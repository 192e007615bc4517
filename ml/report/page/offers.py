"""What the offers are worth, and how far their chances can be trusted."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from ml import contracts
from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import Facts, Row
from ml.report.page.answer import conversion_margin, conversions, expected
from ml.report.page.blocks import Block, Chart, Grid, Missing, Section, Table
from ml.report.page.charts import Axis, Dot, LinePoint, bars, lines
from ml.report.page.comparison import REBUILD
from ml.report.page.palette import CHANCE, PERFECT, shown_name
from ml.report.words import metric_name

_PARTNERS_SHOWN: Final = 12
_DEPTHS: Final = (1, 5, 10, 20)
_DEPTH_SHOWN: Final = 10
_CALIBRATION: Final = (
    "calibration_error",
    "brier_score",
    "log_loss",
    "mean_probability",
    "positive_rate",
)


def worth_section(facts: Facts) -> Section:
    """Purchases and margin met by the first offers, by model, and expected, by partner.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    blocks: list[Block] = []
    if facts.holdout_value:
        blocks.append(
            Grid(
                [
                    _met_chart(facts, Columns.CONVERSION_COUNT, "first purchases"),
                    _met_chart(facts, Columns.CONVERSION_MARGIN, facts.money.heading("margin")),
                ]
            )
        )
        blocks.append(_met_table(facts))
    if facts.offer_value:
        blocks.append(_partner_chart(facts))
    if not blocks:
        blocks.append(Missing("What offers are worth is not in this warehouse yet:", REBUILD))
    return Section(
        "worth",
        "What the offers are worth",
        "How many first purchases, and how much margin, each model's list met in the"
        f" {facts.test_days}, by how many offers every client would have seen."
        f" {facts.money.terms}",
        blocks,
    )


def _met_chart(facts: Facts, column: str, what: str) -> Chart:
    points = []
    for model in facts.models:
        total = 0.0
        for row in _test_rows(facts, model):
            total += row[column]
            text = numbers.count(total)
            points.append(LinePoint(shown_name(model), row[Columns.CANDIDATE_RANK], total, text))
    depth = max((point.x for point in points), default=0)
    return Chart(
        f"met-{column.replace('_', '-')}",
        f"{what[0].upper()}{what[1:]} met in the {facts.test_days}",
        f"{what} met by offers per client: "
        + "; ".join(f"{p.series} {p.text} with {p.x:.0f}" for p in points if p.x == depth),
        lines(
            points,
            Axis("offers per client", "d"),
            Axis(what, ",.0f", starts_at_zero=True),
            has_points=False,
        ),
        Table(
            ["model", "offers per client", what],
            [[point.series, numbers.count(point.x), point.text] for point in points],
        ),
    )


def _test_rows(facts: Facts, model: str) -> list[Row]:
    return sorted(
        (
            row
            for row in facts.holdout_value
            if (row[Columns.FOLD], row[Columns.MODEL_NAME]) == (contracts.FOLD_TEST, model)
        ),
        key=lambda row: row[Columns.CANDIDATE_RANK],
    )


def _met_table(facts: Facts) -> Table:
    return Table(
        [
            "model",
            *(f"purchases, first {k}" for k in _DEPTHS),
            *(facts.money.heading(f"margin, first {k}") for k in _DEPTHS),
        ],
        [
            [
                shown_name(model),
                *(numbers.count(conversions(facts, model, k)) for k in _DEPTHS),
                *(numbers.money(conversion_margin(facts, model, k)) for k in _DEPTHS),
            ]
            for model in facts.models
        ],
        strong=frozenset({facts.models.index(facts.champion)}),
        caption=f"Met in the {facts.test_days}, by offers per client",
    )


def _partner_chart(facts: Facts) -> Chart:
    margins: defaultdict[str, float] = defaultdict(float)
    purchases: defaultdict[str, float] = defaultdict(float)
    offers: defaultdict[str, int] = defaultdict(int)
    for row in facts.offer_value:
        if row[Columns.OFFER_RANK] <= _DEPTH_SHOWN:
            name = row[Columns.PARTNER_NAME]
            margins[name] += row[Columns.EXPECTED_MARGIN] or 0.0
            purchases[name] += row[Columns.EXPECTED_CONVERSION_COUNT]
            offers[name] += row[Columns.OFFER_COUNT]
    ranked = sorted(margins, key=lambda name: (-margins[name], name))
    shown = [
        Dot(name, name, margins[name], text=facts.money.shown(margins[name]))
        for name in ranked[:_PARTNERS_SHOWN]
    ]
    return Chart(
        "partners",
        "Margin to expect by partner",
        f"Expected margin of the first {_DEPTH_SHOWN} offers per client: "
        + "; ".join(f"{dot.label} {dot.text}" for dot in shown),
        bars(shown, Axis(facts.money.heading("expected margin"), ",.0f", starts_at_zero=True)),
        Table(
            ["partner", "offers", "purchases to expect", facts.money.heading("margin to expect")],
            [
                [
                    name,
                    numbers.count(offers[name]),
                    numbers.count(purchases[name]),
                    numbers.money(margins[name]),
                ]
                for name in ranked
            ],
        ),
        f"First {_DEPTH_SHOWN} offers of every client,"
        f" {numbers.count(expected(facts, Columns.OFFER_COUNT, _DEPTH_SHOWN))} in all.",
    )


def trust_section(facts: Facts) -> Section:
    """Calibration, lift and gain on the test fold.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    charts = []
    curve = _of_champion(facts, facts.calibration)
    if curve:
        charts.append(_calibration_chart(facts, curve))
    deciles = _of_champion(facts, facts.lift)
    if deciles:
        charts += [_lift_chart(facts, deciles), _gain_chart(facts)]
    blocks: list[Block] = [_calibration_table(facts)]
    if charts:
        blocks.insert(0, Grid(charts))
    if not curve or not deciles:
        blocks.append(Missing("Calibration curve or lift are not in this warehouse yet:", REBUILD))
    return Section(
        "trust",
        "Can the chances be trusted?",
        "An offer's chance is a calibrated probability: of offers stated at 5%, about 5 in 100"
        " should be taken. Measured on the offers of every eligible client in the"
        f" {facts.test_days}.",
        blocks,
    )


def _of_champion(facts: Facts, rows: list[Row]) -> list[Row]:
    return [
        row
        for row in rows
        if (row[Columns.FOLD], row[Columns.MODEL_NAME]) == (contracts.FOLD_TEST, facts.champion)
    ]


def _calibration_chart(facts: Facts, curve: list[Row]) -> Chart:
    champion = shown_name(facts.champion)
    known = [
        row
        for row in curve
        if row[Columns.MEAN_PROBABILITY] is not None and row[Columns.CONVERSION_RATE] is not None
    ]
    points = [
        LinePoint(
            champion,
            row[Columns.MEAN_PROBABILITY],
            row[Columns.CONVERSION_RATE],
            numbers.percent(row[Columns.CONVERSION_RATE]),
        )
        for row in known
    ]
    most = max((max(point.x, point.y) for point in points), default=1.0)
    perfect = [LinePoint(PERFECT, x, x, numbers.percent(x)) for x in (0.0, most)]
    return Chart(
        "calibration",
        "Stated and happened",
        f"Calibration of {champion}: share of offers taken against the stated chance, in"
        f" {len(points)} bins of equally many offers; the diagonal is perfect",
        lines(
            [*points, *perfect],
            Axis("stated chance", ".0%", starts_at_zero=True),
            Axis("share taken", ".0%", starts_at_zero=True),
        ),
        Table(
            ["bin", "offers", "stated", "taken"],
            [
                [
                    numbers.count(row[Columns.BIN]),
                    numbers.count(row[Columns.OFFER_COUNT]),
                    numbers.percent(row[Columns.MEAN_PROBABILITY]),
                    numbers.percent(row[Columns.CONVERSION_RATE]),
                ]
                for row in curve
            ],
        ),
        "Each point is a bin of equally many offers. Above the diagonal the chance was stated too"
        " low, below it too high.",
    )


def _lift_chart(facts: Facts, deciles: list[Row]) -> Chart:
    known = [row for row in deciles if row[Columns.LIFT] is not None]
    drawn = [
        Dot(
            f"tenth {row[Columns.DECILE]}",
            "lift",
            row[Columns.LIFT],
            text=f"{numbers.figure(row[Columns.LIFT], 2)}×",
        )
        for row in sorted(known, key=lambda row: row[Columns.DECILE])
    ]
    return Chart(
        "lift",
        "Lift by tenth of the offers",
        f"Lift of {shown_name(facts.champion)} by tenth of its offers, most likely first: "
        + "; ".join(f"{dot.label} {dot.text}" for dot in drawn),
        bars(drawn, Axis("times the average share taken", starts_at_zero=True),
             reference=1.0),
        Table(
            ["tenth", "offers", "stated", "taken", "share taken", "lift", "gain"],
            [
                [
                    numbers.count(row[Columns.DECILE]),
                    numbers.count(row[Columns.OFFER_COUNT]),
                    numbers.percent(row[Columns.MEAN_PROBABILITY]),
                    numbers.count(row[Columns.CONVERSION_COUNT]),
                    numbers.percent(row[Columns.CONVERSION_RATE]),
                    numbers.figure(row[Columns.LIFT], 2),
                    numbers.percent(row[Columns.GAIN]),
                ]
                for row in deciles
            ],
        ),
        "Tenth 1 holds the tenth of all offers with the highest chances. At 3× it is taken three"
        " times as often as offers on average (dashed line).",
    )  # fmt: skip


def _gain_chart(facts: Facts) -> Chart:
    points = []
    for model in facts.models:
        rows = [
            row
            for row in facts.lift
            if (row[Columns.FOLD], row[Columns.MODEL_NAME]) == (contracts.FOLD_TEST, model)
            and row[Columns.GAIN] is not None
        ]
        if not rows:
            continue
        points.append(LinePoint(shown_name(model), 0.0, 0.0, "0%"))
        points += [
            LinePoint(
                shown_name(model),
                row[Columns.DECILE] / 10,
                row[Columns.GAIN],
                numbers.percent(row[Columns.GAIN]),
            )
            for row in rows
        ]
    points += [LinePoint(CHANCE, x, x, numbers.percent(x)) for x in (0.0, 1.0)]
    return Chart(
        "gain",
        "Gain: purchases met by share of the offers made",
        "Share of all purchases among the offers that the most likely offers meet: "
        + "; ".join(f"{p.series} {p.text} with 10% of offers" for p in points if p.x == 0.1),
        lines(
            points,
            Axis("share of the offers, most likely first", ".0%", starts_at_zero=True),
            Axis("share of their purchases", ".0%", starts_at_zero=True),
        ),
        Table(
            ["model", "offers made", "purchases met"],
            [[point.series, numbers.percent(point.x), point.text] for point in points],
        ),
        "A model that could not tell its offers apart would climb along the dashed line.",
    )


def _calibration_table(facts: Facts) -> Table:
    known = [m for m in facts.models if facts.value(m, "calibration_error") is not None]
    return Table(
        ["model", *(metric_name(metric) for metric in _CALIBRATION)],
        [
            [
                shown_name(model),
                *(numbers.figure(facts.value(model, metric)) for metric in _CALIBRATION[:3]),
                *(numbers.percent(facts.value(model, metric)) for metric in _CALIBRATION[3:]),
            ]
            for model in known
        ],
        strong=frozenset({known.index(facts.champion)} if facts.champion in known else ()),
        caption="On test, over the offers; lower is better in the first three",
    )
