"""How far stated probabilities are from what happened, and bins that SQL computes alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Outcomes = npt.NDArray[np.generic]

BINS = 20
_SMALLEST = 1e-15


@dataclass(frozen=True)
class ReliabilityCurve:
    """Stated and observed in bins of equal mass, from low to high probability.

    Parameters
    ----------
    bins : ndarray of int64, (b,)
        Number of each bin, from 1. Bins that nothing falls into are left out.
    mean_probabilities, positive_rates : ndarray of float64, (b,)
    counts : ndarray of int64, (b,)
        Never zero.
    """

    bins: Integers
    mean_probabilities: Values
    positive_rates: Values
    counts: Integers


@dataclass(frozen=True)
class Calibration:
    """How good the probabilities of some pairs were; NaN without pairs.

    Parameters
    ----------
    expected_calibration_error : float
        In 20 bins of equal mass.
    brier_score : float
        Mean squared error of the probabilities (Brier 1950).
    log_loss : float
        Mean negative log-likelihood, natural log.
    mean_probability, positive_rate : float
        Stated and observed, over all pairs.
    pair_count : int
    curve : ReliabilityCurve
    """

    expected_calibration_error: float
    brier_score: float
    log_loss: float
    mean_probability: float
    positive_rate: float
    pair_count: int
    curve: ReliabilityCurve


def mass_bins(values: Values, bins: int) -> Integers:
    """Number the values' bins of equal mass, from low to high.

    A value's mid-rank decides: the share of all values below it, its equals counted half.
    Equal values therefore share a bin whatever their order, bins may differ in size, and
    integers alone are compared, so that SQL finds exactly the same bins.

    Parameters
    ----------
    values : ndarray of float64, (m,)
    bins : int

    Returns
    -------
    ndarray of int64, (m,)
        From 1 to ``bins``.

    Examples
    --------
    >>> mass_bins(np.array([0.1, 0.4, 0.2, 0.3]), 2).tolist()
    [1, 2, 1, 2]

    The middle of the three equals stands at place 2.5 of 4, in the second half:

    >>> mass_bins(np.array([0.1, 0.3, 0.3, 0.3]), 2).tolist()
    [1, 2, 2, 2]
    """
    if len(values) == 0:
        return np.empty(0, np.int64)
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    doubled_middles = 2 * (np.cumsum(counts) - counts) + counts
    numbers: Integers = (doubled_middles * bins // (2 * len(values)) + 1)[places]
    return numbers


def reliability_curve(
    probabilities: Values, is_positive: Outcomes, bins: int = BINS
) -> ReliabilityCurve:
    """Stated against observed, in bins that hold about equally many pairs.

    Parameters
    ----------
    probabilities : ndarray of float64, (m,)
        In [0, 1].
    is_positive : ndarray of bool, or of zeros and ones, (m,)
    bins : int, default 20

    Returns
    -------
    ReliabilityCurve
    """
    places = mass_bins(probabilities, bins)
    counts = np.bincount(places, minlength=bins + 1)
    numbers = np.flatnonzero(counts)
    stated = np.bincount(places, weights=probabilities, minlength=bins + 1)[numbers]
    observed = np.bincount(places, weights=is_positive.astype(np.float64), minlength=bins + 1)
    counts = counts[numbers]
    return ReliabilityCurve(numbers, stated / counts, observed[numbers] / counts, counts)


def expected_calibration_error(curve: ReliabilityCurve) -> float:
    """Mean distance of stated from observed over bins, weighted by their size.

    ``sum over bins of n_b / n * |positive rate - mean probability|`` (Naeini, Cooper and
    Hauskrecht 2015, AAAI) with bins of equal mass (Nixon et al. 2019, CVPR workshops): bins
    of equal width would put nearly all offers into the first one.

    Parameters
    ----------
    curve : ReliabilityCurve

    Returns
    -------
    float
        NaN without pairs.

    Examples
    --------
    Bins state .1 and .6; none and half of their pairs were positive:

    >>> curve = reliability_curve(np.array([0.1, 0.1, 0.6, 0.6]), np.array([0, 0, 1, 0]), 2)
    >>> round(expected_calibration_error(curve), 4)
    0.1
    """
    if len(curve.counts) == 0:
        return float("nan")
    gaps = np.abs(curve.positive_rates - curve.mean_probabilities)
    return float((curve.counts * gaps).sum() / curve.counts.sum())


def squared_errors(probabilities: Values, is_positive: Outcomes) -> Values:
    """Squared distance of each probability from its outcome: what the Brier score averages.

    Parameters
    ----------
    probabilities : ndarray of float64, (m,)
    is_positive : ndarray of bool, or of zeros and ones, (m,)

    Returns
    -------
    ndarray of float64, (m,)
    """
    errors: Values = np.square(probabilities - is_positive.astype(np.float64))
    return errors


def log_losses(probabilities: Values, is_positive: Outcomes) -> Values:
    """Negative log of the probability given to each outcome, at most 34.5.

    Parameters
    ----------
    probabilities : ndarray of float64, (m,)
    is_positive : ndarray of bool, or of zeros and ones, (m,)

    Returns
    -------
    ndarray of float64, (m,)
    """
    given = np.where(is_positive.astype(bool), probabilities, 1.0 - probabilities)
    losses: Values = -np.log(np.maximum(given, _SMALLEST))
    return losses


def measure_calibration(probabilities: Values, is_positive: Outcomes) -> Calibration:
    """Compare probabilities with what happened.

    Parameters
    ----------
    probabilities : ndarray of float64, (m,)
        In [0, 1].
    is_positive : ndarray of bool, or of zeros and ones, (m,)

    Returns
    -------
    Calibration

    Examples
    --------
    >>> found = measure_calibration(np.array([0.1, 0.1, 0.6, 0.6]), np.array([0, 0, 1, 0]))
    >>> round(found.brier_score, 4), round(found.mean_probability, 4), found.positive_rate
    (0.135, 0.35, 0.25)
    """
    curve = reliability_curve(probabilities, is_positive)
    return Calibration(
        expected_calibration_error=expected_calibration_error(curve),
        brier_score=_mean(squared_errors(probabilities, is_positive)),
        log_loss=_mean(log_losses(probabilities, is_positive)),
        mean_probability=_mean(probabilities),
        positive_rate=_mean(is_positive.astype(np.float64)),
        pair_count=len(probabilities),
        curve=curve,
    )


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else float("nan")
