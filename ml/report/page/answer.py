"""The answer first: which model, how sure, what it is worth."""

from __future__ import annotations

from typing import Final

from ml import contracts
from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import Facts, Row
from ml.report.page.blocks import Block, Figure, Figures, Prose, Section
from ml.report.page.palette import shown_name
from ml.report.words import listed

FLOOR: Final = "popularity"
"""The model without any learning that others are held against."""

ALPHA: Final = 0.05


def answer_section(facts: Facts) -> Section:
    """Which model makes the offers, how sure that is, and what the offers are worth.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    blocks: list[Block] = [Figures(_figures(facts)), Prose(_paragraphs(facts))]
    return Section("answer", "The answer", _lead(facts), blocks)


def conversions(facts: Facts, model: str, k: int | None = None) -> int | None:
    """First purchases on test among a model's first candidates of each client."""
    rows = _first(facts, model, k or facts.k)
    return sum(row[Columns.CONVERSION_COUNT] for row in rows) if rows else None


def conversion_margin(facts: Facts, model: str, k: int | None = None) -> float | None:
    """Margin of these purchases, in the programme's currency."""
    rows = _first(facts, model, k or facts.k)
    return sum(row[Columns.CONVERSION_MARGIN] for row in rows) if rows else None


def _first(facts: Facts, model: str, k: int) -> list[Row]:
    return [
        row
        for row in facts.holdout_value
        if (row[Columns.FOLD], row[Columns.MODEL_NAME]) == (contracts.FOLD_TEST, model)
        and row[Columns.CANDIDATE_RANK] <= k
    ]


def expected(facts: Facts, column: str, k: int | None = None) -> float | None:
    """Sum of a column of the offers' worth over the first offers of each client."""
    values = [
        row[column]
        for row in facts.offer_value
        if row[Columns.OFFER_RANK] <= (k or facts.k) and row[column] is not None
    ]
    return sum(values) if values else None


def against(facts: Facts) -> list[Row]:
    """The champion's paired differences on test, in NDCG; positive where it is better."""
    found = []
    for row in facts.differences:
        if (row[Columns.FOLD], row[Columns.METRIC]) != (contracts.FOLD_TEST, f"ndcg@{facts.k}"):
            continue
        if row[Columns.MODEL_NAME] == facts.champion:
            found.append(row)
        elif row[Columns.OTHER_MODEL_NAME] == facts.champion:
            found.append(_turned(row))
    return sorted(found, key=lambda row: facts.models.index(row[Columns.OTHER_MODEL_NAME]))


def _turned(row: Row) -> Row:
    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return {
        **row,
        Columns.MODEL_NAME: row[Columns.OTHER_MODEL_NAME],
        Columns.OTHER_MODEL_NAME: row[Columns.MODEL_NAME],
        Columns.DIFFERENCE: minus(row[Columns.DIFFERENCE]),
        Columns.CI_LOW: minus(row[Columns.CI_HIGH]),
        Columns.CI_HIGH: minus(row[Columns.CI_LOW]),
    }


def is_significant(row: Row) -> bool:
    """Whether a paired difference is larger than chance explains."""
    p_value = row[Columns.P_VALUE]
    return p_value is not None and p_value <= ALPHA


def _lead(facts: Facts) -> str:
    champion = shown_name(facts.champion)
    sure = _how_sure(facts)
    worth = expected(facts, Columns.EXPECTED_MARGIN)
    lead = f"{champion} makes the offers. {sure}"
    if worth is not None:
        lead += (
            f" The first {facts.k} offers to every client should meet"
            f" {numbers.count(expected(facts, Columns.EXPECTED_CONVERSION_COUNT))} first purchases"
            f" worth {facts.money.shown(worth)} in margin over the next {facts.horizon_days} days."
        )
    return lead


def _how_sure(facts: Facts) -> str:
    rows = [row for row in against(facts) if row[Columns.DIFFERENCE] is not None]
    if not rows:
        if facts.value(facts.champion, f"ndcg@{facts.k}") is None:
            return (
                f"No client took anything new in the {facts.test_days}, so nothing proves it yet."
            )
        return "It ranked best on validation; how it did after that stands below."
    better = [r for r in rows if is_significant(r) and r[Columns.DIFFERENCE] > 0]
    worse = [r for r in rows if is_significant(r) and r[Columns.DIFFERENCE] < 0]
    level = [r for r in rows if not is_significant(r)]
    parts = [
        f"{words} {listed([shown_name(row[Columns.OTHER_MODEL_NAME]) for row in found])}"
        for words, found in (
            ("better than", better),
            ("worse than", worse),
            ("not to be told from", level),
        )
        if found
    ]
    return f"On purchases it had never seen it ranks {listed(parts)}."


def _figures(facts: Facts) -> list[Figure]:
    return [
        figure
        for figure in (
            _hit_rate(facts),
            _met_purchases(facts),
            _worth(facts),
            _honesty(facts),
        )
        if figure is not None
    ]


def _hit_rate(facts: Facts) -> Figure | None:
    found = facts.metric(facts.champion, f"hr@{facts.k}")
    if found is None or found.value is None:
        return None
    floor = facts.value(FLOOR, f"hr@{facts.k}")
    note = f"95% interval {numbers.percent(found.low)} to {numbers.percent(found.high)}"
    if floor is not None and facts.champion != FLOOR:
        note += f"; a list of what is popular: {numbers.percent(floor)}"
    return Figure(
        numbers.percent(found.value),
        f"of clients who took something new took one of their first {facts.k} offers",
        note,
    )


def _met_purchases(facts: Facts) -> Figure | None:
    met, floor = conversions(facts, facts.champion), conversions(facts, FLOOR)
    if met is None:
        return None
    note = ""
    if floor and facts.champion != FLOOR:
        note = (
            f"{numbers.count(floor)} by a list of what is popular:"
            f" {numbers.signed_percent(met / floor - 1)}"
        )
    return Figure(
        numbers.count(met),
        f"first purchases in the {facts.test_days} were among the first {facts.k} offers",
        note,
    )


def _worth(facts: Facts) -> Figure | None:
    worth = expected(facts, Columns.EXPECTED_MARGIN)
    offers = expected(facts, Columns.OFFER_COUNT)
    if worth is None or not offers:
        return None
    return Figure(
        numbers.money(worth),
        f"{facts.money.heading('margin to expect')} from {numbers.count(offers)} offers in "
        f"{facts.horizon_days} days",
        f"{facts.money.shown(worth / offers)} an offer on average",
    )


def _honesty(facts: Facts) -> Figure | None:
    stated = facts.value(facts.champion, "mean_probability")
    happened = facts.value(facts.champion, "positive_rate")
    if stated is None or happened is None:
        return None
    return Figure(
        numbers.figure(facts.value(facts.champion, "calibration_error")),
        "calibration error: how far stated chances are from what happened, on average",
        f"stated {numbers.percent(stated)}, happened {numbers.percent(happened)}",
    )


def _paragraphs(facts: Facts) -> list[str]:
    paragraphs = [f"Why this model: {facts.run[Columns.CHAMPION_REASON]}"]
    if told := facts.choices.get(facts.champion):
        paragraphs.append(f"Chosen for it on your data: {told}.")
    richest = _richest(facts)
    if richest is not None:
        paragraphs.append(richest)
    paragraphs.append(
        "What the figures do not say: a purchase among the offers might have come without them."
        " Nobody was left out of the offers at random, so nothing here measures uplift; that takes"
        " a test with a control group."
    )
    return paragraphs


def _richest(facts: Facts) -> str | None:
    """Say so where another model's list met more margin: order and money may disagree."""
    margins = {model: conversion_margin(facts, model) for model in facts.models}
    known = {model: margin for model, margin in margins.items() if margin is not None}
    mine = known.get(facts.champion)
    if mine is None or len(known) < 2:
        return None
    best = max(known, key=lambda model: known[model])
    if best == facts.champion:
        return (
            f"Its first {facts.k} offers also met the most margin in the {facts.test_days}:"
            f" {facts.money.shown(mine)}."
        )
    return (
        f"By money the order differs: in the {facts.test_days} the first {facts.k} offers of"
        f" {shown_name(best)} met {facts.money.shown(known[best])} of margin, those of"
        f" {shown_name(facts.champion)} {facts.money.shown(mine)}. The choice goes by"
        f" NDCG@{facts.k} on validation, which counts each purchase alike."
    )
