"""The library LightFM itself; the only module that imports it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from lightfm import LightFM as _LightFM
from scipy import sparse

from ml.dataset import FloatArray
from ml.models.base import Arrays
from ml.models.generators import set_state, state_of
from ml.models.lightfm_settings import LightFMSettings

PARAMETERS: Final = ("user_embeddings", "user_biases", "item_embeddings", "item_biases")
"""LightFM's names of what it learns."""

_SQUARES: Final = {
    "user_embeddings": "user_embedding_gradients",
    "user_biases": "user_bias_gradients",
    "item_embeddings": "item_embedding_gradients",
    "item_biases": "item_bias_gradients",
}
"""Its names of Adagrad's sums of squared gradients, by what they are of; from 1 on."""


class Members:
    """LightFM's own models from different starts, seen as one whose scores are their mean."""

    def __init__(self, settings: LightFMSettings, seed: int) -> None:
        self.models = [
            _LightFM(
                no_components=settings.factors,
                loss=settings.loss,
                learning_rate=settings.learning_rate,
                user_alpha=settings.client_decay,
                item_alpha=settings.service_decay,
                max_sampled=settings.max_sampled,
                random_state=seed + member,
            )
            for member in range(settings.members)
        ]

    def initialize(self, client_columns: int, service_columns: int) -> None:
        """Draw random starts, where there is nothing to learn from."""
        for model in self.models:
            model._initialize(model.no_components, service_columns, client_columns)

    def parameters(self) -> Arrays:
        """All that is learned, by member and name; the members' own arrays."""
        return {
            f"{member}.{name}": getattr(model, name)
            for member, model in enumerate(self.models)
            for name in PARAMETERS
        }

    def set_parameters(self, arrays: Arrays) -> None:
        """Put other values in the place of all that is learned."""
        for member, model in enumerate(self.models):
            for name in PARAMETERS:
                setattr(model, name, arrays[f"{member}.{name}"])
            if model.item_embedding_gradients is None:
                _begin_adagrad(model)

    def state(self) -> Arrays:
        """Adagrad's sums and random generators, by member and name."""
        sums = {
            f"{member}.{name}": getattr(model, name)
            for member, model in enumerate(self.models)
            for name in _SQUARES.values()
        }
        generators = {
            f"{member}.generator": state_of(model.random_state)
            for member, model in enumerate(self.models)
        }
        return sums | generators

    def set_state(self, arrays: Arrays) -> None:
        """Go on with another one's sums and draws; after ``set_parameters``."""
        for member, model in enumerate(self.models):
            for name in _SQUARES.values():
                setattr(model, name, arrays[f"{member}.{name}"])
            set_state(model.random_state, arrays[f"{member}.generator"])

    def fit_partial(self, interactions: sparse.coo_matrix, **given: Any) -> None:
        """Train each member for one epoch; LightFM leaves the interpreter free meanwhile."""
        if len(self.models) == 1:
            self.models[0].fit_partial(interactions, epochs=1, num_threads=1, **given)
            return
        with ThreadPoolExecutor(len(self.models)) as pool:
            running = [
                pool.submit(model.fit_partial, interactions, epochs=1, num_threads=1, **given)
                for model in self.models
            ]
            for one in running:
                one.result()

    def client_vectors(self, columns: sparse.csr_matrix) -> tuple[FloatArray, FloatArray]:
        """Biases (n,) and vectors (n, members * factors)."""
        return self._joined(lambda model: model.get_user_representations(columns), 1)

    def service_vectors(self, columns: sparse.csr_matrix) -> tuple[FloatArray, FloatArray]:
        """The same of services, so that products with clients' are the members' mean."""
        return self._joined(lambda model: model.get_item_representations(columns), len(self.models))

    def _joined(
        self, read: Callable[[_LightFM], tuple[FloatArray, FloatArray]], divisor: int
    ) -> tuple[FloatArray, FloatArray]:
        biases, vectors = zip(*(read(model) for model in self.models), strict=True)
        if len(self.models) == 1:
            return biases[0], vectors[0]
        joined = np.concatenate(vectors, axis=1, dtype=np.float32)
        joined /= np.float32(divisor)
        return np.mean(biases, axis=0), joined


def _begin_adagrad(model: _LightFM) -> None:
    """What LightFM allocates beside its parameters, which were given and not drawn here."""
    for name, squares in _SQUARES.items():
        parameters = getattr(model, name)
        setattr(model, squares, np.ones_like(parameters))
        setattr(model, squares.replace("gradients", "momentum"), np.zeros_like(parameters))
