"""Small folds with a known structure."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ml.dataset import Fold


def csr(dense: npt.ArrayLike) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.asarray(dense, dtype=np.float32))


def make_fold(
    interactions: npt.ArrayLike,
    *,
    client_features: npt.ArrayLike | None = None,
    service_features: npt.ArrayLike | None = None,
    adoption_age: npt.ArrayLike | None = None,
    labels: npt.ArrayLike | None = None,
) -> Fold:
    owned = csr(interactions)
    clients, services = owned.shape
    client_part = csr(np.zeros((clients, 0)) if client_features is None else client_features)
    service_part = csr(np.zeros((services, 0)) if service_features is None else service_features)
    mask = owned.copy()
    mask.data = np.ones_like(mask.data)
    return Fold(
        name="validation",
        cutoff_at=datetime(2024, 5, 1),
        horizon_end_at=datetime(2024, 5, 31),
        interactions=owned,
        client_features=client_part,
        service_features=service_part,
        client_feature_names=tuple(f"c{i}" for i in range(client_part.shape[1])),
        service_feature_names=tuple(f"s{i}" for i in range(service_part.shape[1])),
        labels=csr(np.zeros(owned.shape) if labels is None else labels),
        is_eligible_client=np.ones(clients, dtype=np.bool_),
        is_eligible_service=np.ones(services, dtype=np.bool_),
        ineligible_pairs=mask,
        adoption_age=None if adoption_age is None else csr(adoption_age),
    )


def checkerboard(size: int = 40) -> Fold:
    """Every client has the services of its own parity, except the one on the diagonal."""
    index = np.arange(size)
    owned = ((index[:, None] + index[None, :]) % 2 == 0).astype(np.float32)
    np.fill_diagonal(owned, 0.0)
    return make_fold(owned)


COLD_CLIENTS = (58, 59)
"""Of the first and of the second taste; their features say so."""
BLANK_CLIENT = 57
"""Neither interactions nor features."""
COLD_SERVICES = (46, 47)
"""Of the first and of the second taste; their features say so."""
BLANK_SERVICE = 45
"""Neither interactions nor features."""


def two_tastes(seed: int = 7) -> Fold:
    """Sixty clients of two tastes, forty-eight services that suit one of them, by parity."""
    rng = np.random.default_rng(seed)
    clients, services = np.arange(60), np.arange(48)
    suits = (clients[:, None] + services[None, :]) % 2 == 0
    owned = rng.random(suits.shape) < np.where(suits, 0.5, 0.06)
    client_features = np.column_stack([clients % 2 == 0, clients % 2 == 1, rng.random(60) / 2])
    service_features = np.column_stack([services % 2 == 0, services % 2 == 1, rng.random(48) / 2])
    owned[[*COLD_CLIENTS, BLANK_CLIENT]] = False
    owned[:, [*COLD_SERVICES, BLANK_SERVICE]] = False
    client_features[BLANK_CLIENT] = 0.0
    service_features[BLANK_SERVICE] = 0.0
    client_features[COLD_CLIENTS, 2] = service_features[COLD_SERVICES, 2] = 0.25
    weights = owned * rng.uniform(0.2, 2.0, owned.shape)
    return make_fold(
        weights,
        client_features=client_features,
        service_features=service_features,
        adoption_age=owned * rng.uniform(1.0, 300.0, owned.shape),
        labels=suits & ~owned & (rng.random(suits.shape) < 0.2),
    )
