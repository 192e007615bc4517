"""Settings that leave-one-out tries on validation, a handful per model.

The job's defaults were chosen on a retail month, full catalogue, new adoptions of a month.
Ratings data, one next item among sampled negatives, is another task: what came last counts
more, and the recent adoption rate of all clients less.
"""

from __future__ import annotations

from typing import Final

from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.settings import (
    EaseSettings,
    ItemKNNSettings,
    ModelSettings,
    PopularitySettings,
    SegmentPopularitySettings,
)

_NEXT: Final = {"recency_weight": 20.0, "recency_services": 5.0}

POPULARITY: Final = (PopularitySettings(),)

EASE: Final = tuple(
    EaseSettings(regularisation=regularisation, adoption_weight=0.0, **recency)
    for regularisation in (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
    for recency in ({}, _NEXT)
)

ITEM_KNN: Final = (
    ItemKNNSettings(adoption_weight=0.0),
    ItemKNNSettings(adoption_weight=0.0, **_NEXT),
)

LIGHTFM: Final = tuple(
    LightFMSettings(
        adoption_weight=0.0,
        max_epochs=80,
        patience=10,
        recent_services=recent,
        factors=factors,
        max_sampled=10,
        members=1,
    )
    for recent, factors in ((0, 32), (16, 32), (32, 32), (16, 64))
)

_NCF: Final = {
    "adoption_weight": 0.0,
    "mlp_factors": 16,
    "hidden": (32, 16),
    "clients_per_step": 256,
    "learning_rate": 0.01,
    "max_epochs": 60,
    "patience": 8,
}

NCF: Final = (
    # Switched off by name: the default is the retail month's choice.
    NCFSettings(**_NCF, recency_weight=0.0),
    NCFSettings(**_NCF, **_NEXT, reach_services=30.0),
    NCFSettings(**_NCF, **{**_NEXT, "recency_weight": 40.0}, reach_services=30.0),
)

CHOICES: Final[dict[str, tuple[ModelSettings, ...]]] = {
    "popularity": POPULARITY,
    "segment_popularity": (SegmentPopularitySettings(),),
    "item_knn": ITEM_KNN,
    "ease": EASE,
    "lightfm": LIGHTFM,
    "ncf": NCF,
}
"""Settings to choose between on validation, by model."""
