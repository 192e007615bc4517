"""What a campaign gains by starting with the likeliest offers: lift and gain by decile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.evaluation.reliability import Integers, Outcomes, Values, mass_bins

DECILES = 10


@dataclass(frozen=True)
class LiftTable:
    """Offers in tenths by probability, the likeliest first.

    Parameters
    ----------
    deciles : ndarray of int64, (d,)
        From 1 = the likeliest. Tenths that nothing falls into, for ties, are left out.
    offer_counts, conversion_counts : ndarray of int64, (d,)
        Offers, and those that the client took up.
    mean_probabilities, conversion_rates : ndarray of float64, (d,)
    lifts : ndarray of float64, (d,)
        Conversion rate over that of all offers; NaN where nothing converted.
    gains : ndarray of float64, (d,)
        Share of all conversions in the deciles up to this one; NaN where nothing converted.
    """

    deciles: Integers
    offer_counts: Integers
    conversion_counts: Integers
    mean_probabilities: Values
    conversion_rates: Values
    lifts: Values
    gains: Values


def probability_deciles(probabilities: Values) -> Integers:
    """Tenth of each offer, from 1 = the likeliest; equal probabilities share one.

    Parameters
    ----------
    probabilities : ndarray of float64, (m,)

    Returns
    -------
    ndarray of int64, (m,)

    Examples
    --------
    >>> probability_deciles(np.linspace(0.1, 0.5, 5)).tolist()
    [10, 8, 6, 4, 2]
    """
    return mass_bins(-probabilities, DECILES)


def lift_table(probabilities: Values, is_converted: Outcomes) -> LiftTable:
    """Count offers and conversions by decile.

    Lift and cumulative gain as in Berry and Linoff (2004), *Data Mining Techniques*,
    chapter 4.

    Parameters
    ----------
    probabilities : ndarray of float64, (m,)
    is_converted : ndarray of bool, or of zeros and ones, (m,)

    Returns
    -------
    LiftTable

    Examples
    --------
    Twenty offers, two in each decile; five convert, two of them in the first:

    >>> likely = np.linspace(0.95, 0.0, 20)
    >>> table = lift_table(likely, np.isin(np.arange(20), [0, 1, 2, 5, 19]))
    >>> table.conversion_counts.tolist()
    [2, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    >>> table.lifts[:2].tolist(), table.gains[[0, 2, 9]].round(4).tolist()
    ([4.0, 2.0], [0.4, 0.8, 1.0])
    """
    places = probability_deciles(probabilities)
    size = DECILES + 1
    offers = np.bincount(places, minlength=size)
    deciles = np.flatnonzero(offers)
    weights = is_converted.astype(np.float64)
    conversions = np.bincount(places, weights=weights, minlength=size).astype(np.int64)
    stated = np.bincount(places, weights=probabilities, minlength=size)
    offers, conversions, stated = offers[deciles], conversions[deciles], stated[deciles]
    total = conversions.sum()
    rates = conversions / offers
    unknown = np.full(len(deciles), np.nan)
    return LiftTable(
        deciles=deciles,
        offer_counts=offers,
        conversion_counts=conversions,
        mean_probabilities=stated / offers,
        conversion_rates=rates,
        lifts=rates / (total / offers.sum()) if total else unknown,
        gains=np.cumsum(conversions) / total if total else unknown,
    )
