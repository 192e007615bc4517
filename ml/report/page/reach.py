"""Whom and what the offers reach: coverage, novelty, segments, and some real clients."""

from __future__ import annotations

from typing import Any, Final

from ml.contracts import Columns
from ml.report import numbers
from ml.report.client import ClientPage, owned_in_words
from ml.report.facts import FEW_CLIENTS, Facts, Metric
from ml.report.page.answer import FLOOR
from ml.report.page.blocks import Block, Chart, ClientCard, Clients, Grid, Section, Table
from ml.report.page.charts import Axis, Dot, dots
from ml.report.page.palette import shown_name
from ml.report.words import metric_name, segment_name

_REACH: Final = ("coverage", "novelty", "popularity_bias")
_SEGMENTS_SHOWN: Final = 12


def reach_section(facts: Facts) -> Section:
    """How much of the catalogue is offered, and how well known it is.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section
    """
    reach = [f"{metric}@{facts.k}" for metric in _REACH]
    known = [m for m in reach if any(facts.value(model, m) is not None for model in facts.models)]
    blocks: list[Block] = [Grid([_reach_chart(facts, metric) for metric in known])]
    return Section(
        "reach",
        "Breadth of the offers",
        "A model that offers everybody the same bestsellers can look accurate and be of little"
        " use to most partners. Coverage says how much of the catalogue anybody is offered.",
        blocks,
    )


def _reach_chart(facts: Facts, metric: str) -> Chart:
    is_share = metric.startswith("coverage")
    name = metric_name(metric)
    found = [(model, facts.value(model, metric)) for model in facts.models]
    rows = [
        Dot(
            shown_name(model),
            shown_name(model),
            value,
            text=numbers.share(value) if is_share else numbers.figure(value, 3),
        )
        for model, value in found
        if value is not None
    ]
    axis = Axis(name, ".0%" if is_share else ".3~f", starts_at_zero=is_share)
    return Chart(
        metric.replace("@", "-").replace("_", "-"),
        name,
        f"{name} of each model on test: " + "; ".join(f"{r.label} {r.text}" for r in rows),
        dots(rows, axis),
        Table(["model", name], [[row.label, row.text] for row in rows]),
    )


def segments_section(facts: Facts) -> Section | None:
    """New clients, partners and client segments; None where the test fold has no label.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section or None
    """
    if facts.value(facts.champion, f"ndcg@{facts.k}") is None:
        return None
    segments = facts.segments()
    groups = {
        "history": [s for s in segments if s in ("warm", "cold")],
        "partner": [s for s in segments if s.startswith("partner: ")],
        "client": [s for s in segments if ": " in s and not s.startswith("partner: ")],
    }
    titles = {
        "history": "With and without history",
        "partner": f"By partner, the {_SEGMENTS_SHOWN} with most clients",
        "client": f"By kind of client, the {_SEGMENTS_SHOWN} largest",
    }
    charts = [
        _segment_chart(facts, group, titles[group], names[:_SEGMENTS_SHOWN])
        for group, names in groups.items()
        if names
    ]
    cold = segments.get("cold", 0)
    return Section(
        "segments",
        "New clients and segments",
        f"{numbers.count(cold)} of the clients measured had no history before the"
        f" {facts.test_days}."
        + (
            " So few say little, as the width of their interval shows."
            if cold < FEW_CLIENTS
            else ""
        ),
        [Grid(charts), _segments_table(facts, list(segments))],
    )


def _segment_chart(facts: Facts, group: str, title: str, segments: list[str]) -> Chart:
    models = list(dict.fromkeys([facts.champion, FLOOR])) if FLOOR in facts.models else [
        facts.champion
    ]  # fmt: skip
    rows = [
        Dot(
            segment_name(segment).removeprefix("partner: "),
            shown_name(model),
            found.value,
            found.low,
            found.high,
            numbers.figure(found.value, 3),
        )
        for segment in segments
        for model in models
        for found in [facts.metric(model, f"ndcg@{facts.k}", segment=segment)]
        if found is not None and found.value is not None
    ]
    return Chart(
        f"segments-{group}",
        title,
        f"NDCG@{facts.k} on test by segment: "
        + "; ".join(f"{row.label}, {row.series} {row.text}" for row in rows),
        dots(rows, Axis(f"NDCG@{facts.k}", ".2f", starts_at_zero=True), has_legend=True),
        Table(
            ["segment", "model", f"NDCG@{facts.k}", "95% interval"],
            [
                [row.label, row.series, row.text, numbers.interval(row.low, row.high, 3)]
                for row in rows
            ],
            texts=frozenset({0, 1}),
        ),
    )


def _segments_table(facts: Facts, segments: list[str]) -> Table:
    def cell(metric: Metric | None) -> str:
        return "–" if metric is None else numbers.figure(metric.value, 3)

    others = [model for model in facts.models if model != facts.champion]
    ndcg, hr = f"ndcg@{facts.k}", f"hr@{facts.k}"
    rows = []
    for segment in ["all", *segments]:
        found = facts.metric(facts.champion, ndcg, segment=segment)
        rows.append(
            [
                segment_name(segment),
                numbers.count(None if found is None else found.client_count),
                cell(found),
                "–" if found is None else numbers.interval(found.low, found.high, 3),
                *(cell(facts.metric(model, ndcg, segment=segment)) for model in others),
                cell(facts.metric(facts.champion, hr, segment=segment)),
                cell(facts.metric(facts.champion, "auc", segment=segment)),
            ]
        )
    return Table(
        [
            "segment",
            "clients",
            f"NDCG@{facts.k} {shown_name(facts.champion)}",
            "95% interval",
            *(f"NDCG@{facts.k} {shown_name(model)}" for model in others),
            f"HR@{facts.k} {shown_name(facts.champion)}",
            f"AUC {shown_name(facts.champion)}",
        ],
        rows,
        strong=frozenset({0}),
        caption="All segments with their figures on test, by clients who took something new",
        is_folded=True,
    )


def clients_section(facts: Facts) -> Section | None:
    """Some real clients; None for a run that is not the latest, or without offers.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    Section or None
    """
    if not facts.clients:
        return None
    return Section(
        "clients",
        "A few real clients",
        "As a salesperson sees them: what the client has, what to offer next, how likely it is,"
        " what it is worth, and what to say.",
        [Clients([_card(page) for page in facts.clients])],
    )


def _card(page: ClientPage) -> ClientCard:
    owned, often = owned_in_words(page)
    is_new = bool(page.offers) and page.offers[0][Columns.IS_COLD_START]
    return ClientCard(
        f"Client {page.client_id}" + (", new" if is_new else ""),
        owned if owned.endswith(".") else f"{owned}.",
        f"{often}." if often else "",
        Table(
            ["#", "service", "partner", "chance", page.money.heading("worth"), "say"],
            [_offer(offer, page) for offer in page.offers],
            texts=frozenset({1, 2, 5}),
        ),
    )


def _offer(offer: dict[str, Any], page: ClientPage) -> list[str]:
    partner = offer[Columns.PARTNER_ID]
    return [
        str(offer[Columns.OFFER_RANK]),
        offer[Columns.SERVICE_NAME],
        page.partner_names.get(partner, partner),
        numbers.percent(offer[Columns.PROBABILITY]),
        numbers.money(offer[Columns.EXPECTED_MARGIN]),
        offer[Columns.REASON],
    ]
