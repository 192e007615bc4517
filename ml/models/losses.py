"""Losses of positives against services drawn for a whole step, each standing in for others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def softmax_loss(
    drawn: Tensor, stands_for: Tensor, positives: Tensor, rows: Tensor, weights: Tensor
) -> Tensor:
    """Weighted mean over positives of ``-log`` of their share among all services, from a sample.

    Parameters
    ----------
    drawn : Tensor, (n, m)
        Logits of the drawn services.
    stands_for : Tensor, (n, m)
        Number of lacking services that each stands in for; 0 where the client has it.
    positives : Tensor, (p,)
        Logits of the positives.
    rows : Tensor of int64, (p,)
        Client of each positive.
    weights : Tensor, (p,)
        Of the positives.

    Returns
    -------
    Tensor, ()
    """
    # The logarithm of 0 is minus infinity: what is owned weighs nothing.
    weighted = drawn + stands_for.log()
    with torch.no_grad():
        largest = weighted.amax(1).scatter_reduce(0, rows, positives, "amax")
        # A client without any: anything finite will do.
        largest.nan_to_num_(neginf=0.0)
    shifted = positives - largest[rows]
    sums = (weighted - largest[:, None]).exp().sum(1).index_add(0, rows, shifted.exp())
    losses = _rows_of(sums.log()[:, None], rows)[:, 0] - shifted
    return (losses * weights).sum() / weights.sum()


def binary_loss(
    drawn: Tensor, stands_for: Tensor, positives: Tensor, rows: Tensor, weights: Tensor
) -> Tensor:
    """Binary cross-entropy per weight of positives, over positives and all lacking services.

    Parameters
    ----------
    drawn, stands_for, positives, rows, weights
        As in :func:`softmax_loss`.

    Returns
    -------
    Tensor, ()
    """
    positive = (functional.softplus(-positives) * weights).sum()
    negative = (functional.softplus(drawn) * stands_for).sum()
    return (positive + negative) / weights.sum()


def _rows_of(table: Tensor, rows: Tensor) -> Tensor:
    """``table[rows]``, with a gradient that is the same bit for bit on several threads."""
    return functional.embedding(rows, table)
