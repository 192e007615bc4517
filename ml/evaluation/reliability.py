"""How far stated probabilities are from what happened, counted in a stream of blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BINS = 20
# The upper bits of a float32 in [0, 1]: cells that are 0.2% of their probability wide.
_CELL_SHIFT = 14
_CELLS = (0x3F800000 >> _CELL_SHIFT) + 1
_SMALLEST = 1e-15


@dataclass(frozen=True)
class ReliabilityCurve:
    """Stated and observed in bins of equal mass, from low to high probability.

    Parameters
    ----------
    mean_probabilities, positive_rates : ndarray of float64, (bins,)
    counts : ndarray of int64, (bins,)
        Never zero: bins that nothing falls into are left out.
    """

    mean_probabilities: Values
    positive_rates: Values
    counts: Integers


class Reliability:
    """Counts of probabilities and outcomes; takes pairs block by block, keeps none.

    Examples
    --------
    >>> reliability = Reliability()
    >>> reliability.add(np.array([0.1, 0.1, 0.6, 0.6]), np.array([0, 0, 1, 0]))
    >>> round(reliability.expected_calibration_error(bins=2), 4)
    0.1
    >>> round(reliability.brier_score, 4)
    0.135
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_CELLS, dtype=np.int64)
        self._positives = np.zeros(_CELLS)
        self._stated = np.zeros(_CELLS)
        self._squares = 0.0
        self._log_loss = 0.0

    def add(self, probabilities: Values, is_positive: npt.NDArray[np.generic]) -> None:
        """Count some pairs.

        Parameters
        ----------
        probabilities : ndarray of float64, (m,)
            In [0, 1].
        is_positive : ndarray of bool, or of zeros and ones, (m,)
        """
        outcomes = is_positive.astype(np.float64)
        cells = probabilities.astype(np.float32).view(np.int32) >> _CELL_SHIFT
        self._counts += np.bincount(cells, minlength=_CELLS)
        self._positives += np.bincount(cells, weights=outcomes, minlength=_CELLS)
        self._stated += np.bincount(cells, weights=probabilities, minlength=_CELLS)
        self._squares += float(np.square(probabilities - outcomes).sum())
        given = np.where(outcomes > 0, probabilities, 1.0 - probabilities)
        self._log_loss -= float(np.log(np.maximum(given, _SMALLEST)).sum())

    @property
    def pair_count(self) -> int:
        """Pairs counted so far."""
        return int(self._counts.sum())

    @property
    def mean_probability(self) -> float:
        """Mean of the stated probabilities; NaN without pairs."""
        return self._mean(float(self._stated.sum()))

    @property
    def positive_rate(self) -> float:
        """Share of positives; NaN without pairs."""
        return self._mean(float(self._positives.sum()))

    @property
    def brier_score(self) -> float:
        """Mean squared error of the probabilities (Brier 1950); NaN without pairs."""
        return self._mean(self._squares)

    @property
    def log_loss(self) -> float:
        """Mean negative log-likelihood, natural log; NaN without pairs."""
        return self._mean(self._log_loss)

    def curve(self, bins: int = BINS) -> ReliabilityCurve:
        """Stated against observed, in bins that hold about equally many pairs.

        Pairs whose probabilities are equal (to 0.2%) share a bin, so bins can differ in
        size.

        Parameters
        ----------
        bins : int, default 20

        Returns
        -------
        ReliabilityCurve
        """
        if self.pair_count == 0:
            nothing = np.empty(0)
            return ReliabilityCurve(nothing, nothing, np.empty(0, np.int64))
        middles = np.cumsum(self._counts) - self._counts / 2
        places = np.minimum(middles / self.pair_count * bins, bins - 1).astype(np.int64)
        counts = np.bincount(places, weights=self._counts, minlength=bins)
        has_pairs = counts > 0
        counts = counts[has_pairs]
        stated = np.bincount(places, weights=self._stated, minlength=bins)[has_pairs]
        positives = np.bincount(places, weights=self._positives, minlength=bins)[has_pairs]
        return ReliabilityCurve(stated / counts, positives / counts, counts.astype(np.int64))

    def expected_calibration_error(self, bins: int = BINS) -> float:
        """Mean distance of stated from observed over bins, weighted by their size.

        ``sum over bins of n_b / n * |positive rate - mean probability|`` (Naeini, Cooper
        and Hauskrecht 2015, AAAI) with bins of equal mass (Nixon et al. 2019, CVPR
        workshops): bins of equal width would put nearly all offers into the first one.

        Parameters
        ----------
        bins : int, default 20

        Returns
        -------
        float
            NaN without pairs.
        """
        curve = self.curve(bins)
        gaps = np.abs(curve.positive_rates - curve.mean_probabilities)
        return self._mean(float((curve.counts * gaps).sum()))

    def _mean(self, total: float) -> float:
        return total / self.pair_count if self.pair_count else float("nan")
