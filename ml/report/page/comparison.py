"""Models side by side: figures with intervals, differences, and how they learned."""

from __future__ import annotations

from typing import Final

from ml import contracts
from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import Facts
from ml.report.page.answer import against
from ml.report.page.blocks import Block, Chart, Grid, Missing, Section, Table, Terms
from ml.report.page.charts import Axis, Dot, LinePoint, dots, lines
from ml.report.page.palette import shown_name
from ml.report.words import metric_meanings, metric_name

REBUILD: Final = ".venv/bin/cross-sell build --selector after_training"
_CURVE_K: Final = 10
_SHOWN: Final = ("ndcg", "hr", "recall", "map", "precision")


def comparison_section(facts: Facts) -> Section:
    """All models on the test fold, with intervals; the champion's differences; terms.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    ndcg = f"ndcg@{facts.k}"
    found = facts.metric(facts.champion, ndcg)
    clients = 0 if found is None else found.client_count
    blocks: list[Block] = []
    if found is not None and found.value is not None:
        blocks.append(Grid([_metric_chart(facts, metric) for metric in (ndcg, f"hr@{facts.k}")]))
    blocks += [_models_table(facts), *_choices(facts), *_differences(facts)]
    blocks.append(Terms(metric_meanings(facts.k)))
    return Section(
        "models",
        "Models side by side",
        f"Measured once, on {numbers.count(clients)} clients who took something new in the"
        f" {facts.test_days}. Every service that a client could have been offered is ranked;"
        " none is sampled.",
        blocks,
    )


def _metric_chart(facts: Facts, metric: str) -> Chart:
    rows = [
        Dot(shown_name(model), shown_name(model), found.value, found.low, found.high,
            numbers.figure(found.value))
        for model in facts.models
        for found in [facts.metric(model, metric)]
        if found is not None and found.value is not None
    ]  # fmt: skip
    name = metric_name(metric)
    return Chart(
        f"models-{metric.replace('@', '-')}",
        f"{name} on test",
        f"{name} of each model on the test fold with its 95% interval: "
        + "; ".join(f"{row.label} {row.text}" for row in rows),
        dots(rows, Axis(name, ".3f")),
        Table(
            ["model", name, "95% interval"],
            [[row.label, row.text, numbers.interval(row.low, row.high)] for row in rows],
        ),
    )


def _models_table(facts: Facts) -> Table:
    rows = []
    ndcg, shown = f"ndcg@{facts.k}", (*(f"{name}@{facts.k}" for name in _SHOWN), "auc")
    for model in facts.models:
        title = f"{shown_name(model)} ★" if model == facts.champion else shown_name(model)
        found = facts.metric(model, ndcg)
        rows.append(
            [
                title,
                numbers.figure(facts.value(model, ndcg, contracts.FOLD_VALIDATION)),
                *(numbers.figure(facts.value(model, metric)) for metric in shown),
                "–" if found is None else numbers.interval(found.low, found.high),
            ]
        )
    name = metric_name(ndcg)
    return Table(
        [
            "model", f"{name} validation", *(f"{metric_name(m)} test" for m in shown),
            f"95% interval of {name}",
        ],
        rows,
        strong=frozenset({facts.models.index(facts.champion)}),
        caption="★ = makes the offers; chosen on validation, measured once on test",
    )  # fmt: skip


def _choices(facts: Facts) -> list[Block]:
    """What each model chose on the data; nothing of runs that did not tell."""
    if not facts.choices:
        return []
    return [
        Table(
            ["model", "what it chose"],
            [[shown_name(model), told] for model, told in facts.choices.items()],
            texts=frozenset({0, 1}),
            caption="Chosen on your data, on validation",
        )
    ]


def _differences(facts: Facts) -> list[Block]:
    if not facts.differences:
        return [Missing("Paired differences are not in this warehouse yet:", REBUILD)]
    champion, ndcg = shown_name(facts.champion), f"NDCG@{facts.k}"
    rows = [row for row in against(facts) if row[Columns.DIFFERENCE] is not None]
    all_pairs = _all_pairs(facts)
    if not rows:
        return [all_pairs]
    drawn = [
        Dot(
            f"vs {shown_name(row[Columns.OTHER_MODEL_NAME])}",
            shown_name(row[Columns.OTHER_MODEL_NAME]),
            row[Columns.DIFFERENCE],
            row[Columns.CI_LOW],
            row[Columns.CI_HIGH],
            numbers.signed(row[Columns.DIFFERENCE]),
        )
        for row in rows
    ]
    chart = Chart(
        "differences",
        f"{champion} against each other model, client by client",
        f"Difference in {ndcg} on test, {champion} less the other model, with 95% intervals: "
        + "; ".join(f"{dot.label} {dot.text}" for dot in drawn),
        dots(drawn, Axis(f"difference in {ndcg}", "+.3f", starts_at_zero=True), reference=0.0),
        all_pairs,
        "Right of the line, the champion is better; an interval that crosses the line leaves"
        " chance as an explanation.",
    )
    return [chart]


def _all_pairs(facts: Facts) -> Table:
    rows = [
        row
        for row in facts.differences
        if row[Columns.FOLD] == contracts.FOLD_TEST and row[Columns.DIFFERENCE] is not None
    ]
    rows.sort(key=lambda row: (not row[Columns.METRIC].startswith("ndcg"), row[Columns.METRIC]))
    return Table(
        ["metric", "model", "against", "difference", "95% interval", "p-value", "clients"],
        [
            [
                metric_name(row[Columns.METRIC]),
                shown_name(row[Columns.MODEL_NAME]),
                shown_name(row[Columns.OTHER_MODEL_NAME]),
                numbers.signed(row[Columns.DIFFERENCE]),
                numbers.signed_interval(row[Columns.CI_LOW], row[Columns.CI_HIGH]),
                numbers.p_value(row[Columns.P_VALUE]),
                numbers.count(row[Columns.CLIENT_COUNT]),
            ]
            for row in rows
        ],
        texts=frozenset({0, 1, 2}),
        caption="Paired bootstrap over the same clients; p-values corrected by Holm's method",
    )


def learning_section(facts: Facts) -> Section | None:
    """NDCG@10 and AUC on validation by epoch; None where no model learns in epochs.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section or None
    """
    charts = [
        chart
        for chart in (
            # Of a small catalogue the first ten are told nowhere.
            _curve_chart(facts, Columns.NDCG_AT_10, "NDCG@10") if facts.k == _CURVE_K else None,
            _curve_chart(facts, Columns.AUC, "AUC"),
        )
        if chart is not None
    ]
    if not charts:
        return None
    return Section(
        "learning",
        "How they learned",
        "A ring marks each model's best epoch on validation by the figure shown. Training stops"
        " where NDCG@10 no longer grows; the refits train as long as the best epoch took.",
        [Grid(charts), _costs(facts)],
    )


def _curve_chart(facts: Facts, column: str, name: str) -> Chart | None:
    by_model: dict[str, list[tuple[int, float]]] = {}
    for row in facts.curves:
        if row[column] is not None:
            by_model.setdefault(row[Columns.MODEL_NAME], []).append(
                (row[Columns.EPOCH], row[column])
            )
    last = max((epoch for curve in by_model.values() for epoch, _ in curve), default=0)
    if last <= 1:
        return None
    points, marked = [], []
    for model in (m for m in facts.models if m in by_model):
        curve = by_model[model]
        title = shown_name(model)
        if len(curve) == 1:
            # A model that learns in one step is a level to compare with.
            value = curve[0][1]
            points += [LinePoint(title, x, value, numbers.figure(value)) for x in (1, last)]
            continue
        points += [LinePoint(title, epoch, value, numbers.figure(value)) for epoch, value in curve]
        epoch, value = max(curve, key=lambda point: point[1])
        marked.append(LinePoint(title, epoch, value, numbers.figure(value)))
    return Chart(
        f"curve-{column.replace('_', '-')}",
        f"{name} on validation by epoch",
        f"{name} on validation after each epoch. Best: "
        + "; ".join(f"{p.series} {p.text} at epoch {p.x:.0f}" for p in marked),
        lines(points, Axis("epoch", "d"), Axis(name, ".3f"), marked=marked),
        Table(
            ["model", "epoch", name],
            [
                [shown_name(model), numbers.count(epoch), numbers.figure(value)]
                for model, curve in by_model.items()
                for epoch, value in curve
            ],
        ),
    )


def _costs(facts: Facts) -> Table:
    rows = []
    for model in facts.models:
        epochs = [row for row in facts.curves if row[Columns.MODEL_NAME] == model]
        if epochs:
            seconds = sum(row[Columns.SECONDS] for row in epochs)
            rows.append(
                [
                    shown_name(model),
                    numbers.count(len(epochs)),
                    numbers.duration(seconds),
                    numbers.duration(seconds / len(epochs)),
                ]
            )
    return Table(
        ["model", "epochs trained", "training", "per epoch"],
        rows,
        caption="Time to fit on the validation fold, without its evaluation",
    )
