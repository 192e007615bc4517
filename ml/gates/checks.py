"""The checks that a run must pass before readers get it, each a plain function of evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ml import contracts
from ml.contracts import Columns
from ml.enough import LEAST_LABELLED
from ml.evaluation.significance import Values, compare
from ml.gates.evidence import Evidence, Ranking
from ml.gates.settings import GateSettings
from ml.warehouse import OfferMeans

FORCED: Final = "forced"
CHAMPION: Final = "champion"
NOT_COMPARED: Final = "not compared"
PROBABILITY_CHECK: Final = "mean_probability"
MARGIN_CHECK: Final = "mean_expected_margin"

# Figures of the champion that must be numbers where they were measured.
_MEASURED: Final = (
    Columns.CHOICE_VALUE,
    Columns.AUC,
    Columns.COVERAGE_AT_10,
    Columns.POSITIVE_RATE,
    Columns.CALIBRATION_ERROR,
)

# Bins of equally many offers that the calibration error is the mean distance over.
_CALIBRATION_BINS: Final = 20
# Mean distance of a standard normal from zero.
_MEAN_DEVIATION: Final = math.sqrt(2 / math.pi)
_LAST: Final = "_last"
# Checks of what was learned, which too few labels make fail.
_LEARNED: Final = ("figures", "calibration", "coverage", PROBABILITY_CHECK, MARGIN_CHECK, CHAMPION)
# What models are chosen by where ten offers would be half of what can be offered.
_OF_FEW: Final = ("ndcg@5", "ndcg@3", "ndcg@1")
# Two runs read the same test fold where nearly all clients took as much in both.
_SAME_FOLD_SHARE: Final = 0.9


@dataclass(frozen=True)
class Check:
    """One check's finding.

    Parameters
    ----------
    name : str
    is_passed : bool
    detail : str
        The finding in one sentence.
    value, bound : float or None
        What was found and what it was held against.
    """

    name: str
    is_passed: bool
    detail: str
    value: float | None = None
    bound: float | None = None


@dataclass(frozen=True)
class Last:
    """The release that readers have, as far as a new one is held against it.

    Parameters
    ----------
    row_counts : mapping of str to int
        By table.
    means : OfferMeans or None
        None where its score table cannot be read.
    """

    row_counts: Mapping[str, int]
    means: OfferMeans | None


def judge(
    evidence: Evidence,
    gates: GateSettings,
    last: Last | None,
    *,
    seed: int,
    resamples: int,
) -> list[Check]:
    """Check a run.

    Parameters
    ----------
    evidence : Evidence
    gates : GateSettings
    last : Last or None
        The release that readers have; None before the first.
    seed, resamples : int
        Of the paired bootstrap between champions.

    Returns
    -------
    list of Check
        Every check, passed or not.
    """
    checks = [
        _dbt_tests(evidence),
        _contract(evidence),
        _row_counts(evidence.row_counts, last, gates),
        _probabilities(evidence),
        _figures(evidence),
        _calibration(evidence, gates),
        _coverage(evidence, gates),
        _reach(evidence, gates),
        _promise(PROBABILITY_CHECK, evidence, last, gates),
        _promise(MARGIN_CHECK, evidence, last, gates),
        _champion(evidence, gates, seed, resamples),
    ]
    cause = _too_little(evidence)
    return [
        replace(check, detail=f"{check.detail} ({cause})")
        if cause and check.name in _LEARNED and not check.is_passed
        else check
        for check in checks
    ]


def _too_little(evidence: Evidence) -> str:
    """Why a model could not be chosen or calibrated well; empty where it could."""
    row = evidence.champion.get(contracts.FOLD_VALIDATION)
    if row is None or row[Columns.CLIENT_COUNT] >= LEAST_LABELLED:
        return ""
    return (
        f"the cause may be too little to choose on: {row[Columns.CLIENT_COUNT]} clients took "
        f"something new on validation, at least {LEAST_LABELLED} are wanted"
    )


def untold(checks: Sequence[Check]) -> str:
    """Why the champion was not compared with the published one; empty where it was."""
    return next(
        (
            check.detail
            for check in checks
            if check.name == CHAMPION and check.detail.startswith(NOT_COMPARED)
        ),
        "",
    )


def failures(checks: Sequence[Check]) -> str:
    """What failed, in one line; empty where all hold."""
    return "; ".join(check.detail for check in checks if not check.is_passed)


def _dbt_tests(evidence: Evidence) -> Check:
    failed = sum(row[Columns.FAILED_COUNT] for row in evidence.dbt_runs)
    tested = sum(row[Columns.TEST_COUNT] for row in evidence.dbt_runs)
    names = [row[Columns.FAILED_NODES] for row in evidence.dbt_runs if row[Columns.FAILED_COUNT]]
    detail = (
        f"{failed} dbt tests failed ({', '.join(names)})" if failed else f"{tested} dbt tests held"
    )
    # Nothing that was tested is nothing that held.
    return Check("dbt_tests", failed == 0 and tested > 0, detail, float(failed), 0.0)


def _contract(evidence: Evidence) -> Check:
    found = evidence.breaches
    detail = "; ".join(found) if found else "published marts are as contracted"
    return Check("contract", not found, detail, float(len(found)), 0.0)


def _row_counts(now: Mapping[str, int], release: Last | None, gates: GateSettings) -> Check:
    """The mart that changed most decides."""
    if release is None:
        return Check("row_counts", True, "no earlier release to compare rows with")
    last = release.row_counts
    shares = {name: now[name] / last[name] for name in now if last.get(name)}
    if not shares:
        return Check("row_counts", False, "the last release has no rows to compare with")
    faults = {
        name: share
        for name, share in shares.items()
        if not gates.least_row_share <= share <= gates.most_row_share
        and abs(now[name] - last[name]) >= gates.row_count_slack
    }
    candidates = faults or shares
    name = max(candidates, key=lambda n: abs(math.log(max(candidates[n], 1e-9))))
    share = shares[name]
    bound = gates.least_row_share if share < 1 else gates.most_row_share
    detail = f"{name} has {now[name]:,} rows, {share:.2f} times the last release's {last[name]:,}"
    return Check("row_counts", not faults, detail, share, bound)


def _probabilities(evidence: Evidence) -> Check:
    faulty = evidence.faulty_count
    detail = (
        f"{faulty:,} of {evidence.offer_count:,} offers have no probability in [0, 1]"
        if faulty
        else f"the probabilities of {evidence.offer_count:,} offers lie in [0, 1]"
    )
    return Check("probabilities", faulty == 0, detail, float(faulty), 0.0)


def _figures(evidence: Evidence) -> Check:
    """What was never measured, or came out as no number, is no evidence that a run is good."""
    name = "figures"
    for fold in (contracts.FOLD_VALIDATION, contracts.FOLD_TEST):
        row = evidence.champion.get(fold, {})
        if not row.get(Columns.CLIENT_COUNT):
            return Check(
                name,
                False,
                f"no client took anything new on {fold}, so nothing was measured there: "
                "look at learning.training_windows and intermediate.int_data_end",
                0.0,
                1.0,
            )
        if row.get(Columns.CHOICE_VALUE) is None:
            metric = row.get(Columns.CHOICE_METRIC) or "what models are chosen by"
            return Check(name, False, f"{metric} on {fold} was not measured")
        for figure in _MEASURED:
            value = row.get(figure)
            if value is not None and not math.isfinite(value):
                return Check(name, False, f"{figure} on {fold} is not a finite number")
    count = evidence.champion[contracts.FOLD_TEST][Columns.CLIENT_COUNT]
    return Check(
        name, True, f"all figures are numbers, on {count:,} clients of test", float(count), 1.0
    )


def _calibration(evidence: Evidence, gates: GateSettings) -> Check:
    row = evidence.champion.get(contracts.FOLD_TEST, {})
    error, rate = row.get(Columns.CALIBRATION_ERROR), row.get(Columns.POSITIVE_RATE)
    count = row.get(Columns.OFFER_COUNT)
    if error is None or rate is None or not count:
        return Check("calibration", False, "no labelled offers to measure calibration on")
    # Even true probabilities miss the shares of bins by chance.
    by_chance = _MEAN_DEVIATION * math.sqrt(rate * (1 - rate) * _CALIBRATION_BINS / count)
    bound = gates.most_calibration_error + by_chance
    detail = f"calibration error {error:.4f} on test over {count:,} offers, at most {bound:.4f}"
    return Check("calibration", error <= bound, detail, error, bound)


def _coverage(evidence: Evidence, gates: GateSettings) -> Check:
    row = evidence.champion.get(contracts.FOLD_TEST, {})
    coverage = row.get(Columns.COVERAGE_AT_10)
    if coverage is None and row.get(Columns.CHOICE_METRIC) in _OF_FEW:
        return Check("coverage", True, "too few services to ask how many of them are offered")
    if coverage is None:
        return Check("coverage", False, "no clients to measure coverage on")
    bound = gates.least_coverage
    detail = f"{coverage:.1%} of eligible services are among first tens, at least {bound:.1%}"
    return Check("coverage", coverage >= bound, detail, coverage, bound)


def _reach(evidence: Evidence, gates: GateSettings) -> Check:
    if not evidence.eligible_count:
        return Check("reach", False, "no eligible clients were counted")
    share = evidence.reached_count / evidence.eligible_count
    detail = (
        f"{evidence.reached_count:,} of {evidence.eligible_count:,} eligible clients have an "
        f"offer, at least {gates.least_reach:.0%}"
    )
    return Check("reach", share >= gates.least_reach, detail, share, gates.least_reach)


def _promise(what: str, evidence: Evidence, release: Last | None, gates: GateSettings) -> Check:
    """What offers promise on average, held against the last release."""
    words = what.replace("_", " ")
    now = _of(evidence.means, what)
    if now is not None and not math.isfinite(now):
        return Check(what, False, f"the {words} of the offers is not a finite number")
    if release is None:
        return Check(what, True, f"no earlier release to compare the {words} with", now)
    if release.means is None:
        return Check(what, False, f"the last release cannot be read, to compare the {words} with")
    if evidence.measured_otherwise:
        return Check(
            what,
            True,
            f"the {words} is not compared: measured with other vars, {evidence.measured_otherwise}",
            now,
        )
    last = _of(release.means, what)
    if not last:
        return Check(what, True, f"the last release states no {words} to compare with", now)
    ratio = (now or 0.0) / last
    bound = gates.most_mean_change
    detail = (
        f"the {words} is {ratio:.3g} times the last release's {last:.4g}, "
        f"at most {bound:g} times more or less"
    )
    return Check(what, 1 / bound <= ratio <= bound, detail, ratio, bound)


def _of(means: OfferMeans, what: str) -> float | None:
    return means.probability if what == PROBABILITY_CHECK else means.expected_margin


def _champion(evidence: Evidence, gates: GateSettings, seed: int, resamples: int) -> Check:
    """Against the published champion; where the two are not compared, the cause is told."""
    now, last = evidence.ranking, evidence.last_ranking
    if not len(now.clients):
        return Check(CHAMPION, False, f"{NOT_COMPARED}: no client took anything new on test")
    if evidence.last_run_id is None:
        return Check(CHAMPION, True, f"{NOT_COMPARED}: nothing is published yet")
    if last is None:
        return Check(
            CHAMPION,
            True,
            f"{NOT_COMPARED}: this warehouse does not know run {evidence.last_run_id}",
        )
    if last.run_id == now.run_id:
        return Check(CHAMPION, True, "readers have this run already")
    untold = f"{NOT_COMPARED} with run {last.run_id}"
    if evidence.measured_otherwise:
        return Check(
            CHAMPION, True, f"{untold}: measured with other vars, {evidence.measured_otherwise}"
        )
    if last.as_of_at != now.as_of_at:
        return Check(
            CHAMPION,
            True,
            f"{untold}: its data end {last.as_of_at:%Y-%m-%d}, these {now.as_of_at:%Y-%m-%d}",
        )
    first, second, same_share = _paired(now, last)
    if len(first) == 0 or same_share < _SAME_FOLD_SHARE:
        return Check(CHAMPION, True, f"{untold}: its test fold has other labels")
    found = compare(first, second, seed=seed, resamples=resamples)
    if found.difference is None or found.low is None or found.high is None:
        return Check(CHAMPION, False, f"{untold}: the ranking of no client is known of both")
    detail = (
        f"{now.champion} against the published {last.champion}: ndcg@10 {found.difference:+.4f} "
        f"(95% {found.low:+.4f} to {found.high:+.4f}) on {found.client_count:,} clients of test"
    )
    bound = -gates.tolerated_ndcg_loss
    return Check(CHAMPION, found.high >= bound, detail, found.difference, bound)


def _paired(now: Ranking, last: Ranking) -> tuple[Values, Values, float]:
    """NDCG of both champions for the clients of both, and the share with equal labels."""
    joined = now.clients.join(
        last.clients, Columns.CLIENT_ID, right_suffix=_LAST, join_type="inner"
    )
    joined = joined.sort_by(Columns.CLIENT_ID)

    def values(column: str) -> Values:
        return np.array(joined.column(column).to_pylist(), dtype=np.float64)

    ndcg, ndcg_last = values(Columns.NDCG), values(f"{Columns.NDCG}{_LAST}")
    taken, taken_last = (
        values(Columns.POSITIVE_COUNT),
        values(f"{Columns.POSITIVE_COUNT}{_LAST}"),
    )
    is_same = taken == taken_last
    everybody = max(len(now.clients), len(last.clients), 1)
    return ndcg[is_same], ndcg_last[is_same], float(is_same.sum() / everybody)
