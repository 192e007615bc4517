"""Hold a partner's load back where too much of it cannot be used: its earlier data stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ml.sources.files.outcome import LOADED, REFUSED, FileOutcome
from ml.warehouse import KnownFile

FEWEST_REJECTED: Final = 20
"""Fewer rejected rows than this hold nothing back, whatever their share."""

_TOLD: Final = 2


def hold_back(
    outcomes: Sequence[FileOutcome], known: Mapping[str, KnownFile], most_rejected_share: float
) -> None:
    """Refuse all that a partner has in this load where a part of it shows a fault.

    Parameters
    ----------
    outcomes : sequence of FileOutcome
        Changed where a partner is held back.
    known : mapping of str to KnownFile
    most_rejected_share : float
        Of the rows of one entity, and of all.
    """
    by_partner = defaultdict(list)
    for outcome in outcomes:
        if outcome.status == LOADED and outcome.partner is not None:
            by_partner[outcome.partner].append(outcome)
    for partner, files in by_partner.items():
        faults: dict[str, str] = {}
        for name, fault in _faults(files, known, most_rejected_share):
            faults.setdefault(name, fault)
        if not faults:
            continue
        for file in files:
            file.is_held = file.name not in faults
            file.status, file.accepted = REFUSED, 0
            file.problem = faults.get(
                file.name, f"held back with the rest of {partner}: see {next(iter(faults))}"
            )
            file.accepted_rows = file.rejected_rows = None


def _faults(
    files: Sequence[FileOutcome], known: Mapping[str, KnownFile], most: float
) -> Iterator[tuple[str, str]]:
    """Files that show it, and what to say."""
    by_entity = defaultdict(list)
    for file in files:
        by_entity[file.kind].append(file)
        before = known[file.name].accepted_count if file.name in known else 0
        if not file.accepted and file.read:
            yield file.name, f"none of its {file.read:,} rows can be used: {_why(file)}; {_STAYS}"
        elif not file.read and before:
            yield file.name, f"it has no rows, and had {before:,}: deliver it again; {_STAYS}"
    for part in [*by_entity.values(), files]:
        rejected, read = sum(f.rejected for f in part), sum(f.read for f in part)
        if rejected >= FEWEST_REJECTED and rejected > most * read:
            worst = max(part, key=lambda file: file.rejected)
            what = part[0].kind if part is not files else "this load"
            yield (
                worst.name,
                f"{rejected:,} of {read:,} rows of {what} rejected, more than {most:.0%}: "
                f"{_why(worst)}; {_STAYS} (CROSS_SELL_MOST_REJECTED_SHARE sets how much may be)",
            )


_STAYS: Final = "the partner's earlier data stay"


def _why(file: FileOutcome) -> str:
    told = [f"{count:,} {reason}" for reason, count in file.reasons.most_common(_TOLD)]
    return f"{', '.join(told)}, the first in {file.first_rejected}"
