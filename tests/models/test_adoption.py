from __future__ import annotations

import numpy as np

from ml.models.adoption import PRIOR_ADOPTIONS, PRIOR_CLIENTS, log_adoption_rate
from tests.models.folds import make_fold


def test_rate_counts_only_who_could_still_adopt() -> None:
    # Three clients. Service 0: one old owner, one new. Service 1: two new. Service 2: none.
    ages = [[100.0, 10.0, 0.0], [10.0, 30.0, 0.0], [0.0, 0.0, 0.0]]
    fold = make_fold(np.array(ages) > 0, adoption_age=ages)
    rate = log_adoption_rate(fold, days=30.0)
    expected = np.log((np.array([1, 2]) + PRIOR_ADOPTIONS) / (np.array([2, 3]) + PRIOR_CLIENTS))
    assert np.allclose(rate[:2], expected - expected.mean(), atol=1e-6)
    assert rate[2] == 0.0
    assert rate.dtype == np.float32


def test_a_new_service_is_taken_up_like_those_most_like_it() -> None:
    ages = [[100.0, 10.0, 0.0], [10.0, 30.0, 0.0], [0.0, 0.0, 0.0]]
    features = [[1.0, 0.0], [0.0, 1.0], [0.0, 0.5]]
    fold = make_fold(np.array(ages) > 0, adoption_age=ages, service_features=features)
    rate = log_adoption_rate(fold, days=30.0)
    assert rate[2] == rate[1] > rate[0]


def test_without_ages_the_rate_is_popularity() -> None:
    fold = make_fold([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0]])
    rate = log_adoption_rate(fold, days=30.0)
    assert np.argsort(-rate[:3]).tolist() == [0, 2, 1]
