"""Whether a fold's labels are enough to choose on, and if not, why."""

from __future__ import annotations

from typing import Final

from ml.dataset import Fold

LEAST_LABELLED: Final = 30
"""Clients with a label below which nothing is chosen: chance would choose."""


def too_little(fold: Fold) -> str:
    """Why nothing can be chosen on a fold, in words; empty where it can.

    Parameters
    ----------
    fold : Fold

    Returns
    -------
    str
        Part of a sentence, without a full stop.
    """
    found = len(fold.labelled_clients)
    if found >= LEAST_LABELLED:
        return ""
    cutoff = f"{fold.cutoff_at:%Y-%m-%d}"
    if fold.interactions.nnz == 0:
        return f"the data know no sale before {cutoff}, where {fold.name} begins"
    days = (fold.horizon_end_at - fold.cutoff_at).days
    return (
        f"of {len(fold.measured_clients):,} clients {few_labelled(found)} in the {days} days of "
        f"{fold.name} from {cutoff}"
    )


def few_labelled(count: int) -> str:
    """Say how many clients have a label, and how many are wanted."""
    who = "no client" if count == 0 else "one client" if count == 1 else f"{count} clients"
    return f"{who} took something new (at least {LEAST_LABELLED} are wanted)"
