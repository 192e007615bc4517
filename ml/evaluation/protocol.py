"""The protocol every model is measured by: full ranking of the candidates on one fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.evaluation import metrics, significance
from ml.evaluation.metrics import CUTOFFS, Values
from ml.evaluation.significance import CONFIDENCE, RESAMPLES, Interval
from ml.ranking import BLOCK_SIZE, LabelRanks, Scorer, rank_labels


@dataclass(frozen=True)
class MetricRow:
    """One figure of the metrics table.

    Parameters
    ----------
    segment : str
        ``all``, ``warm`` (clients with interactions before the cutoff) or ``cold``.
    metric : str
        ``auc``, ``auc_overall``, ``ndcg@10``, ...
    value, ci_low, ci_high : float or None
        None where the segment has no client that the metric is defined for. Coverage has
        no interval: a resample, which repeats clients, can only cover less.
    client_count : int
        Clients behind the value.
    """

    segment: str
    metric: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    client_count: int


@dataclass(frozen=True)
class Evaluation:
    """All figures of one model on one fold.

    Parameters
    ----------
    rows : tuple of MetricRow
    ranks : LabelRanks
        What the figures were read from; ``ranks.clients`` orders ``per_client``.
    per_client : dict of str to ndarray of float64, (n,)
        For paired tests between models; NaN where undefined.
    """

    rows: tuple[MetricRow, ...]
    ranks: LabelRanks
    per_client: dict[str, Values]

    def value(self, metric: str, segment: str = "all") -> float | None:
        """Look up one figure.

        Parameters
        ----------
        metric : str
        segment : str, default 'all'

        Returns
        -------
        float or None
        """
        for row in self.rows:
            if (row.metric, row.segment) == (metric, segment):
                return row.value
        raise KeyError((metric, segment))


def segment_clients(fold: Fold, clients: IntArray) -> dict[str, BoolArray]:
    """Tell warm and cold clients apart.

    Parameters
    ----------
    fold : Fold
    clients : ndarray of int32, (n,)

    Returns
    -------
    dict of str to ndarray of bool, (n,)
        ``all``, ``warm``, ``cold``.
    """
    is_cold = fold.is_cold_client[clients]
    return {"all": np.ones(len(clients), dtype=bool), "warm": ~is_cold, "cold": is_cold}


def evaluate(
    score: Scorer,
    fold: Fold,
    *,
    segments: dict[str, BoolArray] | None = None,
    cutoffs: tuple[int, ...] = CUTOFFS,
    block_size: int = BLOCK_SIZE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Rank all candidates of every labelled client and compute all metrics.

    Parameters
    ----------
    score : callable
    fold : Fold
    segments : dict of str to ndarray of bool, optional
        Over ``fold.labelled_clients``; all, warm and cold by default.
    cutoffs : tuple of int, default (5, 10, 20)
    block_size : int, default 1024
    resamples : int, default 1000
        Bootstrap resamples behind the 95% intervals; 0 leaves the intervals out.
    seed : int, default 0

    Returns
    -------
    Evaluation
    """
    clients = fold.labelled_clients
    ranks = rank_labels(score, fold, clients, block_size, depth=max(cutoffs), keep_scores=True)
    per_client = metrics.client_metrics(ranks, cutoffs)
    found = segment_clients(fold, clients) if segments is None else segments
    rows = [
        row
        for name, members in found.items()
        for row in _segment_rows(name, members, ranks, per_client, cutoffs, resamples, seed)
    ]
    return Evaluation(tuple(rows), ranks, per_client)


class Scores(Protocol):
    """Anything that scores all services for some clients."""

    def score(self, clients: IntArray) -> FloatArray:
        """Score all services, (n,) -> (n, n_services)."""
        ...


@dataclass(frozen=True)
class EpochQuality:
    """What early stopping looks at: means over clients, zero where there is none to measure."""

    auc: float
    ndcg_at_10: float


class EpochEvaluator:
    """Quick look at a model in training: AUC and NDCG@10 on a fold's labels.

    Parameters
    ----------
    fold : Fold
        Validation.
    block_size : int, default 1024
    """

    def __init__(self, fold: Fold, block_size: int = BLOCK_SIZE) -> None:
        self._fold = fold
        self._clients = fold.labelled_clients
        self._block_size = block_size

    def __call__(self, model: Scores) -> EpochQuality:
        """Measure a model as it is now.

        Parameters
        ----------
        model : object with ``score``

        Returns
        -------
        EpochQuality
        """
        ranks = rank_labels(model.score, self._fold, self._clients, self._block_size, depth=0)
        return EpochQuality(_mean(metrics.auc(ranks)), _mean(metrics.ndcg(ranks, 10)))


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def _segment_rows(
    segment: str,
    members: BoolArray,
    ranks: LabelRanks,
    per_client: dict[str, Values],
    cutoffs: tuple[int, ...],
    resamples: int,
    seed: int,
) -> list[MetricRow]:
    columns = np.column_stack([values[members] for values in per_client.values()])
    found = dict(zip(per_client, _intervals(columns, resamples, seed), strict=True))
    found["auc_overall"] = _pooled_interval(ranks, members, resamples, seed)
    for k in cutoffs:
        covered = metrics.coverage(ranks, k, members)
        found[f"coverage@{k}"] = Interval(covered, None, None, int(members.sum()))
    return [
        MetricRow(segment, name, x.value, x.low, x.high, x.client_count)
        for name, x in found.items()
    ]


def _intervals(columns: Values, resamples: int, seed: int) -> list[Interval]:
    if resamples:
        return significance.bootstrap_means(columns, seed=seed, resamples=resamples)
    counts = (~np.isnan(columns)).sum(axis=0)
    sums = np.nansum(columns, axis=0)
    return [
        Interval(float(total / n) if n else None, None, None, int(n))
        for total, n in zip(sums, counts, strict=True)
    ]


def _pooled_interval(ranks: LabelRanks, members: BoolArray, resamples: int, seed: int) -> Interval:
    # Comparing each resample's pairs anew would cost a quadratic number of looks; resampling
    # the clients' structural components is the same to first order.
    pooled = metrics.pooled_auc(ranks, members)
    count = int((members & (ranks.positive_counts > 0)).sum())
    if pooled.value is None or not resamples:
        return Interval(pooled.value, None, None, count if pooled.value is not None else 0)
    sums = np.column_stack([pooled.label_sums, pooled.other_sums])[members]
    counts = np.column_stack([pooled.label_counts, pooled.other_counts])[members]
    parts = significance.resample_ratios(sums, counts, seed=seed, resamples=resamples)
    values = parts.sum(axis=1) - pooled.value
    tail = (1 - CONFIDENCE) / 2
    low, high = np.clip(np.nanquantile(values, [tail, 1 - tail]), 0.0, 1.0)
    return Interval(pooled.value, float(low), float(high), count)
