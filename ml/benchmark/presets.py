"""Settings that leave-one-out races on validation, a handful per model, the likeliest first.

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
        learning_rate=0.05,
        max_epochs=300,
        patience=10,
        recent_services=recent,
        factors=factors,
        max_sampled=10,
        members=1,
    )
    for recent, factors in ((16, 32), (0, 32), (32, 32), (16, 64))
)

_ORDER: Final = {**_NEXT, "recency_weight": 40.0, "reach_services": 30.0}

_NCF: Final = {
    "adoption_weight": 0.0,
    "mlp_factors": 0,
    "hidden": (16, 8),
    "clients_per_step": 256,
    "learning_rate": 0.004,
    "embedding_decay": 2.0,
    "max_epochs": 500,
    "patience": 8,
}
_WITH_MLP: Final = {"mlp_factors": 16, "hidden": (32, 16), "embedding_decay": 1.0}

NCF: Final = tuple(
    NCFSettings(**{**_NCF, **changes})
    for changes in (
        {**_ORDER, "uses_identity": True},
        _ORDER,
        {"uses_identity": True, "recency_weight": 0.0},
        {**_ORDER, "embedding_decay": 1.0},
        {"uses_identity": True, "recency_weight": 0.0, "history_kept": 0.8, "history_power": 0.8},
        {"uses_identity": True, "recency_weight": 0.0, "gmf_factors": 256, "embedding_decay": 3.0},
        {**_ORDER, **_WITH_MLP, "learning_rate": 0.01},
        {"uses_identity": True, "recency_weight": 0.0, "loss": "bce"},
        {"uses_identity": True, "uses_history": False, "recency_weight": 0.0},
    )
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
