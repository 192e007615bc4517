"""What a model card says, read from a run's facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml import contracts
from ml.contracts import Columns
from ml.report import numbers
from ml.report.facts import FEW_CLIENTS, Facts, Row
from ml.report.page.answer import against
from ml.report.page.blocks import Table
from ml.report.page.palette import shown_name
from ml.report.page.provenance import flattened
from ml.report.words import first_offers, listed, metric_name, plain, segment_name
from ml.tuning.saved import PROVENANCE, Provenance

_FIGURES: Final = ("ndcg@{k}", "hr@{k}", "auc", "coverage@{k}", "calibration_error")
_PERSONAL: Final = (
    Columns.AGE_BAND,
    Columns.INCOME_BAND,
    Columns.HOME_OWNERSHIP,
    Columns.MARITAL_STATUS,
    Columns.HOUSEHOLD_SIZE,
    Columns.HOUSEHOLD_COMPOSITION,
    Columns.KIDS_COUNT,
)


@dataclass(frozen=True)
class CardContent:
    """Values of the template, by the names it uses; tables as the page has them."""

    champion: str
    run_id: str
    models: str
    trained_on: str
    as_of: str
    reason: str
    seed: int
    versions: str
    settings: Table
    tuned: str
    choices: Table
    k: int
    first_offers: str
    horizon_days: int
    features: list[str]
    windows: Table
    is_latest: bool
    test_read_count: int
    training_data: str
    quality: Table
    figures: Table
    segments: Table
    differences: Table
    consent: str
    demographics: str
    cost: str
    steps: Table
    limits: list[str]


def card_content(facts: Facts) -> CardContent:
    """Everything that a run's card says.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    CardContent
    """
    run = facts.run
    return CardContent(
        champion=shown_name(facts.champion),
        run_id=run[Columns.RUN_ID],
        models=listed([shown_name(model) for model in facts.models]),
        trained_on=numbers.day(run[Columns.FINISHED_AT]),
        as_of=numbers.day(run[Columns.AS_OF_AT]),
        reason=run[Columns.CHAMPION_REASON],
        seed=run[Columns.SEED],
        versions=", ".join(f"{name} {number}" for name, number in facts.versions.items()),
        settings=_settings(facts),
        tuned=_tuned(facts),
        choices=_choices(facts),
        k=facts.k,
        first_offers=first_offers(facts.k),
        horizon_days=facts.horizon_days,
        features=_features(facts),
        windows=_windows(facts),
        is_latest=facts.is_latest,
        test_read_count=facts.test_read_count,
        training_data=_training_data(facts),
        quality=_quality(facts),
        figures=_figures(facts),
        segments=_segments(facts),
        differences=_differences(facts),
        consent=_consent(facts),
        demographics=_demographics(facts),
        cost=_cost(facts),
        steps=_steps(facts),
        limits=_limits(facts),
    )


def _settings(facts: Facts) -> Table:
    found = facts.settings.get(facts.champion, {})
    return Table(["setting", "value"], list(flattened(found)), texts=frozenset({0, 1}))


def _tuned(facts: Facts) -> str:
    """Where tuned settings come from; empty for those of the file of settings."""
    found = facts.settings.get(PROVENANCE, {}).get(facts.champion)
    return str(Provenance.model_validate(found)) if found else ""


def _choices(facts: Facts) -> Table:
    rows = [[shown_name(model), told] for model, told in facts.choices.items()]
    return Table(["model", "what it chose"], rows, texts=frozenset({0, 1}))


def _while(facts: Facts) -> str:
    return f"{facts.horizon_days} days" if facts.horizon_days else "a horizon"


def _serving_features(facts: Facts) -> list[Row]:
    return [row for row in facts.features if row[Columns.FOLD] == contracts.FOLD_SERVING]


def _features(facts: Facts) -> list[str]:
    by_scope: dict[str, list[str]] = {}
    for row in _serving_features(facts):
        family, count = plain(row[Columns.FEATURE_FAMILY]), row[Columns.FEATURE_COUNT]
        by_scope.setdefault(row[Columns.SCOPE], []).append(
            f"{family} ({numbers.count(count)})" if count > 1 else family
        )
    return [f"of the {scope}: {listed(families)}" for scope, families in by_scope.items()]


def _windows(facts: Facts) -> Table:
    return Table(
        ["fold", "learns from everything before", "labels until"],
        [
            [
                row[Columns.FOLD],
                numbers.day(row[Columns.CUTOFF_AT]),
                numbers.day(row[Columns.HORIZON_END_AT])
                if row[Columns.FOLD] != contracts.FOLD_SERVING
                else "none yet: this is what is scored",
            ]
            for row in sorted(facts.windows.values(), key=lambda row: row[Columns.CUTOFF_AT])
        ],
        texts=frozenset({0, 1, 2}),
    )


def _training_data(facts: Facts) -> str:
    if not facts.events:
        return f"Everything known before {numbers.day(facts.run[Columns.AS_OF_AT])}."
    kinds = [
        f"{numbers.count(row[Columns.EVENT_COUNT])} of kind {plain(row[Columns.EVENT_KIND])}"
        for row in facts.events
    ]
    first = min(row[Columns.FIRST_EVENT_AT] for row in facts.events)
    last = max(row[Columns.LAST_EVENT_AT] for row in facts.events)
    eligible = _eligible(facts)
    return (
        f"Events from {numbers.day(first)} to {numbers.day(last)}: {listed(kinds)}. To score:"
        f" {numbers.count(eligible.get('client'))} clients and"
        f" {numbers.count(eligible.get('service'))} services. Raw rows and what became of them:"
    )


def _eligible(facts: Facts, reason: str = "eligible") -> dict[str, int]:
    return {
        row[Columns.SCOPE]: row[Columns.ROW_COUNT]
        for row in facts.eligibility
        if (row[Columns.FOLD], row[Columns.REASON]) == (contracts.FOLD_SERVING, reason)
    }


def _quality(facts: Facts) -> Table:
    kinds = ("read", "accepted", "duplicate", "rejected")
    counts: dict[str, dict[str, int]] = {}
    for row in facts.quality:
        by_kind = counts.setdefault(row[Columns.ENTITY], dict.fromkeys(kinds, 0))
        by_kind[row[Columns.OUTCOME_KIND]] += row[Columns.ROW_COUNT]
    return Table(
        ["raw rows", *kinds],
        [
            [plain(entity), *(numbers.count(found[kind]) for kind in kinds)]
            for entity, found in counts.items()
        ],
    )


def _figures(facts: Facts) -> Table:
    rows = []
    figures = [metric.format(k=facts.k) for metric in _FIGURES]
    for model in facts.models:
        found = facts.metric(model, figures[0])
        rows.append(
            [
                shown_name(model),
                numbers.NOTHING if found is None else numbers.interval(found.low, found.high),
                *(numbers.figure(facts.value(model, metric)) for metric in figures),
            ]
        )
    return Table(
        ["model", f"95% interval of NDCG@{facts.k}", *(metric_name(metric) for metric in figures)],
        rows,
    )


def _segments(facts: Facts) -> Table:
    rows = []
    for segment in ("all", *facts.segments()):
        found = facts.metric(facts.champion, f"ndcg@{facts.k}", segment=segment)
        if found is None:
            continue
        rows.append(
            [
                segment_name(segment),
                numbers.count(found.client_count),
                numbers.figure(found.value),
                numbers.interval(found.low, found.high),
                numbers.figure(facts.value(facts.champion, f"hr@{facts.k}", segment=segment)),
                numbers.figure(facts.value(facts.champion, "auc", segment=segment)),
            ]
        )
    return Table(
        ["segment", "clients", f"NDCG@{facts.k}", "95% interval", f"HR@{facts.k}", "AUC"], rows
    )


def _differences(facts: Facts) -> Table:
    return Table(
        ["against", "difference", "95% interval", "p-value"],
        [
            [
                shown_name(row[Columns.OTHER_MODEL_NAME]),
                numbers.signed(row[Columns.DIFFERENCE]),
                numbers.signed_interval(row[Columns.CI_LOW], row[Columns.CI_HIGH]),
                numbers.p_value(row[Columns.P_VALUE]),
            ]
            for row in against(facts)
        ],
    )


def _consent(facts: Facts) -> str:
    refused = _eligible(facts, "no_consent").get("client", 0)
    if not refused:
        return (
            "no client is left out for lack of it. Whether unknown consent counts as a yes is the"
            " dbt var unknown_consent_is_consent."
        )
    return f"{numbers.count(refused)} clients get no offers for lack of it."


def _demographics(facts: Facts) -> str:
    known = {row[Columns.FEATURE_FAMILY] for row in _serving_features(facts)}
    personal = [plain(name) for name in _PERSONAL if name in known]
    return f"{listed(personal)}." if personal else "none."


def _cost(facts: Facts) -> str:
    seconds = sum(row[Columns.SECONDS] for row in facts.steps)
    peak = max((row[Columns.PEAK_MEMORY_MIB] for row in facts.steps), default=None)
    fit = sum(
        row[Columns.SECONDS] for row in facts.curves if row[Columns.MODEL_NAME] == facts.champion
    )
    return (
        f"The whole run, all models, took {numbers.duration(seconds)} and at most"
        f" {numbers.memory(peak)} of memory. Fitting {shown_name(facts.champion)} on the validation"
        f" fold took {numbers.duration(fit)} of it."
    )


def _steps(facts: Facts) -> Table:
    return Table(
        ["step", "time", "peak memory"],
        [
            [
                row[Columns.STEP],
                numbers.duration(row[Columns.SECONDS]),
                numbers.memory(row[Columns.PEAK_MEMORY_MIB]),
            ]
            for row in facts.steps
        ],
    )


def _limits(facts: Facts) -> list[str]:
    """Limits that this run's own figures show, then those of the method."""
    champion = facts.champion
    limits = []
    if facts.value(champion, f"ndcg@{facts.k}") is None:
        limits.append("No client has a label on test: nothing here was measured on unseen data.")
    cold = facts.metric(champion, f"ndcg@{facts.k}", segment="cold")
    if cold is None or cold.client_count < FEW_CLIENTS:
        count = 0 if cold is None else cold.client_count
        limits.append(
            f"Clients without history: only {numbers.count(count)} could be measured. Treat their"
            " figures as unknown and watch the first campaigns."
        )
    few = [s for s, clients in facts.segments().items() if clients < FEW_CLIENTS and s != "cold"]
    if few:
        limits.append(
            f"{len(few)} segments have fewer than {FEW_CLIENTS} measured clients; their intervals"
            " are wide."
        )
    coverage = facts.value(champion, f"coverage@{facts.k}")
    if coverage is not None:
        limits.append(
            f"{numbers.percent(1 - coverage)} of the services on sale are in nobody's"
            f" {first_offers(facts.k)}: partners with niche services see few."
        )
    error = facts.value(champion, "calibration_error")
    if error is not None:
        limits.append(
            f"Probabilities were off by {numbers.figure(error)} on average on test; they hold for"
            f" the offers as a whole and for {_while(facts)} like those before, not for each"
            " segment."
        )
    limits += [
        f"{_while(facts).capitalize()} of labels: seasons, campaigns and price changes outside"
        " them are not tested.",
        "Past campaigns were not random, so what looks like taste may be the echo of past offers;"
        " measure uplift with a control group before spending on it.",
        f"Offers age: run again when the programme's data has moved on by {_while(facts)}.",
    ]
    return limits
