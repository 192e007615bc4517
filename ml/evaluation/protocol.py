"""The protocol every model is measured by: full ranking of the candidates on one fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.evaluation import metrics, significance
from ml.evaluation.metrics import CUTOFFS, Values
from ml.evaluation.significance import RESAMPLES, Interval, percentile_interval
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
    pooled = metrics.pool(ranks)
    rows: list[MetricRow] = []
    for name, members in found.items():
        columns = _columns(ranks, per_client, members, pooled)
        intervals = _intervals(columns, resamples, seed)
        for k in cutoffs:
            covered = metrics.coverage(ranks, k, members)
            intervals[f"coverage@{k}"] = Interval(covered, None, None, int(members.sum()))
        rows += [
            MetricRow(name, metric, x.value, x.low, x.high, x.client_count)
            for metric, x in intervals.items()
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


@dataclass(frozen=True)
class _Column:
    """A figure with the per-client ratios that its resamples are made of."""

    value: float | None
    client_count: int
    ratios: list[tuple[Values, Values]]


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def _columns(
    ranks: LabelRanks, per_client: dict[str, Values], members: BoolArray, pooled: metrics.Pool
) -> dict[str, _Column]:
    columns = {}
    for name, values in per_client.items():
        found = values[members]
        is_known = ~np.isnan(found)
        count = int(is_known.sum())
        known = np.where(is_known, found, 0.0)
        value = float(known.sum() / count) if count else None
        columns[name] = _Column(value, count, [(known, is_known.astype(np.float64))])
    whole = metrics.pooled_auc(ranks, members, pooled)
    # Comparing each resample's pairs anew would be quadratic; resampling the clients'
    # structural components on both sides is the same to first order.
    columns["auc_overall"] = _Column(
        whole.value,
        int((members & (ranks.positive_counts > 0)).sum()) if whole.value is not None else 0,
        [
            (whole.label_sums[members], whole.label_counts[members]),
            (whole.other_sums[members], whole.other_counts[members]),
        ],
    )
    return columns


def _intervals(columns: dict[str, _Column], resamples: int, seed: int) -> dict[str, Interval]:
    """Intervals of all columns from the same resamples."""
    ratios = [ratio for column in columns.values() for ratio in column.ratios]
    means = significance.resample_ratios(
        np.column_stack([top for top, _ in ratios]),
        np.column_stack([bottom for _, bottom in ratios]),
        seed=seed,
        resamples=resamples,
    )
    found = {}
    first = 0
    for name, column in columns.items():
        several = means[:, first : first + len(column.ratios)]
        first += len(column.ratios)
        if column.value is None or not resamples:
            found[name] = Interval(column.value, None, None, column.client_count)
            continue
        # The parts of a sum of ratios all equal the value where nothing is resampled.
        values = several.sum(axis=1) - (several.shape[1] - 1) * column.value
        found[name] = percentile_interval(column.value, values, column.client_count)
    return found
