"""What a refresh decides, at the borders of its rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ml.evaluation.significance import Comparison
from ml.refresh.decisions import Alarm, Evidence, decide_champion, decide_retrain
from ml.refresh.settings import RefreshSettings

NOW = datetime(2024, 7, 1)
ON_DRIFT = RefreshSettings(retrain="on_drift", most_age_days=30)
CALM = Evidence(NOW, "run", NOW - timedelta(days=29), figure_count=7, alarms=())
ALARM = Alarm("client feature spend psi", 0.5, 0.25)


@pytest.mark.parametrize(
    ("evidence", "settings", "is_forced", "choice", "reason"),
    [
        (CALM, ON_DRIFT, False, "keep", "none of 7 judged figures"),
        (CALM, RefreshSettings(), False, "retrain", "new data"),
        (CALM, ON_DRIFT, True, "retrain", "asked for"),
        (replace(CALM, alarms=(ALARM,)), ON_DRIFT, False, "retrain", "spend psi 0.5 (limit 0.25)"),
        (replace(CALM, alarms=(ALARM,) * 5), ON_DRIFT, False, "retrain", "and 2 more"),
        (
            replace(CALM, last_as_of_at=NOW - timedelta(days=30)),
            ON_DRIFT,
            False,
            "retrain",
            "last 30 days",
        ),
        (replace(CALM, last_run_id=None, last_as_of_at=None), ON_DRIFT, False, "retrain", "no run"),
    ],
)
def test_when_to_train_anew(
    evidence: Evidence, settings: RefreshSettings, is_forced: bool, choice: str, reason: str
) -> None:
    decision = decide_retrain(evidence, settings, is_forced=is_forced)
    assert decision.choice == choice
    assert reason in decision.reason
    assert decision.numbers["judged_figures"] == 7


@pytest.mark.parametrize(
    ("comparison", "choice"),
    [
        (Comparison(-0.02, -0.03, -0.01, 0.049, 500), "keep"),
        (Comparison(-0.02, -0.05, 0.01, 0.05, 500), "replace"),
        (Comparison(0.02, 0.01, 0.03, 0.002, 500), "replace"),
        (Comparison(None, None, None, None, 0), "not_compared"),
        ("run old was measured with other vars: horizon_days is 14, was 30", "not_compared"),
    ],
)
def test_a_challenger_loses_only_where_it_is_significantly_worse(
    comparison: Comparison | str, choice: str
) -> None:
    decision = decide_champion("new", "old", comparison, RefreshSettings())
    assert decision.choice == choice
    assert decision.run_id == "new"
    if isinstance(comparison, str):
        assert decision.reason == comparison
    assert decision.numbers["champion"] == "old"


def test_the_first_run_takes_over_unchallenged() -> None:
    assert decide_champion("new", None, "", RefreshSettings()).choice == "replace"
