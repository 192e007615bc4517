"""Data of the ratios: generated records, with features where a row needs some."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import sparse

from ml.benchmark.folds import plain_fold, random_split
from ml.benchmark.generated import Size, generate
from ml.dataset import Fold

RANKED: Final = Size(4_000, 1_000, 200_000)
BY_FACTORS: Final = Size(100_000, 1_000, 5_000_000)
FITTED: Final = Size(10_000, 1_000, 1_000_000)


@dataclass(frozen=True)
class Sizes:
    """How large each row's world is; tests take smaller ones.

    Parameters
    ----------
    lightfm, ncf : Size
        Of the rankings beside ``LightFM.predict`` and beside a forward of every pair: what
        these take some ten seconds for.
    factors : Size
        Of the ranking beside implicit's; records are owned services.
    fit : Size
        Of the fit beside ``LightFM.fit``.
    score_rows : int
        Rows written.
    training : Size, optional
        Of the training beside RecBole's NeuMF; None is MovieLens 100K.
    """

    lightfm: Size = RANKED
    ncf: Size = RANKED
    factors: Size = BY_FACTORS
    fit: Size = FITTED
    score_rows: int = 2_000_000
    training: Size | None = None


def split_fold(size: Size, seed: int) -> Fold:
    """Generated records, a tenth of them held out as labels."""
    records = generate(size, seed).records
    return plain_fold(*random_split(records, 0.1, np.random.default_rng(seed)))


def hybrid_fold(size: Size, seed: int) -> Fold:
    """Generated records, and random features: 16 of 100 per client, 8 of 30 per service."""
    records = generate(size, seed).records
    fold = plain_fold(records, sparse.csr_matrix(records.shape, dtype=np.float32))
    rng = np.random.default_rng(seed)
    clients, services = _features(size.clients, 100, 16, rng), _features(size.services, 30, 8, rng)
    return replace(
        fold,
        client_features=clients,
        service_features=services,
        client_feature_names=tuple(f"feature {i}" for i in range(100)),
        service_feature_names=tuple(f"feature {i}" for i in range(30)),
    )


def _features(rows: int, columns: int, each: int, rng: np.random.Generator) -> sparse.csr_matrix:
    chosen = rng.random((rows, columns)).argsort(axis=1)[:, :each].astype(np.int32)
    chosen.sort(axis=1)
    values = rng.random(rows * each, dtype=np.float32)
    return sparse.csr_matrix(
        (values, chosen.ravel(), np.arange(0, rows * each + 1, each)), (rows, columns)
    )
