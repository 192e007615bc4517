"""A short name for the data of a fold: trials on other data must not mix with its own."""

from __future__ import annotations

import hashlib

import numpy as np
from scipy import sparse

from ml.dataset import Fold

_LENGTH = 12


def fingerprint(fold: Fold) -> str:
    """Hash everything that a model can see of a fold, and its labels.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    digest = hashlib.sha256()
    names = (*fold.client_feature_names, "", *fold.service_feature_names)
    digest.update("\n".join(names).encode())
    for matrix in (
        fold.interactions,
        fold.labels,
        fold.client_features,
        fold.service_features,
        fold.ineligible_pairs,
        fold.adoption_age,
        fold.interests,
        fold.interest_age,
    ):
        if matrix is not None:
            _update(digest, matrix)
    digest.update(fold.is_eligible_client.tobytes())
    digest.update(fold.is_eligible_service.tobytes())
    return digest.hexdigest()[:_LENGTH]


def _update(digest: hashlib._Hash, matrix: sparse.csr_matrix) -> None:
    ordered = matrix.sorted_indices()
    digest.update(repr(matrix.shape).encode())
    digest.update(np.asarray(ordered.indptr, dtype=np.int64).tobytes())
    digest.update(np.asarray(ordered.indices, dtype=np.int64).tobytes())
    digest.update(np.asarray(ordered.data, dtype=np.float32).tobytes())
