"""What a refresh decides, from numbers alone: each decision is made here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ml.evaluation.significance import Comparison
from ml.refresh.settings import ALWAYS, RefreshSettings

RETRAIN_QUESTION: Final = "retrain"
CHAMPION_QUESTION: Final = "champion"
REFRESH_QUESTION: Final = "refresh"

RETRAIN: Final = "retrain"
KEEP: Final = "keep"
REPLACE: Final = "replace"
NOT_COMPARED: Final = "not_compared"
PUBLISHED: Final = "published"
KEPT: Final = "kept"

_ALARMS_TOLD: Final = 3


@dataclass(frozen=True)
class Alarm:
    """A figure of ``model_health`` on the wrong side of its threshold.

    Parameters
    ----------
    name : str
        Scope, subject and measure.
    value, threshold : float
    """

    name: str
    value: float
    threshold: float

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3g} (limit {self.threshold:.3g})"


@dataclass(frozen=True)
class Evidence:
    """What is known before deciding whether to train.

    Parameters
    ----------
    as_of_at : datetime
        End of the data, UTC.
    last_run_id : str or None
        The last completed run; None before the first.
    last_as_of_at : datetime or None
        What it knew.
    figure_count : int
        Figures of ``model_health`` that were judged.
    alarms : sequence of Alarm
        Of the inputs, and of the offers of the newest run whose horizon has passed.
    """

    as_of_at: datetime
    last_run_id: str | None
    last_as_of_at: datetime | None
    figure_count: int
    alarms: Sequence[Alarm]


@dataclass(frozen=True)
class Decision:
    """An answer, and why.

    Parameters
    ----------
    question, choice, reason : str
    run_id : str or None
        The run that it is about.
    numbers : mapping of str to JSON values
        What it rests on.
    """

    question: str
    choice: str
    reason: str
    run_id: str | None
    numbers: Mapping[str, Any] = field(default_factory=dict)


def decide_retrain(evidence: Evidence, settings: RefreshSettings, *, is_forced: bool) -> Decision:
    """Whether to train anew.

    Parameters
    ----------
    evidence : Evidence
    settings : RefreshSettings
    is_forced : bool
        A person wants it.

    Returns
    -------
    Decision
        ``retrain`` or ``keep``; of the last run.
    """
    age = (
        None
        if evidence.last_as_of_at is None
        else (evidence.as_of_at - evidence.last_as_of_at) / timedelta(days=1)
    )
    choice, reason = RETRAIN, ""
    if evidence.last_run_id is None or age is None:
        reason = "no run is completed yet"
    elif evidence.alarms:
        told = ", ".join(str(alarm) for alarm in evidence.alarms[:_ALARMS_TOLD])
        more = len(evidence.alarms) - _ALARMS_TOLD
        reason = f"model_health raises alarms: {told}" + (f" and {more} more" if more > 0 else "")
    elif age >= settings.most_age_days:
        reason = f"the last run knows nothing of the last {age:.0f} days"
    elif is_forced:
        reason = "it was asked for"
    elif settings.retrain == ALWAYS:
        reason = "there are new data; no alarm was raised"
    else:
        choice = KEEP
        reason = (
            f"none of {evidence.figure_count} judged figures raises an alarm, and the last run "
            f"is {age:.0f} days of data old (limit {settings.most_age_days})"
        )
    numbers = {
        "as_of": evidence.as_of_at.isoformat(),
        "age_days": age,
        "most_age_days": settings.most_age_days,
        "policy": settings.retrain,
        "judged_figures": evidence.figure_count,
        "alarms": [
            {"figure": alarm.name, "found": alarm.value, "limit": alarm.threshold}
            for alarm in evidence.alarms
        ],
    }
    return Decision(RETRAIN_QUESTION, choice, reason, evidence.last_run_id, numbers)


def decide_champion(
    run_id: str,
    champion_run_id: str | None,
    comparison: Comparison | str,
    settings: RefreshSettings,
) -> Decision:
    """Whether a new run may take the place of the one that readers have.

    Parameters
    ----------
    run_id : str
        The challenger.
    champion_run_id : str or None
        None: readers have nothing yet.
    comparison : Comparison or str
        NDCG@10 of the challenger minus the champion's, on the clients of the newest labelled
        fold; or why the two cannot be compared.
    settings : RefreshSettings

    Returns
    -------
    Decision
        ``replace``, ``keep`` or ``not_compared``.
    """
    numbers: dict[str, Any] = {"champion": champion_run_id}
    if champion_run_id is None:
        reason = "readers have no offers yet"
        return Decision(CHAMPION_QUESTION, REPLACE, reason, run_id, numbers)
    if isinstance(comparison, str):
        return Decision(CHAMPION_QUESTION, NOT_COMPARED, comparison, run_id, numbers)
    if comparison.difference is None or comparison.p_value is None:
        reason = f"no client's ranking is known of this run and of run {champion_run_id}"
        return Decision(CHAMPION_QUESTION, NOT_COMPARED, reason, run_id, numbers)
    numbers |= {
        "ndcg@10_difference": comparison.difference,
        "low": comparison.low,
        "high": comparison.high,
        "p": comparison.p_value,
        "significance": settings.significance,
        "clients": comparison.client_count,
    }
    is_worse = comparison.difference < 0 and comparison.p_value < settings.significance
    reason = (
        f"NDCG@10 {comparison.difference:+.4f} against run {champion_run_id} on the newest labels "
        f"of {comparison.client_count:,} clients (95% {comparison.low:+.4f} to "
        f"{comparison.high:+.4f}, p = {comparison.p_value:.3f}): "
        + ("significantly worse" if is_worse else "not significantly worse")
    )
    return Decision(CHAMPION_QUESTION, KEEP if is_worse else REPLACE, reason, run_id, numbers)
