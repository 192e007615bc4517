"""How readily clients take up each service: one number per service, from recent adoptions.

What a client owns tells what suits it; it does not tell what it will take up *next*. Most
services that everybody has were bought long ago, and some that few have are being taken up
now. The rate of adoption among those who could still adopt brings that back.
"""

from __future__ import annotations

import numpy as np

from ml.dataset import FloatArray, Fold
from ml.models.features import smooth_over_features

PRIOR_CLIENTS = 50.0
"""Weight, in clients, of the prior that small services are shrunk towards."""

PRIOR_ADOPTIONS = 0.5
"""Adoptions among the prior's clients: keeps the logarithm finite."""

NEIGHBOURS = 10
"""Services with the most alike features that stand in for one that nobody has."""


def log_adoption_rate(fold: Fold, days: float) -> FloatArray:
    """Log of the share of clients without a service who took it up in the last days.

    ``ln((adoptions + 0.5) / (clients - owners before + 50))``: adoptions per client who did
    not have the service when the period began, shrunk a little. Where adoption ages are not
    known, every adoption counts as recent, and the rate falls back to popularity. A service
    that nobody has yet gets the rate of the services most like it, or else the mean.

    Parameters
    ----------
    fold : Fold
    days : float
        Length of the period before the cutoff.

    Returns
    -------
    ndarray of float32, (n_services,)
        Centred on the mean of the services that somebody has.
    """
    pairs = fold.interactions if fold.adoption_age is None else fold.adoption_age
    is_recent = (
        np.ones(pairs.nnz, dtype=np.bool_) if fold.adoption_age is None else pairs.data <= days
    )
    adoptions = np.bincount(pairs.indices[is_recent], minlength=fold.n_services)
    owners_before = np.bincount(pairs.indices[~is_recent], minlength=fold.n_services)
    rate = (adoptions + PRIOR_ADOPTIONS) / (fold.n_clients - owners_before + PRIOR_CLIENTS)
    log_rate = np.log(rate)
    is_cold = fold.is_cold_service
    log_rate -= log_rate[~is_cold].mean() if not is_cold.all() else log_rate.mean()
    log_rate[is_cold] = 0.0
    log_rate[is_cold] = log_rate @ smooth_over_features(fold.service_features, is_cold, NEIGHBOURS)
    centred: FloatArray = log_rate.astype(np.float32)
    return centred
