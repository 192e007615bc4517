"""The first candidates of every eligible client of a fold, judged by what came after.

Ranking metrics look at clients who took something. Whoever sends offers sends them to all,
so probabilities, lift and conversions are measured over all: on offers, not on all pairs,
nearly all of which are never offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.dataset import BoolArray, Fold, block_coordinates
from ml.evaluation.calibration import Calibrator
from ml.evaluation.figures import Figure
from ml.evaluation.lift import LiftTable, lift_table, probability_deciles
from ml.evaluation.reliability import (
    Calibration,
    Values,
    log_losses,
    measure_calibration,
    squared_errors,
)
from ml.ranking import TopK


@dataclass(frozen=True)
class JudgedOffers:
    """What would have been offered, how likely it was said to be, and whether it came true.

    Parameters
    ----------
    top : TopK
        First candidates of every eligible client.
    calibrator : Calibrator
        What the probabilities come from.
    probabilities : ndarray of float64, (n, k)
        NaN where there is no candidate.
    is_taken : ndarray of bool, (n, k)
    calibration : Calibration
    lift : LiftTable
    """

    top: TopK
    calibrator: Calibrator
    probabilities: Values
    is_taken: BoolArray
    calibration: Calibration
    lift: LiftTable


def judge_offers(top: TopK, fold: Fold, calibrator: Calibrator) -> JudgedOffers:
    """Compare the offers of some clients with what they took up.

    Parameters
    ----------
    top : TopK
    fold : Fold
        The one that was ranked; its labels judge.
    calibrator : Calibrator

    Returns
    -------
    JudgedOffers
    """
    probabilities = calibrator.transform_top(top, fold)
    is_offer = top.services >= 0
    is_taken = _is_label(top, fold)
    stated, outcomes = probabilities[is_offer], is_taken[is_offer]
    return JudgedOffers(
        top,
        calibrator,
        probabilities,
        is_taken,
        measure_calibration(stated, outcomes),
        lift_table(stated, outcomes),
    )


def _is_label(top: TopK, fold: Fold) -> BoolArray:
    """Whether each candidate is a label, by pairs: dense labels would grow with the catalogue."""
    rows, services = block_coordinates(fold.labels, top.clients)
    labels = rows * fold.n_services + services
    pairs = np.arange(len(top.clients))[:, None] * fold.n_services + top.services
    is_label: BoolArray = np.isin(pairs, labels) & (top.services >= 0)
    return is_label


def offer_figures(offers: JudgedOffers) -> dict[str, Figure]:
    """Make the figures of offers: how right the probabilities are, and the best tenth.

    Parameters
    ----------
    offers : JudgedOffers

    Returns
    -------
    dict of str to Figure
        By metric. Of the top decile: its conversions, the lift of their rate over that of
        all offers, and their share of all conversions; no lift where ties leave it empty.
    """
    is_offer = offers.top.services >= 0
    counts = is_offer.sum(axis=1).astype(np.float64)
    clients = int((counts > 0).sum())
    is_best = np.zeros(is_offer.shape, dtype=bool)
    is_best[is_offer] = probability_deciles(offers.probabilities[is_offer]) == 1
    stated = np.where(is_offer, offers.probabilities, 0.0)
    taken = offers.is_taken.sum(axis=1).astype(np.float64)
    best_counts = is_best.sum(axis=1).astype(np.float64)
    best_taken = (is_best & offers.is_taken).sum(axis=1).astype(np.float64)
    found = offers.calibration

    def mean(value: float, sums: Values) -> Figure:
        return Figure(_known(value), clients, ((sums, counts),))

    total, best_total = taken.sum(), best_counts.sum()
    lift = best_taken.sum() / best_total / (total / counts.sum()) if total and best_total else None
    gain = best_taken.sum() / total if total else None
    return {
        "calibration_error": Figure(_known(found.expected_calibration_error), clients),
        "brier_score": mean(
            found.brier_score, (is_offer * squared_errors(stated, offers.is_taken)).sum(axis=1)
        ),
        "log_loss": mean(
            found.log_loss, (is_offer * log_losses(stated, offers.is_taken)).sum(axis=1)
        ),
        "mean_probability": mean(found.mean_probability, stated.sum(axis=1)),
        "positive_rate": mean(found.positive_rate, taken),
        "lift_top_decile": Figure(
            None if lift is None else float(lift),
            clients,
            ((best_taken, best_counts), (taken, counts)),
            _quotient,
        ),
        "gain_top_decile": Figure(
            None if gain is None else float(gain), clients, ((best_taken, taken),)
        ),
        "conversions_top_decile": Figure(float(best_taken.sum()) if clients else None, clients),
    }


def _quotient(ratios: Values) -> Values:
    unknown = np.full(len(ratios), np.nan)
    quotient: Values = np.divide(ratios[:, 0], ratios[:, 1], out=unknown, where=ratios[:, 1] > 0)
    return quotient


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
