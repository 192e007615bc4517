"""What NCF learns, by name: as arrays, by what their rows stand for, and how it is optimised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from ml.errors import ModelError
from ml.models.base import Arrays
from ml.models.flat_parameters import FlatParameters
from ml.models.learned import (
    CLIENT_FEATURES,
    CLIENTS,
    SERVICE_FEATURES,
    SERVICES,
    Axes,
    Learned,
    Vocabulary,
    carried,
)
from ml.models.ncf_settings import NCFSettings
from ml.models.neumf import NeuMF

_ROWS: dict[str, tuple[str, ...]] = {
    "services": (SERVICES,),
    "bias": (SERVICES,),
    "client_features": (CLIENT_FEATURES,),
    "service_features": (SERVICE_FEATURES,),
    "wide": (SERVICE_FEATURES,),
}
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
"""Of Adam (Kingma and Ba, ICLR 2015)."""

_MOMENTS, _STEPS = ("first", "second"), "steps"

_OF_NO_ROW = (
    "client_layer", "service_layer", "first_bias", "second_layer", "second_bias", "gmf_output",
    "mlp_output", "base",
)  # fmt: skip


def axes_of(settings: NCFSettings) -> Axes:
    """What the rows of each parameter stand for."""
    return {
        **_ROWS,
        "clients": (CLIENTS,) if settings.uses_identity else (),
        "history": (SERVICES,) if settings.uses_history else (),
        **dict.fromkeys(_OF_NO_ROW, ()),
    }


def arrays_of(network: NeuMF) -> Arrays:
    """A network's parameters by name; on the processor the very memory that is trained."""
    return {name: p.detach().cpu().numpy() for name, p in network.named_parameters()}


@torch.no_grad()
def fill(network: NeuMF, arrays: Arrays) -> None:
    """Put values into a network's parameters."""
    for name, parameter in network.named_parameters():
        parameter.copy_(torch.from_numpy(arrays[name]))


def begin_from(
    network: NeuMF, start: Learned, vocabulary: Vocabulary | None, settings: NCFSettings
) -> None:
    """Put what was learned before into a network, each row where its id is now.

    Rows that are new begin at zero, where embeddings decay to that nothing teaches: what is new
    says nothing at first, and features speak for it.

    Parameters
    ----------
    network : NeuMF
        Of the fold to go on with.
    start : Learned
    vocabulary : Vocabulary or None
        Of the same fold.
    settings : NCFSettings

    Raises
    ------
    ModelError
        The fold knows no ids, or other settings have learned the start.
    """
    if vocabulary is None:
        raise ModelError("a fold without ids cannot go on from what was learned before")
    axes = axes_of(settings)
    start.check(axes, "the model to start from")
    fresh = {
        name: np.zeros_like(array) if axes[name] else array
        for name, array in arrays_of(network).items()
    }
    fill(network, carried(start, vocabulary, fresh, axes))


class Optimizer:
    """AdamW over a network's parameters, with a decay of their own for embeddings.

    Parameters
    ----------
    network : NeuMF
        Its parameters are moved into two pieces of memory.
    settings : NCFSettings

    Attributes
    ----------
    wholes : list of Tensor
        These two, each a vector.
    """

    def __init__(self, network: NeuMF, settings: NCFSettings) -> None:
        self._network = network
        self._groups = flattened(network)
        self._decays = (settings.embedding_decay, settings.weight_decay)
        self._rate = settings.learning_rate
        self.wholes = [group.whole for group in self._groups]
        self._gradients = [group.gradient for group in self._groups]
        self._firsts, self._seconds = (
            [torch.zeros_like(whole) for whole in self.wholes] for _ in _MOMENTS
        )
        self._steps = [torch.zeros((), device=whole.device) for whole in self.wholes]

    def step(self, loss: Tensor) -> None:
        """Go against a loss's gradient."""
        for gradient in self._gradients:
            gradient.zero_()
        loss.backward()  # type: ignore[no-untyped-call]
        self._descend()

    @torch.no_grad()
    def _descend(self) -> None:
        for number, decay in enumerate(self._decays):
            # As torch.optim.AdamW does, less what it does around it: as long again for small steps.
            # Fused: one pass over parameters, gradients and moments instead of ten.
            one = slice(number, number + 1)
            adamw(
                self.wholes[one],
                self._gradients[one],
                self._firsts[one],
                self._seconds[one],
                [],
                self._steps[one],
                fused=True,
                amsgrad=False,
                beta1=_BETAS[0],
                beta2=_BETAS[1],
                lr=self._rate,
                weight_decay=decay,
                eps=_EPSILON,
                maximize=False,
            )

    def moments(self) -> Arrays:
        """Moments as ``<parameter>.<which>``, and the count of steps."""
        arrays = {name: moment.cpu().numpy() for name, moment in self._moments()}
        return {**arrays, _STEPS: self._steps[0].cpu().numpy()}

    def set_moments(self, arrays: Arrays) -> None:
        """Go on with another optimiser's moments, as :meth:`moments` gave them."""
        for name, moment in self._moments():
            moment.copy_(torch.from_numpy(arrays[name]))
        for steps in self._steps:
            steps.copy_(torch.from_numpy(arrays[_STEPS]))

    def _moments(self) -> Iterator[tuple[str, Tensor]]:
        for group, *moments in zip(self._groups, self._firsts, self._seconds, strict=True):
            for name, parameter in self._network.named_parameters():
                if parameter in group:
                    for which, moment in zip(_MOMENTS, moments, strict=True):
                        yield f"{name}.{which}", group.part(moment, parameter)


def flattened(network: NeuMF) -> list[FlatParameters]:
    """Move a network's parameters into two pieces of memory: embeddings, and all others."""
    embeddings = network.embeddings()
    of_embeddings = {id(parameter) for parameter in embeddings}
    others = [p for p in network.parameters() if id(p) not in of_embeddings]
    return [FlatParameters(embeddings), FlatParameters(others)]
