"""A figure with what its interval is computed from, and as a row of the metrics table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.evaluation import significance
from ml.evaluation.significance import Interval, percentile_interval

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MetricRow:
    """One figure of the metrics table.

    Parameters
    ----------
    segment : str
        ``all``, ``warm`` (clients with interactions before the cutoff), ``cold``,
        ``partner: <id>`` (that partner's services only), or one of the client segments
        that the warehouse names, e.g. ``activity: high``.
    metric : str
        ``auc``, ``auc_overall``, ``ndcg@10``, ``calibration_error``, ...
    value, ci_low, ci_high : float or None
        None where the segment has no client that the metric is defined for. Coverage has
        no interval, because a resample, which repeats clients, can only cover less; nor
        have the calibration error, which resampling only enlarges, and counts.
    client_count : int
        Clients behind the value.
    """

    segment: str
    metric: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    client_count: int


def first_ratio(ratios: Values) -> Values:
    """Combine the ratios of a plain mean: there is one.

    Parameters
    ----------
    ratios : ndarray of float64, (resamples, 1)

    Returns
    -------
    ndarray of float64, (resamples,)
    """
    return ratios[:, 0]


@dataclass(frozen=True)
class Figure:
    """A figure, with the ratios of sums over clients that its resamples are made of.

    Parameters
    ----------
    value : float or None
    client_count : int
    ratios : tuple of (numerators, denominators)
        Each two ndarrays of float64, (n_clients,). Without any there is no interval.
    combine : callable
        The figure from its ratios, (resamples, number of ratios) -> (resamples,).
    """

    value: float | None
    client_count: int
    ratios: tuple[tuple[Values, Values], ...] = ()
    combine: Callable[[Values], Values] = first_ratio


def client_mean(values: Values) -> Figure:
    """Make the mean over the clients that have a value.

    Parameters
    ----------
    values : ndarray of float64, (n_clients,)
        NaN where a client has none.

    Returns
    -------
    Figure
    """
    is_known = ~np.isnan(values)
    count = int(is_known.sum())
    known = np.where(is_known, values, 0.0)
    value = float(known.sum() / count) if count else None
    return Figure(value, count, ((known, is_known.astype(np.float64)),))


def metric_rows(
    segment: str, figures: dict[str, Figure], *, resamples: int, seed: int
) -> list[MetricRow]:
    """Make rows of figures over the same clients; all intervals share their resamples.

    Parameters
    ----------
    segment : str
    figures : dict of str to Figure
        By metric.
    resamples : int
        0 leaves the intervals out.
    seed : int

    Returns
    -------
    list of MetricRow
    """
    intervals = _intervals(figures, resamples, seed)
    return [
        MetricRow(segment, metric, x.value, x.low, x.high, x.client_count)
        for metric, x in intervals.items()
    ]


def _intervals(figures: dict[str, Figure], resamples: int, seed: int) -> dict[str, Interval]:
    plain = {
        metric: Interval(figure.value, None, None, figure.client_count)
        for metric, figure in figures.items()
    }
    sure = {m: f for m, f in figures.items() if f.ratios and f.value is not None}
    if not resamples or not sure:
        return plain
    ratios = [ratio for figure in sure.values() for ratio in figure.ratios]
    means = significance.resample_ratios(
        np.column_stack([top for top, _ in ratios]),
        np.column_stack([bottom for _, bottom in ratios]),
        seed=seed,
        resamples=resamples,
    )
    found = {}
    first = 0
    for metric, figure in sure.items():
        assert figure.value is not None
        values = figure.combine(means[:, first : first + len(figure.ratios)])
        first += len(figure.ratios)
        found[metric] = percentile_interval(figure.value, values, figure.client_count)
    return {**plain, **found}
