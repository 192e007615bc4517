"""Parameters side by side in one piece of memory: an optimiser's step is then one operation."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_ALIGNED = 16
"""Floats to a multiple of which each parameter begins: a line of the processor's cache."""


class FlatParameters:
    """Some parameters, moved into one tensor of which each is a part; their gradients likewise.

    What reads or writes a parameter in place reads or writes the whole. Gradients add up until they
    are set to zero, in place.

    Parameters
    ----------
    parameters : iterable of Parameter
        Of one dtype, on one device.

    Attributes
    ----------
    whole, gradient : Tensor, (n,)
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._places: dict[nn.Parameter, tuple[int, int]] = {}
        parts: list[Tensor] = []
        length = 0
        for parameter in parameters:
            count = parameter.numel()
            self._places[parameter] = (length, length + count)
            missing = -count % _ALIGNED
            parts += [parameter.detach().reshape(-1), parameter.new_zeros(missing)]
            length += count + missing
        self.whole = torch.cat(parts)
        self.gradient = torch.zeros_like(self.whole)
        for parameter in self._places:
            parameter.data = self.part(self.whole, parameter)
            parameter.grad = self.part(self.gradient, parameter)

    def __contains__(self, parameter: nn.Parameter) -> bool:
        return parameter in self._places

    def part(self, whole: Tensor, parameter: nn.Parameter) -> Tensor:
        """What belongs to a parameter of a tensor that is laid out like the whole; a view."""
        begin, end = self._places[parameter]
        return whole[begin:end].view(parameter.shape)
