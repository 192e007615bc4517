"""Whether a fold's labels are enough to choose on, and if not, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
        f"{found:,} of {len(fold.measured_clients):,} clients took something new in the {days} "
        f"days of {fold.name} from {cutoff}, at least {LEAST_LABELLED} are wanted"
    )
