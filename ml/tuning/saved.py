"""``tuned.toml`` beside the warehouse: what tuning found, and where it comes from.

Settings read it after everything else, so an option, a variable or ``cross_sell.toml``
still has the last word. This module is read by the settings themselves: it knows no Optuna.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from ml.errors import InputError
from ml.files import write_atomically
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf_settings import NCFSettings
from ml.models.settings import EaseSettings, ModelSettings

TUNED_FILE: Final = "tuned.toml"
TUNED_MODELS: Final[dict[str, type[ModelSettings]]] = {
    "ease": EaseSettings,
    "lightfm": LightFMSettings,
    "ncf": NCFSettings,
}
PROVENANCE: Final = "tuned"
_HEAD: Final = (
    "# Written by 'cross-sell tune': the best settings found on the validation fold, read after\n"
    "# options, environment and cross_sell.toml. Remove the file to go back to the defaults.\n"
)

Parameters = Mapping[str, int | float]


class Provenance(BaseModel):
    """Where a model's tuned settings come from.

    Parameters
    ----------
    study : str
        Names the model, the data and the search.
    trial : int
        The best one's number, from 0.
    trials : int
        Finished ones: completed and pruned.
    metric : str
    value, default_value : float
        On the validation fold, tuned and by default, with the same seed.
    seed : int
    data : str
        Fingerprint of the validation fold.
    saved_at : datetime
        UTC.
    package_versions : dict of str to str
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    study: str
    trial: int
    trials: int
    metric: str
    value: float
    default_value: float
    seed: int
    data: str
    saved_at: datetime
    package_versions: dict[str, str]

    def __str__(self) -> str:
        return (
            f"trial {self.trial} of {self.trials}, {self.metric} {self.value:.4f} on validation"
            f" against {self.default_value:.4f} by default"
        )


class Tuned(BaseModel):
    """What tuning found for one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: dict[str, int | float]
    provenance: Provenance


def read_tuned(folder: Path) -> dict[str, Tuned]:
    """Read what tuning saved; empty where there is no file.

    Parameters
    ----------
    folder : Path
        Of the warehouse.

    Returns
    -------
    dict of str to Tuned
        By model name.

    Raises
    ------
    InputError
        The file is no TOML, or names a setting or a value that a model does not take.
    """
    path = folder / TUNED_FILE
    way_out = "remove it, or run 'cross-sell tune' again"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): {way_out}") from None
    try:
        return _validated(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {name or 'settings'}: {first['msg']}: {way_out}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not as tuning writes it ({error}): {way_out}") from None


def _validated(content: dict[str, Any]) -> dict[str, Tuned]:
    provenance = content.pop(PROVENANCE)
    found = {}
    for name, parameters in content.items():
        TUNED_MODELS[name].model_validate(parameters)
        found[name] = Tuned(parameters=parameters, provenance=provenance[name])
    return found


def write_tuned(folder: Path, tuned: Mapping[str, Tuned]) -> Path:
    """Replace the file at once; remove it where nothing is tuned.

    Parameters
    ----------
    folder : Path
        Of the warehouse.
    tuned : mapping of str to Tuned

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    WarehouseAccessError
        The folder cannot be written.
    """
    path = folder / TUNED_FILE
    if not tuned:
        path.unlink(missing_ok=True)
        return path
    parts = [_HEAD]
    for name, found in tuned.items():
        facts = found.provenance.model_dump()
        versions = facts.pop("package_versions")
        parts.append(_table(name, found.parameters))
        parts.append(_table(f"{PROVENANCE}.{name}", facts))
        parts.append(_table(f"{PROVENANCE}.{name}.package_versions", versions))
    write_atomically(path, "\n".join(parts))
    return path


def _table(name: str, values: Mapping[str, Any]) -> str:
    lines = [f"{json.dumps(key)} = {_value(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def _value(value: str | float | datetime) -> str:
    if isinstance(value, str):
        return json.dumps(value)  # A JSON string is a TOML string.
    return value.isoformat() if isinstance(value, datetime) else repr(value)
