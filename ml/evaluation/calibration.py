"""From raw ranking scores to the probability that a client takes a service.

Scores do not compare across clients, and a refit may change their scale. What compares is
where a score stands among its client's own candidates, and how much that client takes up
anyway. The calibrator therefore has three small parts, fitted in this order on the
folds with labels, on all eligible clients (those that took nothing are most of the point):

1. *level*: how many new services a client will take, a Poisson regression on the client's
   breadth and numeric features;
2. *curve*: how that spreads over the client's candidates, a logistic regression on the log
   of the rank and the standardised score, both piecewise linear, and the log of the level;
3. *correction*: an isotonic map (Zadrozny and Elkan 2002, KDD) of the curve's outcome,
   shrunk towards no change where few labels speak.

On another fold (``moved_to``) the level is what is foretold there (:mod:`ml.evaluation.level`), a
standardised score counts as the one that stands as high where the curve was fitted, and a *shift*
of all logits makes the probabilities of all candidates add up to the level. No label is looked
at for that.

Within a client every part is non-decreasing in the score, so that the order of the
probabilities is the order of the offers; ties in score are ties in probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import brentq, isotonic_regression
from scipy.special import expit, logit

from ml.dataset import Fold, IntArray
from ml.errors import InputError
from ml.evaluation.calibration_sample import (
    PairSample,
    client_covariates,
    like_elsewhere,
    pair_features,
    score_quantiles,
)
from ml.evaluation.glm import LOGISTIC, POISSON, fit_glm
from ml.evaluation.level import NO_CHANGE, LevelChange, foretell_level
from ml.ranking import BLOCK_SIZE, LabelRanks, Scorer, TopK

Values = npt.NDArray[np.float64]

# Precision of the prior on each standardised weight, comparable to a number of labels:
# weak against the tens of thousands of a real programme, strong against a few hundred.
LEVEL_RIDGE = 300.0
CURVE_RIDGE = 1.0
# A knot of the correction needs this many expected labels; there are at most MAX_KNOTS.
LABELS_PER_KNOT = 50
MAX_KNOTS = 20
# Labels' worth of belief in the curve that a knot's own labels have to outweigh.
PRIOR_LABELS = 20.0
# More clients than this would sharpen nothing; they are taken evenly over the index.
MAX_CLIENTS = 10_000
# Whose candidates are summed up where a calibrator is moved to another fold.
MOVED_CLIENTS = 2500
# No fold is so unlike another that odds change by more than e^5.
MOST_SHIFT = 5.0


@dataclass(frozen=True)
class Evidence:
    """What a calibrator learns from one fold.

    Parameters
    ----------
    cutoff_at : datetime
    covariates : tuple of str, (q,)
    figures : ndarray of float64, (n, q)
        Of the fold's clients, or of an even sample of them.
    sample : PairSample
        Of the same clients.
    """

    cutoff_at: datetime
    covariates: tuple[str, ...]
    figures: Values
    sample: PairSample

    @classmethod
    def of(
        cls,
        score: Scorer,
        fold: Fold,
        clients: IntArray | None = None,
        block_size: int = BLOCK_SIZE,
    ) -> Self:
        """Stream a model's scores of a fold that it was fitted on; see ``Calibrator.fit``."""
        chosen = fold.measured_clients if clients is None else clients
        chosen = chosen[:: max(1, -(-len(chosen) // MAX_CLIENTS))]
        sample = PairSample.draw(score, fold, chosen, block_size)
        if len(sample.outcomes) == 0:
            raise InputError(
                f"fold '{fold.name}' has no pair that may be offered, so that probabilities "
                "cannot be calibrated; look at the eligibility counts"
            )
        return cls(fold.cutoff_at, *client_covariates(fold, chosen), sample)


@dataclass(frozen=True)
class Calibrator:
    """A fitted map from scores to probabilities; make one with ``fit`` or ``from_dict``.

    Parameters
    ----------
    covariates : tuple of str
        Names of the client's figures that the level rests on.
    level_intercept : float
    level_weights, level_lows, level_highs : tuple of float
        One each per covariate; figures outside the range seen are moved to its edge.
    curve_intercept : float
    curve_weights : tuple of float
        Of minus log rank beyond rank 1024, down to 256, ..., down to 1, of arsinh of the
        standardised score up to 0, 1, 2 and beyond, and of the log level; none negative.
    knots, knot_logits : tuple of float
        The correction: logits before and after.
    cutoffs : tuple of str
        Cutoffs of the folds that it was fitted on, ISO 8601.
    quantiles, moved_quantiles : tuple of float
        Of the standardised scores where it was fitted, and of those that it was moved to.
    shift : float
        Of all logits, where it was moved to another fold.
    change : LevelChange
        What was foretold there.
    """

    covariates: tuple[str, ...]
    level_intercept: float
    level_weights: tuple[float, ...]
    level_lows: tuple[float, ...]
    level_highs: tuple[float, ...]
    curve_intercept: float
    curve_weights: tuple[float, ...]
    knots: tuple[float, ...]
    knot_logits: tuple[float, ...]
    cutoffs: tuple[str, ...] = ()
    quantiles: tuple[float, ...] = ()
    moved_quantiles: tuple[float, ...] = ()
    shift: float = 0.0
    change: LevelChange = NO_CHANGE

    @classmethod
    def fit(
        cls,
        score: Scorer,
        fold: Fold,
        clients: IntArray | None = None,
        block_size: int = BLOCK_SIZE,
    ) -> Self:
        """Learn from one fold's labels; its scores are streamed and never held together.

        Parameters
        ----------
        score : callable
            A model fitted on this fold.
        fold : Fold
        clients : ndarray of int32, optional
            All measured clients by default. Labelled clients alone would make everything
            look likelier than it is.
        block_size : int, default 1024

        Returns
        -------
        Calibrator

        Raises
        ------
        InputError
            Nobody may be offered anything.
        """
        return cls.fit_on([Evidence.of(score, fold, clients, block_size)])

    @classmethod
    def fit_on(cls, folds: Sequence[Evidence]) -> Self:
        """Learn from the labels of one fold or more, each of which counts by its clients.

        Parameters
        ----------
        folds : sequence of Evidence
            Of the same model, fitted on each; one at least. Scores of the others count as those
            that stand as high in the last.

        Returns
        -------
        Calibrator
        """
        quantiles = tuple(score_quantiles(folds[-1].sample).tolist())
        sample = PairSample.joined(
            [*(one.sample.like_elsewhere(quantiles) for one in folds[:-1]), folds[-1].sample]
        )
        names = folds[0].covariates
        figures = np.concatenate([one.figures for one in folds])
        level_intercept, level_weights = fit_glm(
            figures, sample.adoptions, np.ones(len(figures)), POISSON, LEVEL_RIDGE
        )
        levels = level_intercept + _dot(figures, level_weights)
        features = np.column_stack([sample.features, levels[sample.owners]])
        curve_intercept, curve_weights = fit_glm(
            features,
            sample.outcomes,
            sample.weights,
            LOGISTIC,
            CURVE_RIDGE,
            is_non_negative=True,
        )
        logits = curve_intercept + _dot(features, curve_weights)
        knots, knot_logits = _fit_correction(logits, sample.outcomes, sample.weights)
        return cls(
            covariates=names,
            level_intercept=level_intercept,
            level_weights=tuple(level_weights.tolist()),
            level_lows=tuple(figures.min(axis=0).tolist()),
            level_highs=tuple(figures.max(axis=0).tolist()),
            curve_intercept=curve_intercept,
            curve_weights=tuple(curve_weights.tolist()),
            knots=tuple(knots.tolist()),
            knot_logits=tuple(knot_logits.tolist()),
            cutoffs=tuple(one.cutoff_at.isoformat() for one in folds),
            quantiles=quantiles,
        )

    def moved_to(self, score: Scorer, fold: Fold, block_size: int = BLOCK_SIZE) -> Self:
        """The calibrator for another fold; itself on a fold that it was fitted on.

        Parameters
        ----------
        score : callable
            The model, fitted on this fold.
        fold : Fold
            Its labels are not looked at.
        block_size : int, default 1024

        Returns
        -------
        Calibrator
        """
        if not self.cutoffs or fold.cutoff_at.isoformat() in self.cutoffs:
            return self
        blind = replace(fold, labels=sparse.csr_matrix(fold.labels.shape, dtype=np.float32))
        clients = fold.measured_clients
        clients = clients[:: max(1, -(-len(clients) // MOVED_CLIENTS))]
        sample = PairSample.draw(score, blind, clients, block_size)
        change = foretell_level(fold, [datetime.fromisoformat(text) for text in self.cutoffs])
        moved = replace(
            self,
            level_intercept=self.level_intercept + change.log_ratio,
            change=change,
            moved_quantiles=tuple(score_quantiles(sample).tolist()),
        )
        expected = float(moved.expected_adoptions(fold)[clients].sum())
        logits = moved._logits(sample.features, clients, sample.owners, fold)

        def excess(shift: float) -> float:
            return float(sample.weights @ expit(logits + shift)) - expected

        if excess(-MOST_SHIFT) >= 0 or excess(MOST_SHIFT) <= 0:
            return moved
        return replace(moved, shift=float(brentq(excess, -MOST_SHIFT, MOST_SHIFT, xtol=1e-9)))

    def transform_top(self, top: TopK, fold: Fold) -> Values:
        """Probabilities of ranked candidates.

        Parameters
        ----------
        top : TopK
            Of any depth: a candidate's probability does not depend on it.
        fold : Fold
            The one that was ranked; says how much each client takes up.

        Returns
        -------
        ndarray of float64, (n, k)
            Non-increasing along each row; NaN where there is no candidate.
        """
        is_candidate = top.services >= 0
        rows = np.nonzero(is_candidate)[0]
        features = pair_features(
            top.scores[is_candidate],
            top.first_ranks[is_candidate],
            top.spread.means[rows],
            top.spread.deviations[rows],
        )
        probabilities = np.full(top.services.shape, np.nan)
        probabilities[is_candidate] = self._probabilities(features, top.clients, rows, fold)
        # Rounding must not turn an order that the parts keep only up to the last bit.
        ordered: Values = np.minimum.accumulate(probabilities, axis=1)
        return ordered

    def transform_labels(self, ranks: LabelRanks, fold: Fold) -> Values:
        """Probabilities of the labels, however far down they rank.

        Parameters
        ----------
        ranks : LabelRanks
        fold : Fold

        Returns
        -------
        ndarray of float64, (p,)
            In the order of ``ranks.positions``.
        """
        spread, rows = ranks.top.spread, ranks.positions
        features = pair_features(
            ranks.scores,
            ranks.first_ranks,
            spread.means[rows],
            spread.deviations[rows],
        )
        return self._probabilities(features, ranks.clients, rows, fold)

    def to_dict(self) -> dict[str, Any]:
        """State as what JSON can hold; ``from_dict`` gives back equal probabilities."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Read back what ``to_dict`` gave, also after a trip through JSON."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in state.items()
        }
        return cls(**{**values, "change": LevelChange(**values.get("change", {}))})

    def expected_adoptions(self, fold: Fold) -> Values:
        """How many new services each client is expected to take within the horizon.

        Parameters
        ----------
        fold : Fold

        Returns
        -------
        ndarray of float64, (n_clients,)
        """
        return np.exp(self._levels(fold, np.arange(fold.n_clients, dtype=np.int32)))

    def _levels(self, fold: Fold, clients: IntArray) -> Values:
        names, figures = client_covariates(fold, clients)
        known = {name: figures[:, column] for column, name in enumerate(names)}
        nothing = np.zeros(len(clients))
        levels = np.full(len(clients), self.level_intercept)
        for name, weight, low, high in zip(
            self.covariates, self.level_weights, self.level_lows, self.level_highs, strict=True
        ):
            levels += weight * np.clip(known.get(name, nothing), low, high)
        return levels

    def _probabilities(
        self,
        features: Values,
        clients: IntArray,
        rows: npt.NDArray[np.int64],
        fold: Fold,
    ) -> Values:
        probabilities: Values = expit(self._logits(features, clients, rows, fold))
        return probabilities

    def _logits(
        self,
        features: Values,
        clients: IntArray,
        rows: npt.NDArray[np.int64],
        fold: Fold,
    ) -> Values:
        levels = self._levels(fold, clients)[rows]
        if self.moved_quantiles:
            features = like_elsewhere(features, self.moved_quantiles, self.quantiles)
        weights = np.array(self.curve_weights)
        logits = self.curve_intercept + _dot(features, weights[:-1]) + levels * weights[-1]
        knots, corrected = np.array(self.knots), np.array(self.knot_logits)
        # Beyond the outer knots the curve's own steepness goes on.
        beyond = np.minimum(logits - knots[0], 0) + np.maximum(logits - knots[-1], 0)
        found: Values = np.interp(logits, knots, corrected) + beyond + self.shift
        return found


def _dot(features: Values, weights: Values) -> Values:
    # Column by column: a matrix product may round rows differently and break the order.
    total = np.zeros(len(features))
    for column, weight in enumerate(weights.tolist()):
        total += weight * features[:, column]
    return total


def _fit_correction(logits: Values, outcomes: Values, weights: Values) -> tuple[Values, Values]:
    expected = weights * expit(logits)
    order = np.argsort(logits, kind="stable")
    knots = int(np.clip(outcomes.sum() // LABELS_PER_KNOT, 1, MAX_KNOTS))
    # Bins of equally many expected labels: bins of equally many pairs would crowd all offers
    # into the last one.
    mass = np.cumsum(expected[order])
    bins = np.minimum(mass / mass[-1] * knots, knots - 1).astype(np.int64)
    pairs = np.bincount(bins, weights=weights[order])
    stated = np.bincount(bins, weights=expected[order])
    observed = np.bincount(bins, weights=outcomes[order])
    has_pairs = pairs > 0
    pairs, stated, observed = pairs[has_pairs], stated[has_pairs], observed[has_pairs]
    rates = stated / pairs * (observed + PRIOR_LABELS) / (stated + PRIOR_LABELS)
    rising = isotonic_regression(rates, weights=pairs).x
    return logit(stated / pairs), logit(np.clip(rising, 1e-9, 1 - 1e-9))
