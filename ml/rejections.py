"""What loads left out, in one line: run, refresh, the report and the doctor repeat it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ml.settings import Settings
from ml.warehouse import Rejections, connect, count_rejections

_TOLD: Final = 3


def told_rejections(settings: Settings) -> str | None:
    """What was rejected of the files that the warehouse has; None where nothing was."""
    if not settings.warehouse_file.exists():
        return None
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        return in_one_line(count_rejections(connection))


def in_one_line(found: Sequence[Rejections]) -> str | None:
    """Rejected and warned rows, and where most of them are.

    >>> in_one_line([Rejections("gym", "clients", 200, 3, 1, {"bad_id": 2, "missing_value": 1})])
    '3 of 200 delivered rows were rejected, 1 accepted with a warning (gym clients: 2 bad_id, \
1 missing_value); raw.rejected_rows and raw.loaded_files have them'
    """
    rejected, warned = sum(one.rejected for one in found), sum(one.warned for one in found)
    if not rejected and not warned:
        return None
    worst = sorted(found, key=lambda r: (-r.rejected, -r.warned))[:_TOLD]
    told = "; ".join(_of_one(one) for one in worst if one.rejected or one.warned)
    more = sum(bool(r.rejected or r.warned) for r in found) - len(worst)
    return (
        f"{rejected:,} of {sum(r.read for r in found):,} delivered rows were rejected, "
        f"{warned:,} accepted with a warning ({told}{f'; {more} more' if more > 0 else ''}); "
        "raw.rejected_rows and raw.loaded_files have them"
    )


def _of_one(one: Rejections) -> str:
    reasons = sorted(one.reasons.items(), key=lambda item: -item[1])[:_TOLD]
    counts = [f"{count:,} {reason}" for reason, count in reasons]
    if not counts and one.warned:
        counts = [f"{one.warned:,} with a warning"]
    return f"{one.partner} {one.entity}: {', '.join(counts)}"
