"""What lists of offers make of the catalogue: how much of it, how new, how popular.

A service's popularity is the share of clients that have it at the fold's cutoff, among the
clients that have anything.
"""

from __future__ import annotations

import numpy as np

from ml.dataset import BoolArray, Fold, IntArray
from ml.evaluation.metrics import CUTOFFS, Values
from ml.ranking import LabelRanks, TopK


def popularity(fold: Fold) -> Values:
    """Share of the clients with any interaction that have each service.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    ndarray of float64, (n_services,)
        Zero where there are no such clients.
    """
    owners = np.bincount(fold.interactions.indices, minlength=fold.n_services)
    shares: Values = owners / max(int((~fold.is_cold_client).sum()), 1)
    return shares


def novelty(top: TopK, fold: Fold, k: int) -> Values:
    """Mean self-information of a client's first k offers, in bits.

    ``mean of -log2(share of clients that have the service)``, Vargas and Castells (2011),
    *RecSys*, popularity-based novelty without discount: 0 for what everybody has, 10 for
    what one client in 1,024 has. A service that nobody has counts as if one client had it;
    its self-information would be infinite.

    Parameters
    ----------
    top : TopK
        At least k deep.
    fold : Fold
    k : int

    Returns
    -------
    ndarray of float64, (n,)
        NaN for a client without candidates.
    """
    least = 1.0 / max(int((~fold.is_cold_client).sum()), 1)
    information = -np.log2(np.maximum(popularity(fold), least))
    return _mean_of_first(top, information, k)


def popularity_bias(top: TopK, fold: Fold, k: int) -> Values:
    """How much more popular a client's first k offers are than its candidates.

    ``(P_k - P_c) / P_c`` with the mean popularity P_k of the first k and P_c of all the
    client's candidates: 0 for offers drawn at random, 1 where they are twice as popular.
    After the group average popularity of Abdollahpouri, Mansoury, Burke and Mobasher (2019),
    *RMSE workshop*, with the candidates in place of the profile: nothing of a client's
    profile may be offered again, so that it is no yardstick for the offers.

    Parameters
    ----------
    top : TopK
        At least k deep.
    fold : Fold
    k : int

    Returns
    -------
    ndarray of float64, (n,)
        NaN for a client without candidates, or with none that anybody has.
    """
    of_candidates = _candidate_popularity(fold, top.clients)
    return _excess(_mean_of_first(top, popularity(fold), k), of_candidates)


def list_metrics(top: TopK, fold: Fold, cutoffs: tuple[int, ...] = CUTOFFS) -> dict[str, Values]:
    """Compute every metric of lists that is a mean over clients.

    Parameters
    ----------
    top : TopK
    fold : Fold
    cutoffs : tuple of int, default (5, 10, 20)

    Returns
    -------
    dict of str to ndarray of float64, (n,)
        By metric name: ``novelty@5``, ``popularity_bias@5``, ...
    """
    found = {}
    for k in cutoffs:
        found[f"novelty@{k}"] = novelty(top, fold, k)
        found[f"popularity_bias@{k}"] = popularity_bias(top, fold, k)
    return found


def coverage(ranks: LabelRanks, k: int, members: BoolArray | None = None) -> float | None:
    """Share of the eligible services that are among the first k of some client.

    Parameters
    ----------
    ranks : LabelRanks
        Its ``top`` must be at least k deep.
    k : int
    members : ndarray of bool, (n,), optional
        Which clients to look at; all by default.

    Returns
    -------
    float or None
        None without clients or without eligible services.
    """
    lists = ranks.top.services[:, :k] if members is None else ranks.top.services[members, :k]
    if len(lists) == 0 or ranks.eligible_service_count == 0:
        return None
    return len(np.unique(lists[lists >= 0])) / ranks.eligible_service_count


def _mean_of_first(top: TopK, values: Values, k: int) -> Values:
    services = top.services[:, :k]
    is_offer = services >= 0
    counts = is_offer.sum(axis=1)
    sums = np.where(is_offer, values[services], 0.0).sum(axis=1)
    means: Values = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return means


def _candidate_popularity(fold: Fold, clients: IntArray) -> Values:
    """Mean popularity of each client's candidates: of all, less what may not be offered."""
    shares = popularity(fold) * fold.is_eligible_service
    barred = fold.ineligible_pairs[clients]
    sums = shares.sum() - barred @ shares
    counts = fold.is_eligible_service.sum() - barred @ fold.is_eligible_service.astype(np.float64)
    means: Values = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
    return means


def _excess(values: Values, base: Values) -> Values:
    # Below what one owner adds there is only rounding.
    is_known = base > 1e-12
    excess: Values = np.divide(values - base, base, out=np.full(len(base), np.nan), where=is_known)
    return excess
