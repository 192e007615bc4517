"""The protocol every model is measured by: full ranking of the candidates on one fold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.evaluation import catalogue, metrics
from ml.evaluation.calibration import Calibrator
from ml.evaluation.figures import Figure, MetricRow, client_mean, metric_rows
from ml.evaluation.metrics import CUTOFFS, SHOWN_CUTOFFS, Values, shown_cutoff
from ml.evaluation.offers import JudgedOffers, judge_offers, offer_figures
from ml.evaluation.pooled_auc import Pool, pool, pooled_auc
from ml.evaluation.significance import RESAMPLES
from ml.ranking import BLOCK_SIZE, DEPTH, LabelRanks, Scorer, TopK, join_tops, rank_labels, top_k

ALL = "all"


@dataclass(frozen=True)
class Evaluation:
    """All figures of one model on one fold.

    Parameters
    ----------
    rows : tuple of MetricRow
    ranks : LabelRanks
        What the ranking metrics were read from, without the scores of all candidates;
        ``ranks.clients`` orders ``per_client``.
    per_client : dict of str to ndarray of float64, (n,)
        For paired tests between models; NaN where undefined.
    offers : JudgedOffers or None
        Of all measured clients; first those of ``ranks.clients``. None without a calibrator.
    """

    rows: tuple[MetricRow, ...]
    ranks: LabelRanks
    per_client: dict[str, Values]
    offers: JudgedOffers | None = None

    @property
    def k(self) -> int:
        """First offers of a client that figures are shown of."""
        return shown_cutoff(k for k in SHOWN_CUTOFFS if f"ndcg@{k}" in self.per_client)

    @property
    def choice_metric(self) -> str:
        """What models are chosen by."""
        return f"ndcg@{self.k}"

    @property
    def choice_value(self) -> float | None:
        """That figure; None without a label."""
        return self.value(self.choice_metric)

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
    calibrator: Calibrator | None = None,
    segments: dict[str, BoolArray] | None = None,
    cutoffs: tuple[int, ...] | None = None,
    block_size: int = BLOCK_SIZE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Evaluation:
    """Rank all candidates of every labelled client and compute all metrics.

    Parameters
    ----------
    score : callable
    fold : Fold
        Its client and service segments get rows of their own.
    calibrator : Calibrator, optional
        With it, the first offers of every measured client are judged too.
    segments : dict of str to ndarray of bool, optional
        Over ``fold.labelled_clients``; all, warm and cold by default.
    cutoffs : tuple of int, optional
        By default those that tell something for a catalogue of this size.
    block_size : int, default 1024
    resamples : int, default 1000
        Bootstrap resamples behind the 95% intervals; 0 leaves the intervals out.
    seed : int, default 0

    Returns
    -------
    Evaluation
    """
    clients = fold.labelled_clients
    depth = max(*(cutoffs or CUTOFFS), DEPTH)
    ranks = rank_labels(score, fold, clients, block_size, depth=depth, keep_scores=True)
    cutoffs = cutoffs or metrics.cutoffs_of(ranks)
    per_client = metrics.client_metrics(ranks, cutoffs)
    per_client |= catalogue.list_metrics(ranks.top, fold, cutoffs)
    pooled = pool(ranks)
    rows: list[MetricRow] = []
    found = segment_clients(fold, clients) if segments is None else segments
    for name, members in found.items():
        figures = _ranking_figures(ranks, per_client, members, pooled)
        figures |= _coverage(ranks, members, cutoffs)
        rows += metric_rows(name, figures, resamples=resamples, seed=seed)
    # Kept for the whole run; the scores of all candidates would be most of it.
    ranks = replace(ranks, candidate_scores=np.empty(0, np.float32))
    shown = (shown_cutoff(cutoffs),)
    for name, figures in _breakdowns(ranks, fold, shown).items():
        rows += metric_rows(name, figures, resamples=resamples, seed=seed)
    offers = None
    if calibrator is not None:
        top = _offered(score, fold, ranks, block_size)
        offers = judge_offers(top, fold, calibrator)
        rows += metric_rows(ALL, offer_figures(offers), resamples=resamples, seed=seed)
    return Evaluation(tuple(rows), ranks, per_client, offers)


def _offered(score: Scorer, fold: Fold, ranks: LabelRanks, block_size: int) -> TopK:
    """First candidates of all measured clients: those that are ranked, then the others."""
    others = np.setdiff1d(fold.measured_clients, ranks.clients)
    return join_tops([ranks.top.first(DEPTH), top_k(score, fold, others, DEPTH, block_size)], DEPTH)


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


def _ranking_figures(
    ranks: LabelRanks, per_client: dict[str, Values], members: BoolArray, pool: Pool
) -> dict[str, Figure]:
    figures = {name: client_mean(values[members]) for name, values in per_client.items()}
    whole = pooled_auc(ranks, members, pool)
    value = whole.value
    count = int((members & (ranks.positive_counts > 0)).sum())
    # Comparing each resample's pairs anew would be quadratic; resampling the clients'
    # structural components on both sides is the same to first order. Both equal the value
    # where nothing is resampled.
    figures["auc_overall"] = Figure(
        value,
        0 if value is None else count,
        (
            (whole.label_sums[members], whole.label_counts[members]),
            (whole.other_sums[members], whole.other_counts[members]),
        ),
        lambda ratios: ratios.sum(axis=1) - (0.0 if value is None else value),
    )
    return figures


def _coverage(ranks: LabelRanks, members: BoolArray, cutoffs: tuple[int, ...]) -> dict[str, Figure]:
    return {
        f"coverage@{k}": Figure(catalogue.coverage(ranks, k, members), int(members.sum()))
        for k in cutoffs
    }


def _breakdowns(
    ranks: LabelRanks, fold: Fold, cutoffs: tuple[int, ...]
) -> dict[str, dict[str, Figure]]:
    """Figures of each client segment, and of each partner's labels, that people ask for."""
    found: dict[str, dict[str, Figure]] = {}
    per_client = metrics.client_metrics(ranks, cutoffs)
    per_client |= catalogue.list_metrics(ranks.top, fold, cutoffs)
    for name, is_member in fold.client_segments.items():
        members = is_member[ranks.clients]
        figures = {metric: client_mean(values[members]) for metric, values in per_client.items()}
        found[name] = figures | _coverage(ranks, members, cutoffs)
    for name, is_wanted in fold.service_segments.items():
        own = metrics.labels_of(ranks, is_wanted)
        # Resampling the thousands of clients without a label there would be for nothing.
        members = own.positive_counts > 0
        found[name] = {
            metric: client_mean(values[members])
            for metric, values in metrics.client_metrics(own, cutoffs).items()
        }
    return found
