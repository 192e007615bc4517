"""Logits of (client, service) pairs from both sides' vectors: most of what NeuMF computes.

A pair's logit is NeuMF's (He et al., WWW 2017), the first layer split between client and service::

    linear[s] + gmf[c] . gmf[s] + relu(relu(mlp[c] + mlp[s]) @ layer + bias) @ output

Written out over all pairs, the values of the layers are read and written from memory several times
and take most of a training step. ``_pairs.c`` keeps them in the processor's cache, does products
and gradients there, and leaves the interpreter to other threads. On other devices torch does
the same from the formula as it stands (:func:`logits_by_formula`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ml.errors import CrossSellError
from ml.parallel import blocks

try:
    from ml import _pairs
except ImportError as error:  # Installed without its compiled part.
    raise CrossSellError(f"NCF's kernel is not compiled: run 'make setup' ({error})") from error

_LANES = 16
"""Rows of the second layer's values are filled up to a multiple of so many floats."""

_NO_PAIRS = torch.empty(0, dtype=torch.int32).numpy()
_NOTHING = torch.empty(0).numpy()

_BLOCK = 1 << 17
"""Floats of first-layer values in a block where torch computes them."""


@dataclass(frozen=True)
class SecondLayer:
    """What turns values of the first layer into a logit.

    Parameters
    ----------
    layer : Tensor, (h, k)
    bias : Tensor, (k,)
    output : Tensor, (k,)
    """

    layer: Tensor
    bias: Tensor
    output: Tensor

    def of(self, first: Tensor) -> Tensor:
        """The MLP half's part of the logits, (p, h) -> (p,)."""
        return torch.relu(torch.addmm(self.bias, first, self.layer)) @ self.output


@dataclass(frozen=True)
class ClientSide:
    """All that scoring needs to know of some clients: (n, g) and (n, h)."""

    gmf: Tensor
    mlp: Tensor


@dataclass(frozen=True)
class ServiceSide:
    """All that scoring needs to know of the services.

    Parameters
    ----------
    gmf : Tensor, (m, g)
    mlp : Tensor, (m, h)
        The first layer's bias is in here.
    linear : Tensor, (m,)
        Bias plus the wide term.
    """

    gmf: Tensor
    mlp: Tensor
    linear: Tensor


def pair_logits(
    clients: ClientSide, services: ServiceSide, second: SecondLayer, rows: Tensor, columns: Tensor
) -> Tensor:
    """Logits of some pairs; gradients reach both sides and the second layer.

    Parameters
    ----------
    clients : ClientSide, n
    services : ServiceSide, m
    second : SecondLayer
    rows, columns : Tensor of int32, (p,)
        Client and service of each pair; without any, every client with every service.

    Returns
    -------
    Tensor of float32, (p,) or (n * m,)
        The same bit for bit on one machine.
    """
    if rows.device.type != "cpu":
        return logits_by_formula(clients, services, second, rows, columns)
    of_sides = (clients.mlp, services.mlp, clients.gmf, services.gmf, services.linear)
    parameters = (*of_sides, second.layer, second.bias, second.output)
    logits: Tensor = _Pairs.apply(  # type: ignore[no-untyped-call]
        rows, columns, *(parameter.contiguous() for parameter in parameters)
    )
    return logits


def grid_logits(clients: ClientSide, services: ServiceSide, second: SecondLayer | None) -> Tensor:
    """Logits of every client with every service: the GMF half is one product.

    Parameters
    ----------
    clients : ClientSide, n
    services : ServiceSide, m
    second : SecondLayer, optional
        Without it there is no MLP half.

    Returns
    -------
    Tensor of float32, (n, m)
    """
    if second is None:
        return torch.addmm(services.linear, clients.gmf, services.gmf.T)
    nobody = torch.empty(0, dtype=torch.int32, device=clients.mlp.device)
    rest = pair_logits(
        ClientSide(clients.gmf[:, :0], clients.mlp),
        ServiceSide(services.gmf[:, :0], services.mlp, services.linear),
        second,
        nobody,
        nobody,
    )
    return torch.addmm(rest.view(len(clients.gmf), -1), clients.gmf, services.gmf.T)


def logits_by_formula(
    clients: ClientSide, services: ServiceSide, second: SecondLayer, rows: Tensor, columns: Tensor
) -> Tensor:
    """As :func:`pair_logits`, on any device, with every layer of all pairs in memory."""
    if not len(rows):
        sizes = [
            torch.arange(len(side), device=rows.device) for side in (clients.mlp, services.mlp)
        ]
        rows, columns = torch.cartesian_prod(*sizes).unbind(1)

    def of_client(table: Tensor) -> Tensor:
        return functional.embedding(rows, table)

    def of_service(table: Tensor) -> Tensor:
        return functional.embedding(columns, table)

    first = torch.relu(of_client(clients.mlp) + of_service(services.mlp))
    gmf = (of_client(clients.gmf) * of_service(services.gmf)).sum(1)
    return of_service(services.linear[:, None])[:, 0] + gmf + second.of(first)


def add_mlp_logits(logits: Tensor, clients: Tensor, services: Tensor, second: SecondLayer) -> None:
    """Add the MLP half's part to logits of some clients with every service.

    Parameters
    ----------
    logits : Tensor, (n, m), contiguous
    clients, services : Tensor, (n, h) and (m, h)
        The first layer's values, either side's part.
    second : SecondLayer
    """
    n_services, width = services.shape
    if logits.device.type != "cpu":
        for block in blocks(len(logits), max(1, _BLOCK // max(1, n_services * width))):
            first = torch.relu_(clients[block, None, :] + services).view(-1, width)
            logits[block] += second.of(first).view(-1, n_services)
        return
    _pairs.forward(
        *(len(clients), n_services, width, len(second.bias), 0),
        *(_NO_PAIRS, _NO_PAIRS, clients.numpy(), services.numpy(), _NOTHING, _NOTHING, _NOTHING),
        *(second.layer.numpy(), second.bias.numpy(), second.output.numpy()),
        *(logits.numpy(), _NOTHING),
    )


class _Pairs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, columns: Tensor, *parameters: Tensor) -> Tensor:
        client_mlp, service_mlp, client_gmf, *_, bias, _ = parameters
        width_up = -(-len(bias) // _LANES) * _LANES
        n_pairs = len(rows) or len(client_mlp) * len(service_mlp)
        logits, second = torch.zeros(n_pairs), torch.empty(n_pairs, width_up)
        ctx.sizes = (len(client_mlp), *service_mlp.shape, len(bias), client_gmf.shape[1])
        ctx.save_for_backward(rows, columns, *parameters, second)
        _pairs.forward(*ctx.sizes, *_arrays(rows, columns, *parameters, logits, second))
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, arriving: Tensor) -> tuple[Tensor | None, ...]:
        *given, second = ctx.saved_tensors
        gradients = [torch.zeros_like(parameter) for parameter in given[2:]]
        of_logits = arriving.contiguous()
        _pairs.backward(*ctx.sizes, *_arrays(*given, of_logits, second, *gradients))
        return None, None, *gradients


def _arrays(*tensors: Tensor) -> list[Any]:
    return [tensor.detach().numpy() for tensor in tensors]
