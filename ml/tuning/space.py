"""Which settings are tuned, and between which limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml.models.settings import ModelSettings
from ml.tuning.saved import Parameters


@dataclass(frozen=True)
class Dimension:
    """One setting to tune; whole numbers where both limits are.

    Parameters
    ----------
    name : str
        Of the setting.
    low, high : int or float
        Both can be drawn.
    is_log : bool, default False
        Whether ratios count rather than differences.
    """

    name: str
    low: int | float
    high: int | float
    is_log: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def holds(self, value: float) -> bool:
        """Whether a value could have been drawn."""
        return self.low <= value <= self.high


SPACES: Final[dict[str, tuple[Dimension, ...]]] = {
    # The regularisation is chosen within a fit.
    "ease": (
        Dimension("recency_weight", 0.0, 30.0),
        Dimension("recency_services", 3.0, 60.0, is_log=True),
        Dimension("adoption_weight", 0.0, 0.05),
        Dimension("adoption_days", 7.0, 180.0, is_log=True),
    ),
    "lightfm": (
        Dimension("factors", 8, 128, is_log=True),
        Dimension("learning_rate", 0.01, 0.15, is_log=True),
        Dimension("client_feature_weight", 0.0, 2.0),
        Dimension("service_feature_weight", 0.0, 2.0),
        Dimension("features_per_row", 4, 32, is_log=True),
        Dimension("max_sampled", 3, 200, is_log=True),
        Dimension("adoption_weight", 0.0, 1.2),
        Dimension("adoption_days", 30.0, 120.0),
    ),
    "ncf": (
        Dimension("gmf_factors", 32, 256, is_log=True),
        Dimension("mlp_factors", 8, 64, is_log=True),
        Dimension("history_kept", 0.2, 0.8),
        Dimension("history_power", 0.0, 1.0),
        Dimension("recency_weight", 0.0, 30.0),
        Dimension("recency_services", 3.0, 60.0, is_log=True),
        Dimension("dropout", 0.0, 0.5),
        Dimension("learning_rate", 0.0005, 0.02, is_log=True),
        Dimension("embedding_decay", 0.1, 5.0, is_log=True),
        Dimension("negatives", 64, 512, is_log=True),
        Dimension("adoption_weight", 0.0, 1.5),
        Dimension("adoption_days", 30.0, 120.0),
    ),
}
"""By model. The defaults lie inside, so that they are a point of the search."""


def open_dimensions(name: str, base: ModelSettings) -> tuple[Dimension, ...]:
    """Dimensions that the user has not fixed by a setting of their own.

    Parameters
    ----------
    name : str
        Of the model.
    base : ModelSettings
        As options, environment and file have it.

    Returns
    -------
    tuple of Dimension
    """
    return tuple(d for d in SPACES[name] if d.name not in base.model_fields_set)


def default_parameters(dimensions: tuple[Dimension, ...], base: ModelSettings) -> Parameters:
    """Values that the settings have by themselves."""
    return {dimension.name: getattr(base, dimension.name) for dimension in dimensions}
