"""The checks that a run must pass before readers get it, each a plain function of evidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.contracts import Columns
from ml.evaluation.significance import Values, compare
from ml.gates.evidence import Evidence, Ranking
from ml.gates.settings import GateSettings

FORCED: Final = "forced"

# Bins of equally many offers that the calibration error is the mean distance over.
_CALIBRATION_BINS: Final = 20
# Mean distance of a standard normal from zero.
_MEAN_DEVIATION: Final = math.sqrt(2 / math.pi)
_LAST: Final = "_last"
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


def judge(
    evidence: Evidence,
    gates: GateSettings,
    last_row_counts: Mapping[str, int],
    *,
    seed: int,
    resamples: int,
) -> list[Check]:
    """Check a run.

    Parameters
    ----------
    evidence : Evidence
    gates : GateSettings
    last_row_counts : mapping of str to int
        Of the release that readers have; empty without one.
    seed, resamples : int
        Of the paired bootstrap between champions.

    Returns
    -------
    list of Check
        Every check, passed or not.
    """
    return [
        _dbt_tests(evidence),
        _contract(evidence),
        _row_counts(evidence.row_counts, last_row_counts, gates),
        _probabilities(evidence),
        _calibration(evidence, gates),
        _coverage(evidence, gates),
        _reach(evidence, gates),
        _champion(evidence.ranking, evidence.last_ranking, gates, seed, resamples),
    ]


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
    return Check("dbt_tests", failed == 0, detail, float(failed), 0.0)


def _contract(evidence: Evidence) -> Check:
    found = evidence.breaches
    detail = "; ".join(found) if found else "published marts are as contracted"
    return Check("contract", not found, detail, float(len(found)), 0.0)


def _row_counts(now: Mapping[str, int], last: Mapping[str, int], gates: GateSettings) -> Check:
    """The mart that changed most decides."""
    shares = {name: now[name] / last[name] for name in now if last.get(name)}
    if not shares:
        return Check("row_counts", True, "no earlier release to compare rows with")
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


def _calibration(evidence: Evidence, gates: GateSettings) -> Check:
    row = evidence.champion or {}
    error, rate = row.get(Columns.CALIBRATION_ERROR), row.get(Columns.POSITIVE_RATE)
    count = row.get(Columns.OFFER_COUNT)
    if error is None or rate is None or not count:
        return Check("calibration", True, "no labelled offers to measure calibration on")
    # Even true probabilities miss the shares of bins by chance.
    by_chance = _MEAN_DEVIATION * math.sqrt(rate * (1 - rate) * _CALIBRATION_BINS / count)
    bound = gates.most_calibration_error + by_chance
    detail = f"calibration error {error:.4f} on test over {count:,} offers, at most {bound:.4f}"
    return Check("calibration", error <= bound, detail, error, bound)


def _coverage(evidence: Evidence, gates: GateSettings) -> Check:
    coverage = (evidence.champion or {}).get(Columns.COVERAGE_AT_10)
    if coverage is None:
        return Check("coverage", True, "no clients to measure coverage on")
    bound = gates.least_coverage
    detail = f"{coverage:.1%} of eligible services are among first tens, at least {bound:.1%}"
    return Check("coverage", coverage >= bound, detail, coverage, bound)


def _reach(evidence: Evidence, gates: GateSettings) -> Check:
    if not evidence.eligible_count:
        return Check("reach", True, "eligible clients were not counted")
    share = evidence.reached_count / evidence.eligible_count
    detail = (
        f"{evidence.reached_count:,} of {evidence.eligible_count:,} eligible clients have an "
        f"offer, at least {gates.least_reach:.0%}"
    )
    return Check("reach", share >= gates.least_reach, detail, share, gates.least_reach)


def _champion(
    now: Ranking, last: Ranking | None, gates: GateSettings, seed: int, resamples: int
) -> Check:
    name = "champion"
    if last is None:
        return Check(name, True, "no earlier champion in this warehouse to compare with")
    if last.run_id == now.run_id:
        return Check(name, True, "readers have this run already")
    if last.as_of_at != now.as_of_at:
        return Check(
            name, True, f"not compared with run {last.run_id}: its test fold ended elsewhere"
        )
    first, second, same_share = _paired(now, last)
    if len(first) == 0 or same_share < _SAME_FOLD_SHARE:
        return Check(
            name, True, f"not compared with run {last.run_id}: its test fold has other labels"
        )
    found = compare(first, second, seed=seed, resamples=resamples)
    if found.difference is None or found.low is None or found.high is None:
        return Check(name, True, f"not compared with run {last.run_id}: nothing in common")
    detail = (
        f"{now.champion} against the published {last.champion}: ndcg@10 {found.difference:+.4f} "
        f"(95% {found.low:+.4f} to {found.high:+.4f}) on {found.client_count:,} clients of test"
    )
    bound = -gates.tolerated_ndcg_loss
    return Check(name, found.high >= bound, detail, found.difference, bound)


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
