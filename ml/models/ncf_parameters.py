"""What NCF learns, by name: as arrays, by what their rows stand for, and how it is optimised."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ml.errors import ModelError
from ml.models.base import Arrays
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
    "history": (SERVICES,),
    "services": (SERVICES,),
    "bias": (SERVICES,),
    "client_features": (CLIENT_FEATURES,),
    "service_features": (SERVICE_FEATURES,),
    "wide": (SERVICE_FEATURES,),
}
_OF_NO_ROW = (
    "client_layer", "service_layer", "first_bias", "second_layer", "second_bias", "gmf_output",
    "mlp_output", "base",
)  # fmt: skip


def axes_of(settings: NCFSettings) -> Axes:
    """What the rows of each parameter stand for."""
    clients = (CLIENTS,) if settings.uses_identity else ()
    return {**_ROWS, "clients": clients, **dict.fromkeys(_OF_NO_ROW, ())}


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


def make_optimizer(network: NeuMF, settings: NCFSettings) -> torch.optim.Optimizer:
    """AdamW, with a decay of their own for embeddings."""
    embeddings = network.embeddings()
    decayed = {id(parameter) for parameter in embeddings}
    others: list[nn.Parameter] = [p for p in network.parameters() if id(p) not in decayed]
    # Fused: one pass over parameters, gradients and moments instead of ten.
    return torch.optim.AdamW(
        [
            {"params": embeddings, "weight_decay": settings.embedding_decay},
            {"params": others, "weight_decay": settings.weight_decay},
        ],
        lr=settings.learning_rate,
        fused=True,
    )


def moments_of(optimizer: torch.optim.Optimizer, network: NeuMF) -> Arrays:
    """An optimiser's moments and counts of steps, as ``<parameter>.<which>``."""
    return {
        f"{name}.{which}": tensor.cpu().numpy()
        for name, parameter in network.named_parameters()
        for which, tensor in optimizer.state[parameter].items()
    }


def set_moments(optimizer: torch.optim.Optimizer, network: NeuMF, arrays: Arrays) -> None:
    """Go on with another optimiser's moments."""
    parameters = dict(network.named_parameters())
    for name, array in arrays.items():
        of, which = name.rsplit(".", 1)
        parameter = parameters[of]
        # Its own memory, aligned as torch's own is.
        moment = torch.from_numpy(array).clone().to(parameter.device)
        optimizer.state[parameter][which] = moment
