"""The MLP half of every pair of a group of clients and a list of services, at once.

A pair costs an addition, a ReLU and the second layer. Written out over all pairs, the first
layer's values are read and written from memory several times and take most of a step; here they
live in blocks that stay in the processor's cache, and the backward pass computes them again
rather than reading them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ml.parallel import blocks

_BLOCK = 1 << 18
"""Floats of first-layer values in a block, 1 MiB."""


def grid_output(
    clients: Tensor, services: Tensor, drawn: Tensor, layer: Tensor, bias: Tensor, output: Tensor
) -> Tensor:
    """``relu(relu(c + s) @ layer + bias) @ output`` for clients and the services of their group.

    Parameters
    ----------
    clients : Tensor, (n, h)
        The first layer's values, client's part.
    services : Tensor, (n_services, h)
        The same of the services.
    drawn : Tensor of int64, (g, m)
        Services of each group, each once. Clients are in groups of equal size in their order;
        the last may be smaller.
    layer : Tensor, (h, k)
    bias : Tensor, (k,)
    output : Tensor, (k,)

    Returns
    -------
    Tensor, (n, m)
        Gradients reach all five.
    """
    found: Tensor = _Grid.apply(clients, services, drawn, layer, bias, output)  # type: ignore[no-untyped-call]
    return found


class _Grid(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        clients: Tensor,
        services: Tensor,
        drawn: Tensor,
        layer: Tensor,
        bias: Tensor,
        output: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(clients, services, drawn, layer, bias, output)
        values = clients.new_empty(len(clients), drawn.shape[1])
        for rows, groups in _blocks(clients, drawn):
            _, second = _layers(clients[rows], services[drawn[groups]], layer, bias)
            values[rows] = (second @ output).view(-1, drawn.shape[1])
        return values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        clients, services, drawn, layer, bias, output = ctx.saved_tensors
        to_clients, to_services = torch.empty_like(clients), torch.zeros_like(services)
        to_layer, to_bias = torch.zeros_like(layer), torch.zeros_like(bias)
        to_output = torch.zeros_like(output)
        for rows, groups in _blocks(clients, drawn):
            some = services[drawn[groups]]
            first, second = _layers(clients[rows], some, layer, bias)
            arriving = gradient[rows].reshape(-1)
            to_output.addmv_(second.T, arriving)
            to_second = torch.outer(arriving, output)
            to_second = torch.ops.aten.threshold_backward(to_second, second, 0)
            to_bias += to_second.sum(0)
            to_layer.addmm_(first.T, to_second)
            to_first = torch.ops.aten.threshold_backward(to_second @ layer.T, first, 0)
            to_first = to_first.view(len(some), -1, *some.shape[1:])
            to_clients[rows] = to_first.sum(2).flatten(0, 1)
            to_services.index_add_(0, drawn[groups].flatten(), to_first.sum(1).flatten(0, 1))
        return to_clients, to_services, None, to_layer, to_bias, to_output


def _blocks(clients: Tensor, drawn: Tensor) -> Iterator[tuple[slice, slice]]:
    """Clients whose values fit a block, and their groups: several whole ones, or a part of one."""
    size = -(-len(clients) // len(drawn))
    fitting = max(1, _BLOCK // max(1, drawn.shape[1] * clients.shape[1]))
    whole = len(clients) // size
    for groups in blocks(whole, max(1, fitting // size)):
        members = slice(groups.start * size, groups.stop * size)
        if len(range(whole)[groups]) == 1:
            yield from _parts(members, groups.start, fitting)
        else:
            yield members, groups
    yield from _parts(slice(whole * size, len(clients)), whole, fitting)


def _parts(members: slice, group: int, size: int) -> Iterator[tuple[slice, slice]]:
    for part in blocks(members.stop - members.start, size):
        rows = slice(members.start + part.start, members.start + part.stop)
        yield rows, slice(group, group + 1)


def _layers(
    clients: Tensor, services: Tensor, layer: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Values of both layers, (n * m, h) and (n * m, k); services are (groups, m, h)."""
    together = clients.view(len(services), -1, 1, clients.shape[1]) + services[:, None]
    first = together.relu_().view(-1, clients.shape[1])
    return first, torch.addmm(bias, first, layer).relu_()
