"""How sure a mean over clients is: bootstrap intervals, paired tests, Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

RESAMPLES = 1000
CONFIDENCE = 0.95
SIGNIFICANT = 1.96
"""Standard errors of a mean difference that is significant at the level of .05."""
# Resamples counted at once are held to some 16 MiB, whatever the number of clients.
_CHUNK_CELLS = 2_000_000


def standard_error(values: Values) -> float:
    """Standard error of a mean; infinite for fewer than two values.

    Parameters
    ----------
    values : ndarray of float64, (n,)

    Returns
    -------
    float

    Examples
    --------
    >>> standard_error(np.array([1.0, 3.0]))
    1.0
    """
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")


@dataclass(frozen=True)
class Interval:
    """A mean over clients with its confidence interval.

    Parameters
    ----------
    value : float or None
        None where no client has a value.
    low, high : float or None
    client_count : int
        Clients that have a value.
    """

    value: float | None
    low: float | None
    high: float | None
    client_count: int


@dataclass(frozen=True)
class Comparison:
    """How much better one model is than another, on the same clients.

    Parameters
    ----------
    difference : float or None
        Mean of first minus second; None without a common client.
    low, high : float or None
    p_value : float or None
        Two-sided; no smaller than ``2 / (resamples + 1)``.
    client_count : int
        Clients that have a value from both.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    client_count: int

    def mirrored(self) -> Comparison:
        """The same as seen from the second model."""

        def negative(value: float | None) -> float | None:
            return None if value is None else -value

        return replace(
            self,
            difference=negative(self.difference),
            low=negative(self.high),
            high=negative(self.low),
        )


def bootstrap_means(
    values: Values,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[Interval]:
    """Interval of the mean of each column, from resampling clients.

    The percentile bootstrap of Efron and Tibshirani (1993), chapter 13. All columns share
    the same resamples. NaN marks a client without a value.

    Parameters
    ----------
    values : ndarray of float64, (n_clients, m)
    seed : int
    resamples : int, default 1000
    confidence : float, default 0.95

    Returns
    -------
    list of Interval
        One per column.

    Examples
    --------
    >>> [interval] = bootstrap_means(np.array([[1.0], [1.0], [np.nan]]), seed=0)
    >>> interval
    Interval(value=1.0, low=1.0, high=1.0, client_count=2)
    """
    has_value = ~np.isnan(values)
    known = np.where(has_value, values, 0.0)
    counts = has_value.sum(axis=0)
    means = resample_ratios(known, has_value.astype(np.float64), seed=seed, resamples=resamples)
    return [
        percentile_interval(known[:, j].sum() / counts[j], means[:, j], int(counts[j]), confidence)
        if counts[j]
        else Interval(None, None, None, 0)
        for j in range(values.shape[1])
    ]


def percentile_interval(
    value: float, resampled: Values, client_count: int, confidence: float = CONFIDENCE
) -> Interval:
    """Interval between the outer percentiles of resampled values.

    Parameters
    ----------
    value : float
    resampled : ndarray of float64, (resamples,)
        NaN where a resample has no value.
    client_count : int
    confidence : float, default 0.95

    Returns
    -------
    Interval
    """
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high), client_count)


def resample_ratios(
    numerators: Values, denominators: Values, *, seed: int, resamples: int = RESAMPLES
) -> Values:
    """Resample clients and divide the sum of numerators by that of denominators.

    Parameters
    ----------
    numerators, denominators : ndarray of float64, (n_clients, m)
    seed : int
    resamples : int, default 1000

    Returns
    -------
    ndarray of float64, (resamples, m)
        NaN where a resample's denominator is zero.
    """
    both = np.hstack([numerators, denominators])
    sums = np.concatenate(
        [np.empty((0, both.shape[1]))]
        + [counts @ both for counts in _resample_counts(len(both), resamples, seed)]
    )
    top, bottom = np.hsplit(sums, 2)
    ratios: Values = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return ratios


def compare(
    first: Values,
    second: Values,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Test whether two models differ on the same clients, with the paired bootstrap.

    Clients are resampled with both of their values. The p-value inverts the percentile
    interval: twice the smaller share of resampled differences on either side of zero,
    zeros counted on both, one added to count and total (Davison and Hinkley 1997, 4.4).

    Parameters
    ----------
    first, second : ndarray of float64, (n_clients,)
        One metric of two models, clients in the same order; NaN without a value.
    seed : int
    resamples : int, default 1000
    confidence : float, default 0.95

    Returns
    -------
    Comparison

    Examples
    --------
    >>> same = np.array([0.2, 0.4])
    >>> compare(same, same, seed=0).p_value
    1.0
    """
    if first.shape != second.shape:
        raise ValueError("paired values need the same clients in the same order")
    [found] = compare_columns(
        (first - second)[:, None], seed=seed, resamples=resamples, confidence=confidence
    )
    return found


def compare_columns(
    differences: Values,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> list[Comparison]:
    """Test several paired differences, as ``compare``, on the same resamples.

    Parameters
    ----------
    differences : ndarray of float64, (n_clients, m)
        NaN where a client lacks either value.
    seed : int
    resamples : int, default 1000
    confidence : float, default 0.95

    Returns
    -------
    list of Comparison
        One per column, p-values not corrected.
    """
    is_known = ~np.isnan(differences)
    # Who has no value anywhere is no client of the comparison: resamples are of the others.
    kept = is_known.any(axis=1)
    is_known = is_known[kept]
    known = np.where(is_known, differences[kept], 0.0)
    counts = is_known.sum(axis=0)
    means = resample_ratios(known, is_known.astype(np.float64), seed=seed, resamples=resamples)
    found = []
    for column, count in enumerate(counts.tolist()):
        if count == 0:
            found.append(Comparison(None, None, None, None, 0))
            continue
        resampled = means[:, column]
        below, above = int((resampled <= 0).sum()), int((resampled >= 0).sum())
        p_value = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
        value = known[:, column].sum() / count
        interval = percentile_interval(value, resampled, count, confidence)
        found.append(Comparison(interval.value, interval.low, interval.high, p_value, count))
    return found


def holm(p_values: Values) -> Values:
    """Adjust p-values of several tests so that any false alarm stays below the level.

    Step-down of Holm (1979), *Scandinavian Journal of Statistics* 6.

    Parameters
    ----------
    p_values : ndarray of float64, (m,)

    Returns
    -------
    ndarray of float64, (m,)
        In the order given.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * steps))
    return adjusted


def _resample_counts(n: int, resamples: int, seed: int) -> Iterator[Values]:
    """How often each client was drawn, (chunk, n), chunk after chunk."""
    generator = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // max(n, 1))
    for start in range(0, resamples, chunk):
        rows = min(chunk, resamples - start)
        drawn = generator.integers(0, n, size=(rows, n)) if n else np.empty((rows, 0), np.int64)
        drawn += np.arange(rows)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=rows * n)
        yield counts.reshape(rows, n).astype(np.float64)
