from __future__ import annotations

import numpy as np

from ml.models.popularity import Popularity
from ml.models.settings import PopularitySettings
from tests.models.folds import make_fold

# Service 0 has two light buyers, service 1 one heavy one, service 2 nobody.
USED = np.array([[0.2, 3.0, 0.0], [0.2, 0.0, 0.0]])


def test_buyers_are_counted() -> None:
    model = Popularity()
    model.fit(make_fold(USED))
    assert model.score(np.arange(2, dtype=np.int32)).tolist() == [[1.0, 0.5, 0.0]] * 2


def test_weights_count_where_wanted() -> None:
    model = Popularity(PopularitySettings(uses_weights=True))
    model.fit(make_fold(USED))
    scores = model.score(np.array([0], dtype=np.int32))[0]
    assert scores[1] > scores[0] > scores[2]
