"""Small generalised linear models with a ridge, by Newton's method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.optimize import lsq_linear
from scipy.special import expit, logit

Values = npt.NDArray[np.float64]

_MAX_STEPS = 50
_TOLERANCE = 1e-9
# Keeps the intercept finite where nothing, or everything, happened.
_INTERCEPT_RIDGE = 0.01
_LARGEST_EXPONENT = 30.0


@dataclass(frozen=True)
class Family:
    """A distribution with its canonical link.

    Parameters
    ----------
    mean, variance, cumulant : callable
        Of the linear predictor; ``mean`` is the derivative of ``cumulant`` and
        ``variance`` that of ``mean``.
    link : callable
        Linear predictor of a mean.
    """

    mean: Callable[[Values], Values]
    variance: Callable[[Values], Values]
    cumulant: Callable[[Values], Values]
    link: Callable[[float], float]


def _exp(x: Values) -> Values:
    return np.exp(np.minimum(x, _LARGEST_EXPONENT))


def _logistic_variance(x: Values) -> Values:
    p = expit(x)
    variance: Values = p * (1 - p)
    return variance


LOGISTIC = Family(
    mean=expit,
    variance=_logistic_variance,
    cumulant=lambda x: np.logaddexp(0.0, x),
    link=lambda p: float(logit(p)),
)
POISSON = Family(mean=_exp, variance=_exp, cumulant=_exp, link=lambda m: float(np.log(m)))


def fit_glm(
    features: Values,
    outcomes: Values,
    weights: Values,
    family: Family,
    ridge: float,
    *,
    is_non_negative: bool = False,
) -> tuple[float, Values]:
    """Fit by penalised maximum likelihood.

    Parameters
    ----------
    features : ndarray of float64, (n, q)
        In any unit: they are standardised for the ridge, and the result is in their units.
    outcomes, weights : ndarray of float64, (n,)
    family : Family
    ridge : float
        Precision of a normal prior around zero on each standardised coefficient.
    is_non_negative : bool, default False
        Hold all coefficients, not the intercept, at or above zero.

    Returns
    -------
    intercept : float
    coefficients : ndarray of float64, (q,)
    """
    total = weights.sum()
    means = weights @ features / total
    deviations = np.sqrt(weights @ np.square(features - means) / total)
    is_used = deviations > 1e-12
    scales = np.where(is_used, deviations, 1.0)
    standardised = (features - means) / scales
    start = family.link(float((weights @ outcomes + 0.5) / (total + 1.0)))
    lows = np.full(1 + int(is_used.sum()), 0.0 if is_non_negative else -np.inf)
    lows[0] = -np.inf
    solution = _newton(standardised[:, is_used], outcomes, weights, family, ridge, start, lows)
    coefficients = np.zeros(features.shape[1])
    coefficients[is_used] = solution[1:]
    coefficients /= scales
    return float(solution[0] - means @ coefficients), coefficients


def _newton(
    features: Values,
    outcomes: Values,
    weights: Values,
    family: Family,
    ridge: float,
    start: float,
    lows: Values,
) -> Values:
    design = np.column_stack([np.ones(len(features)), features])
    centre = np.zeros(design.shape[1])
    centre[0] = start
    precision = np.full(design.shape[1], ridge)
    precision[0] = _INTERCEPT_RIDGE

    def loss(solution: Values) -> float:
        x = design @ solution
        misfit = weights @ (family.cumulant(x) - outcomes * x)
        return float(misfit + precision @ np.square(solution - centre) / 2)

    solution, value = centre, loss(centre)
    for _ in range(_MAX_STEPS):
        x = design @ solution
        gradient = design.T @ (weights * (family.mean(x) - outcomes))
        gradient += precision * (solution - centre)
        curvature = (design * (weights * family.variance(x))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += precision
        step = _minimum(curvature, curvature @ solution - gradient, lows) - solution
        # Halve steps that overshoot; a convex loss makes a small enough one descend.
        for _ in range(_MAX_STEPS):
            candidate = solution + step
            new_value = loss(candidate)
            if new_value <= value:
                break
            step /= 2
        else:
            break
        gain, solution, value = value - new_value, candidate, new_value
        if gain <= _TOLERANCE * (1 + abs(value)):
            break
    return solution


def _minimum(curvature: Values, pull: Values, lows: Values) -> Values:
    """Find where ``x' curvature x / 2 - x' pull`` is least, with x at or above its bounds."""
    if np.isinf(lows).all():
        return np.linalg.solve(curvature, pull).astype(np.float64, copy=False)
    lower = np.linalg.cholesky(curvature)
    target = solve_triangular(lower, pull, lower=True)
    bounded: Values = lsq_linear(lower.T, target, bounds=(lows, np.inf), method="bvls").x
    return bounded
