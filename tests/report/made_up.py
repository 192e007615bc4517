"""A made-up run and made-up benchmarks, to draw pages from without training anything."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from ml import contracts
from ml.contracts import Columns
from ml.report.client import ClientPage
from ml.report.facts import Facts, Metric
from ml.report.measurements import Measured, Measurement

MODELS = ("ncf", "lightfm", "ease", "popularity")
SEGMENTS = {"all": 900, "warm": 890, "cold": 10, "partner: P1": 500, "age_band: 25-34": 200}
RUN_ID = "20240801T120000-0badcafe"
NASTY = "</script><script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


def made_up_facts(**changes: Any) -> Facts:
    """Everything a run can have: four models, all marts, three clients."""
    facts = Facts(
        run={
            Columns.RUN_ID: RUN_ID,
            Columns.STATUS: "completed",
            Columns.AS_OF_AT: datetime(2024, 8, 1),
            Columns.CHAMPION_MODEL: "ncf",
            Columns.CHAMPION_REASON: "Best ndcg@10 on validation, 0.2000.",
            Columns.SEED: 7,
            Columns.SETTINGS_JSON: json.dumps({"seed": 7, "ncf": {"dropout": 0.5}}),
            Columns.PACKAGE_VERSIONS_JSON: json.dumps({"torch": "2.0"}),
            Columns.STARTED_AT: datetime(2024, 8, 1, 12),
            Columns.FINISHED_AT: datetime(2024, 8, 1, 12, 5),
        },
        metrics=_metrics(),
        steps=[
            {
                Columns.RUN_ID: RUN_ID,
                Columns.STEP_NUMBER: number,
                Columns.STEP: step,
                Columns.SECONDS: 12.5 * number,
                Columns.PEAK_MEMORY_MIB: 700.0 + number,
            }
            for number, step in enumerate(("read marts", "fit ncf"), start=1)
        ],
        curves=_curves(),
        lift=_lift(),
        calibration=_calibration(),
        differences=_differences(),
        holdout_value=[
            {
                Columns.RUN_ID: RUN_ID,
                Columns.FOLD: contracts.FOLD_TEST,
                Columns.MODEL_NAME: model,
                Columns.CANDIDATE_RANK: rank,
                Columns.CONVERSION_COUNT: 50 - rank - 5 * place,
                Columns.CONVERSION_MARGIN: 20.0 - rank / 2 + place,
            }
            for place, model in enumerate(MODELS)
            for rank in range(1, 21)
        ],
        offer_value=[
            {
                Columns.RUN_ID: RUN_ID,
                Columns.PARTNER_ID: partner,
                Columns.PARTNER_NAME: name,
                Columns.OFFER_RANK: rank,
                Columns.OFFER_COUNT: 450,
                Columns.EXPECTED_CONVERSION_COUNT: 30.0 - rank,
                Columns.EXPECTED_MARGIN: 12.0 - rank / 2,
            }
            for partner, name in (("P1", "Corner Bakery"), ("P2", "Hill Dairy"))
            for rank in range(1, 21)
        ],
        windows={
            fold: {
                Columns.FOLD: fold,
                Columns.CUTOFF_AT: datetime(2024, 6, 2) + timedelta(days=30 * place),
                Columns.HORIZON_END_AT: datetime(2024, 7, 2) + timedelta(days=30 * place),
                Columns.HORIZON_DAYS: 30,
            }
            for place, fold in enumerate(("validation", "test", "serving"))
        },
        eligibility=[
            {
                Columns.FOLD: fold,
                Columns.SCOPE: "client",
                Columns.REASON: reason,
                Columns.ROW_COUNT: count,
            }
            for fold in ("validation", "test", "serving")
            for reason, count in (("eligible", 900), ("no_consent", 100))
        ],
        quality=[
            {
                Columns.ENTITY: "transactions",
                Columns.OUTCOME: outcome,
                Columns.OUTCOME_KIND: kind,
                Columns.ROW_COUNT: count,
            }
            for outcome, kind, count in (
                ("read", "read", 10_000),
                ("purchase", "accepted", 9_500),
                ("zero_quantity", "rejected", 500),
            )
        ],
        events=[
            {
                Columns.EVENT_KIND: kind,
                Columns.EVENT_COUNT: count,
                Columns.FIRST_EVENT_AT: datetime(2024, 1, 1),
                Columns.LAST_EVENT_AT: datetime(2024, 7, 31),
            }
            for kind, count in (("purchase", 9_000), ("refund", 500))
        ],
        features=[
            {
                Columns.FOLD: contracts.FOLD_SERVING,
                Columns.SCOPE: scope,
                Columns.FEATURE_FAMILY: family,
                Columns.FEATURE_COUNT: count,
                Columns.ROW_COUNT: 900,
            }
            for scope, family, count in (
                ("client", "age_band", 6),
                ("client", "spend", 1),
                ("service", "category", 20),
            )
        ],
        health=_health(),
        clients=[client("C1"), client("C2"), client("C9", is_cold=True)],
        is_latest=True,
        test_read_count=2,
    )
    return replace(facts, **changes)


def without_a_test_label() -> Facts:
    """A run whose test fold holds no label: figures are there, and undefined."""
    facts = made_up_facts()
    return replace(
        facts,
        metrics={key: Metric(None, None, None, 0) for key in facts.metrics},
        lift=[],
        calibration=[],
        differences=[
            {
                **row,
                Columns.DIFFERENCE: None,
                Columns.CI_LOW: None,
                Columns.CI_HIGH: None,
                Columns.P_VALUE: None,
            }
            for row in facts.differences
        ],
        holdout_value=[{**row, Columns.CONVERSION_COUNT: 0} for row in facts.holdout_value],
        curves=[
            {**row, Columns.AUC: None, Columns.NDCG_AT_10: None, Columns.LOSS: 1.0}
            for row in facts.curves
        ],
    )


def client(client_id: str, *, is_cold: bool = False, name: str = "Bread") -> ClientPage:
    """A client with two offers."""
    owned = {
        Columns.CLIENT_ID: client_id,
        Columns.SERVICE_ID: "S1",
        Columns.SERVICE_NAME: name,
        Columns.PARTNER_ID: "P1",
        Columns.PURCHASE_COUNT: 3,
        Columns.LAST_PURCHASED_AT: datetime(2024, 7, 1),
    }
    offers = [
        {
            Columns.CLIENT_ID: client_id,
            Columns.SERVICE_ID: f"S{rank + 1}",
            Columns.PARTNER_ID: "P1",
            Columns.SERVICE_NAME: name,
            Columns.OFFER_RANK: rank,
            Columns.SCORE: 1.0,
            Columns.PROBABILITY: 0.3 / rank,
            Columns.EXPECTED_MARGIN: None if rank == 2 else 0.5,
            Columns.REASON: f"Often taken with {name}, which this client has",
            Columns.IS_COLD_START: is_cold,
            Columns.MODEL_NAME: "ncf",
            Columns.RUN_ID: RUN_ID,
            Columns.AS_OF_DATE: date(2024, 8, 1),
            Columns.SCORED_AT: datetime(2024, 8, 1, 12),
        }
        for rank in (1, 2)
    ]
    return ClientPage(client_id, [] if is_cold else [owned], offers, {"P1": name})


def _metrics() -> dict[tuple[str, str, str, str], Metric]:
    return {
        (model, fold, segment, metric): Metric(
            value - 0.01 * place, value - 0.05, value + 0.05, clients
        )
        for place, model in enumerate(MODELS)
        for fold in (contracts.FOLD_VALIDATION, contracts.FOLD_TEST)
        for segment, clients in SEGMENTS.items()
        for metric, value in (
            ("ndcg@10", 0.2), ("hr@10", 0.5), ("recall@10", 0.1), ("map@10", 0.08),
            ("precision@10", 0.09), ("auc", 0.85), ("coverage@10", 0.15), ("novelty@10", 3.2),
            ("popularity_bias@10", 1.8), ("calibration_error", 0.06), ("brier_score", 0.08),
            ("log_loss", 0.3), ("mean_probability", 0.07), ("positive_rate", 0.072),
        )
    }  # fmt: skip


def _curves() -> list[dict[str, Any]]:
    return [
        {
            Columns.RUN_ID: RUN_ID,
            Columns.MODEL_NAME: model,
            Columns.EPOCH: epoch,
            Columns.LOSS: 1.0 / epoch,
            Columns.AUC: 0.8 + epoch / 100 + place / 50,
            Columns.NDCG_AT_10: 0.2 - (epoch - 3) ** 2 / 100,
            Columns.SECONDS: 1.5,
        }
        for place, (model, epochs) in enumerate(
            (("ncf", 5), ("lightfm", 6), ("ease", 1), ("popularity", 1))
        )
        for epoch in range(1, epochs + 1)
    ]


def _lift() -> list[dict[str, Any]]:
    return [
        {
            Columns.RUN_ID: RUN_ID,
            Columns.FOLD: contracts.FOLD_TEST,
            Columns.MODEL_NAME: model,
            Columns.DECILE: decile,
            Columns.OFFER_COUNT: 100,
            Columns.MEAN_PROBABILITY: 0.2 / decile,
            Columns.CONVERSION_COUNT: 20 // decile,
            Columns.CONVERSION_RATE: (20 // decile) / 100,
            Columns.LIFT: 3.0 / decile,
            Columns.CUMULATIVE_CONVERSION_COUNT: 20 * decile,
            Columns.GAIN: decile / 10,
        }
        for model in MODELS
        for decile in range(1, 11)
    ]


def _calibration() -> list[dict[str, Any]]:
    return [
        {
            Columns.RUN_ID: RUN_ID,
            Columns.FOLD: contracts.FOLD_TEST,
            Columns.MODEL_NAME: model,
            Columns.BIN: number,
            Columns.OFFER_COUNT: 50,
            Columns.MEAN_PROBABILITY: number / 100,
            Columns.CONVERSION_RATE: number / 90,
        }
        for model in MODELS
        for number in range(1, 21)
    ]


def _differences() -> list[dict[str, Any]]:
    """Of the first model less each other one; the second is better than the first."""
    found = (("lightfm", "ncf", 0.02, 0.01, 0.03, 0.004), ("ncf", "ease", 0.0, -0.01, 0.01, 0.9))
    return [
        {
            Columns.RUN_ID: RUN_ID,
            Columns.FOLD: contracts.FOLD_TEST,
            Columns.METRIC: "ndcg@10",
            Columns.MODEL_NAME: model,
            Columns.OTHER_MODEL_NAME: other,
            Columns.DIFFERENCE: difference,
            Columns.CI_LOW: low,
            Columns.CI_HIGH: high,
            Columns.P_VALUE: p_value,
            Columns.CLIENT_COUNT: 900,
        }
        for model, other, difference, low, high, p_value in found
    ]


def measurement(name: str, rows: list[Measured]) -> Measurement:
    """A benchmark on a made-up machine."""
    return Measurement(
        name,
        rows,
        61.0,
        datetime(2024, 8, 1, 12),
        {"cpu": "An Abacus", "cores": 2, "memory_gib": 24.0, "python": "CPython 3.11"},
        {"threads": 2},
        {"torch": "2.0"},
    )


def _row(
    case: str,
    model: str,
    metric: str,
    value: float | None,
    study: float | None = None,
    note: str = "",
    spread: float | None = 0.01,
) -> Measured:
    low, high = (
        (None, None) if spread is None or value is None else (value - spread, value + spread)
    )
    return Measured(case, model, metric, value, low, high, 3, study, note)


def made_up_measurements() -> dict[str, Measurement]:
    """All five benchmarks, with the study's figures where it has some."""
    speed = [
        _row(case, model, metric, value, study, spread=None)
        for case, minutes in (("10,000×1,000×1,000,000", 25.0), ("1,000×1,000×10,000", 5.0))
        for model in ("lightfm", "ncf")
        for metric, value, study in (
            ("train_minutes", minutes / 1000, minutes),
            ("records_per_minute", 1e6, 2000.0),
        )
    ]
    speed.append(_row("growth", "ncf", "cost_exponent", 1.02, spread=None))
    epochs = [
        _row("generated", model, f"auc_after_{count}", 0.7 + count / 500, 0.8)
        for model in ("lightfm", "ncf")
        for count in (10, 20, 50)
    ]
    epochs.append(_row("generated", "oracle", "auc", 0.83, spread=None))
    trials = [
        _row("ml-100k", model, f"auc_{which}", value, study, spread=None)
        for model in ("lightfm", "ncf")
        for which, value, study in (("mean", 0.8, 0.82), ("max", 0.9, 0.85), ("min", 0.7, 0.8))
    ]
    peers = [
        _row("ml-100k leave-one-out", model, metric, value)
        for model, value in (("implicit-als", 0.6), ("ncf", 0.7))
        for metric in ("hr@10", "ndcg@10")
    ]
    peers.append(_row("ml-100k leave-one-out", "recbole-neumf", "hr@10", None, note=NASTY))
    return {
        name: measurement(name, rows)
        for name, rows in (
            ("speed", speed),
            ("epochs", epochs),
            ("trials", trials),
            ("peers", peers),
            ("leave-one-out", peers[:4]),
        )
    }


def _health() -> list[dict[str, Any]]:
    """Drift of a feature with a nasty name, and a run that kept its promises but for one."""

    def row(scope: str, subject: str, measure: str, *figures: float | None) -> dict[str, Any]:
        value, reference, threshold = figures
        is_input = scope not in ("offers", "offer_rank")
        is_below = measure == "ndcg@10"
        return {
            Columns.KIND: contracts.KIND_INPUT if is_input else contracts.KIND_OUTCOME,
            Columns.MOMENT: contracts.MOMENT_NOW if is_input else "20240601T120000-0badcafe",
            Columns.SCOPE: scope,
            Columns.SUBJECT: subject,
            Columns.MEASURE: measure,
            Columns.MEASURED_AS_OF_AT: datetime(2024, 8, 1),
            Columns.VALUE: value,
            Columns.REFERENCE_VALUE: reference,
            Columns.THRESHOLD: threshold,
            Columns.ROW_COUNT: 900,
            Columns.IS_COMPLETE: True,
            Columns.IS_ALARM: threshold is not None
            and value is not None
            and (value < threshold if is_below else value > threshold),
        }

    return [
        row("client_feature", NASTY, "psi", 0.5, None, 0.25),
        row("service_feature", "price", "psi", 0.01, None, 0.25),
        row("client_features", "all", "drifted_share", 0.1, None, 0.2),
        row("service", "all", "new_share", 0.02, 0.01, 0.1),
        row("partner", "P1", "sales_share", 0.6, 0.5, None),
        row("offers", "all", "ndcg@10", 0.1, 0.2, 0.16),
        row("offers", "all", "conversion_rate", 0.05, 0.06, None),
        row("offer_rank", "1", "conversion_rate", 0.1, 0.12, None),
    ]
