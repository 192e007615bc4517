"""From raw ranking scores to the probability that a client takes a service.

Scores do not compare across clients, and a refit may change their scale. What compares is
where a score stands among its client's own candidates, and how much that client takes up
anyway. The calibrator therefore has three small parts, fitted in this order on the
validation fold, on all eligible clients (those that took nothing are most of the point):

1. *level*: how many new services a client will take, a Poisson regression on the client's
   breadth and numeric features;
2. *curve*: how that spreads over the client's candidates, a logistic regression on the log
   of the rank and the standardised score, both piecewise linear, and the log of the level;
3. *correction*: an isotonic map (Zadrozny and Elkan 2002, KDD) of the curve's outcome,
   shrunk towards no change where few labels speak.

Within a client every part is non-decreasing in the score, so that the order of the
probabilities is the order of the offers; ties in score are ties in probability.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from ml.dataset import BoolArray, Fold, IntArray
from ml.errors import InputError
from ml.evaluation.glm import LOGISTIC, POISSON, fit_glm
from ml.evaluation.reliability import Reliability, ReliabilityCurve
from ml.ranking import BLOCK_SIZE, DEPTH, LabelRanks, Scorer, TopK, iter_top_k

Values = npt.NDArray[np.float64]

BREADTH = "log(1 + services used)"
# Precision of the prior on each standardised weight, comparable to a number of labels:
# weak against the tens of thousands of a real programme, strong against a few hundred.
LEVEL_RIDGE = 300.0
CURVE_RIDGE = 1.0
# Where the curve may change its steepness: ranks, and arsinh of standard deviations.
RANK_KNOTS = (4.0, 16.0, 64.0, 256.0, 1024.0)
SCORE_KNOTS = (0.0, 1.0, 2.0)
FEATURES = len(RANK_KNOTS) + 1 + len(SCORE_KNOTS) + 1
# A knot of the correction needs this many expected labels; there are at most MAX_KNOTS.
LABELS_PER_KNOT = 50
MAX_KNOTS = 20
# Labels' worth of belief in the curve that a knot's own labels have to outweigh.
PRIOR_LABELS = 20.0
# More clients than this would sharpen nothing; they are taken evenly over the index.
MAX_CLIENTS = 10_000
# All labels and the first HEAD candidates are fitted on, of the others one in STRIDE.
HEAD = 32
STRIDE = 32
# Keeps the features of a block of pairs to some 20 MiB.
PAIRS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Calibration:
    """How good the probabilities of some pairs were.

    Parameters
    ----------
    expected_calibration_error : float
        In 20 bins of equal mass.
    brier_score, log_loss : float
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

    @classmethod
    def fit(
        cls,
        score: Scorer,
        fold: Fold,
        clients: IntArray | None = None,
        block_size: int = BLOCK_SIZE,
    ) -> Self:
        """Learn from a fold's labels; its scores are streamed and never held together.

        Parameters
        ----------
        score : callable
            A model fitted on this fold.
        fold : Fold
            Validation.
        clients : ndarray of int32, optional
            All eligible clients by default. Labelled clients alone would make everything
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
        chosen = eligible_clients(fold) if clients is None else clients
        chosen = chosen[:: max(1, -(-len(chosen) // MAX_CLIENTS))]
        sample = _Sample.draw(score, fold, chosen, block_size)
        if len(sample.outcomes) == 0:
            raise InputError(
                f"fold '{fold.name}' has no pair that may be offered, so that probabilities "
                "cannot be calibrated; look at the eligibility counts"
            )
        names, figures = client_covariates(fold)
        figures = figures[chosen]
        level_intercept, level_weights = fit_glm(
            figures, sample.adoptions, np.ones(len(chosen)), POISSON, LEVEL_RIDGE
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
        )

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
        features = _pair_features(
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
        features = _pair_features(
            ranks.scores,
            ranks.first_ranks,
            spread.means[rows],
            spread.deviations[rows],
        )
        return self._probabilities(features, ranks.clients, rows, fold)

    def measure(
        self,
        score: Scorer,
        fold: Fold,
        clients: IntArray | None = None,
        *,
        depth: int | None = DEPTH,
        block_size: int = BLOCK_SIZE,
    ) -> Calibration:
        """Compare probabilities with what happened in a fold.

        Parameters
        ----------
        score : callable
            A model fitted on this fold.
        fold : Fold
        clients : ndarray of int32, optional
            All eligible clients by default.
        depth : int or None, default 20
            Offers per client to look at; None for all candidates. Nearly all candidates are
            never offered and have a probability close to zero, so an error over all of
            them says little about the offers.
        block_size : int, default 1024

        Returns
        -------
        Calibration
        """
        chosen = eligible_clients(fold) if clients is None else clients
        reliability = Reliability()
        wanted = fold.n_services if depth is None else depth
        for top, is_label in _iter_labelled(score, fold, chosen, wanted, block_size):
            is_candidate = top.services >= 0
            probabilities = self.transform_top(top, fold)[is_candidate]
            reliability.add(probabilities, is_label[is_candidate])
        return Calibration(
            reliability.expected_calibration_error(),
            reliability.brier_score,
            reliability.log_loss,
            reliability.mean_probability,
            reliability.positive_rate,
            reliability.pair_count,
            reliability.curve(),
        )

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
        return cls(**values)

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
        names, figures = client_covariates(fold)
        known = {name: figures[clients, column] for column, name in enumerate(names)}
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
        levels = self._levels(fold, clients)[rows]
        weights = np.array(self.curve_weights)
        logits = self.curve_intercept + _dot(features, weights[:-1]) + levels * weights[-1]
        knots, corrected = np.array(self.knots), np.array(self.knot_logits)
        # Beyond the outer knots the curve's own steepness goes on.
        beyond = np.minimum(logits - knots[0], 0) + np.maximum(logits - knots[-1], 0)
        probabilities: Values = expit(np.interp(logits, knots, corrected) + beyond)
        return probabilities


def eligible_clients(fold: Fold) -> IntArray:
    """Clients that may be offered something, ascending.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    ndarray of int32, (n,)
    """
    return np.flatnonzero(fold.is_eligible_client).astype(np.int32)


def client_covariates(fold: Fold) -> tuple[tuple[str, ...], Values]:
    """Figures that say how much a client takes up: breadth and all numeric features.

    One-hot features (``name=value``) are left out: in number they overfit, and the numeric
    ones hold what they hold.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    names : tuple of str, (q,)
    figures : ndarray of float64, (n_clients, q)
    """
    columns = [i for i, name in enumerate(fold.client_feature_names) if "=" not in name]
    breadth = np.log1p(np.diff(fold.interactions.indptr))
    numeric = fold.client_features[:, columns].toarray()
    names = (BREADTH, *(fold.client_feature_names[i] for i in columns))
    return names, np.column_stack([breadth, numeric]).astype(np.float64)


@dataclass(frozen=True)
class _Sample:
    """Pairs to fit on, weighted so that they stand for all pairs.

    ``owners`` are positions in the clients given; ``adoptions`` has one entry per client.
    """

    owners: npt.NDArray[np.int64]
    features: Values
    outcomes: Values
    weights: Values
    adoptions: Values

    @classmethod
    def draw(cls, score: Scorer, fold: Fold, clients: IntArray, block_size: int) -> _Sample:
        owners, features, outcomes, weights, adoptions = [], [], [], [], []
        first = 0
        for top, is_label in _iter_labelled(score, fold, clients, fold.n_services, block_size):
            places = np.arange(top.services.shape[1])
            is_head = is_label | (places < HEAD)
            is_drawn = (places + top.clients[:, None]) % STRIDE == 0
            rows, columns = np.nonzero((is_head | is_drawn) & (top.services >= 0))
            owners.append(rows + first)
            features.append(
                _pair_features(
                    top.scores[rows, columns],
                    top.first_ranks[rows, columns],
                    top.spread.means[rows],
                    top.spread.deviations[rows],
                )
            )
            outcomes.append(is_label[rows, columns].astype(np.float64))
            weights.append(np.where(is_head[rows, columns], 1.0, float(STRIDE)))
            adoptions.append(is_label.sum(axis=1).astype(np.float64))
            first += len(top.clients)
        return cls(
            np.concatenate([np.empty(0, np.int64), *owners]),
            np.concatenate([np.empty((0, FEATURES)), *features]),
            np.concatenate([np.empty(0), *outcomes]),
            np.concatenate([np.empty(0), *weights]),
            np.concatenate([np.empty(0), *adoptions]),
        )


def _iter_labelled(
    score: Scorer, fold: Fold, clients: IntArray, depth: int, block_size: int
) -> Iterator[tuple[TopK, BoolArray]]:
    """Ranked candidates with whether each is a label, block by block."""
    size = max(1, min(block_size, PAIRS_AT_ONCE // max(depth, 1)))
    for top in iter_top_k(score, fold, clients, depth, size):
        labels = fold.labels[top.clients].toarray() > 0
        yield top, np.take_along_axis(labels, top.services, axis=1) & (top.services >= 0)


def _pair_features(
    scores: npt.NDArray[np.float32],
    first_ranks: npt.NDArray[np.int64],
    means: Values,
    deviations: Values,
) -> Values:
    """Where each score stands among its client's: all non-decreasing in the score."""
    standardised = np.divide(
        scores - means, deviations, out=np.zeros(len(scores)), where=deviations > 0
    )
    nearness = -np.log(first_ranks)
    return np.column_stack(
        [
            *_segments(nearness, -np.log(RANK_KNOTS[::-1])),
            *_segments(np.arcsinh(standardised), np.array(SCORE_KNOTS)),
        ]
    )


def _segments(values: Values, knots: Values) -> list[Values]:
    """Parts of each value below, between and above the knots; together they add up to it."""
    edges = [-np.inf, *knots.tolist(), np.inf]
    return [
        np.clip(values, low, high) - (low if np.isfinite(low) else high)
        for low, high in itertools.pairwise(edges)
    ]


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
