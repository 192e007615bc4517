"""Every recommender by name: what a job loops over."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Any, Final

from ml.errors import ModelError
from ml.models.base import FittedModel, Recommender
from ml.models.settings import ModelSettings

MODELS: Final = {
    "popularity": "ml.models.popularity:Popularity",
    "segment_popularity": "ml.models.segment_popularity:SegmentPopularity",
    "item_knn": "ml.models.item_knn:ItemKNN",
    "ease": "ml.models.ease:Ease",
    "lightfm": "ml.models.lightfm:LightFM",
    "ncf": "ml.models.ncf:NCF",
}
"""Recommender classes by name, the simplest first; imported with their libraries when used."""

_BLEND: Final = {"blend": "ml.blending:Blend"}
"""Saved as the others are, but made of models that are fitted already."""


def create(
    name: str, settings: ModelSettings | None = None, *, seed: int, threads: int
) -> Recommender:
    """Make an untrained recommender.

    Parameters
    ----------
    name : str
    settings : ModelSettings, optional
        Of the model's own class; its defaults without.
    seed : int
    threads : int

    Returns
    -------
    Recommender

    Raises
    ------
    ModelError
        No such model.
    """
    model: Recommender = _class(name)(settings, seed=seed, threads=threads)
    return model


def load(name: str, directory: Path) -> FittedModel:
    """Read a saved recommender, or a blend of them.

    Parameters
    ----------
    name : str
    directory : Path

    Returns
    -------
    FittedModel

    Raises
    ------
    ModelError
        No such model, or nothing readable in the folder.
    """
    path = _BLEND.get(name)
    model: FittedModel = (pkgutil.resolve_name(path) if path else _class(name)).load(directory)
    return model


def _class(name: str) -> Any:
    if name not in MODELS:
        raise ModelError(f"no model is called '{name}'; there are {', '.join(MODELS)}")
    # Any: each class takes settings of its own type.
    return pkgutil.resolve_name(MODELS[name])
