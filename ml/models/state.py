"""Fitted state on disk: arrays as safetensors, the rest as JSON; nothing that can run code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from ml.errors import ModelError
from ml.models.base import Arrays, Recommender
from ml.models.settings import ModelSettings

_ARRAYS = "arrays.safetensors"
_DESCRIPTION = "model.json"


def write_state(
    directory: Path,
    model: Recommender,
    settings: ModelSettings,
    arrays: Mapping[str, npt.NDArray[Any]],
) -> None:
    """Write a fitted model's state.

    Parameters
    ----------
    directory : Path
        Made if it is not there.
    model : Recommender
        Its name, best epoch and choices are kept.
    settings : ModelSettings
    arrays : mapping of str to ndarray
    """
    directory.mkdir(parents=True, exist_ok=True)
    # safetensors writes the buffer as it lies: a transposed view would come back wrong.
    save_file(
        {name: np.ascontiguousarray(array) for name, array in arrays.items()},
        directory / _ARRAYS,
    )
    description = {
        "model": model.name,
        "best_epoch": model.best_epoch,
        "settings": settings.model_dump(mode="json"),
        "choices": model.choices,
    }
    (directory / _DESCRIPTION).write_text(json.dumps(description, indent=2) + "\n")


def read_state(directory: Path, name: str) -> tuple[dict[str, Any], Arrays]:
    """Read a fitted model's state.

    Parameters
    ----------
    directory : Path
    name : str
        The model that must have written it.

    Returns
    -------
    description : dict
        ``best_epoch``, ``settings``, ``choices``.
    arrays : dict of str to ndarray

    Raises
    ------
    ModelError
        Nothing there, unreadable, or written by another model.
    """
    try:
        description = json.loads((directory / _DESCRIPTION).read_text())
        arrays = load_file(directory / _ARRAYS)
    except Exception as error:
        raise ModelError(f"{directory}: no readable saved model ({error})") from error
    if description.get("model") != name:
        raise ModelError(f"{directory}: holds a '{description.get('model')}', not a '{name}'")
    return description, arrays
