"""Load a landing folder: every file taken whole or refused, all of it in one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from ml.contracts import RAW_LOADED_FILES, RAW_TRANSACTIONS, Columns, Table, arrow_table
from ml.progress import Progress, RunningStep
from ml.settings import Settings
from ml.sources.files.landing import MAPPING, LandingFile, fault, find_files, fingerprint
from ml.sources.files.limits import hold_back
from ml.sources.files.mapping import mapping_text, parse_mapping
from ml.sources.files.outcome import (
    LOADED,
    REFUSED,
    SKIPPED,
    UNCHANGED,
    FileOutcome,
    FileRefusedError,
)
from ml.sources.files.staging import stage_file
from ml.warehouse import (
    FORGOTTEN,
    KnownFile,
    Overlap,
    StagedFile,
    check_raw_tables,
    connect,
    known_files,
    overlapping_files,
    write_landing,
)

_SOURCE: Final = "files"
_OVERLAPS_TOLD: Final = 5
_UNKNOWN: Final = KnownFile(None, None)


def load_files(
    settings: Settings, folder: Path, progress: Progress, *, is_check: bool = False
) -> list[FileOutcome]:
    """Load what is new in a landing folder.

    Parameters
    ----------
    settings : Settings
    folder : Path
        One folder per partner in it.
    progress : Progress
    is_check : bool, default False
        Read everything, write nothing.

    Returns
    -------
    list of FileOutcome
        One per file, in order of name. Refused files are among them; the others are loaded.

    Raises
    ------
    InputError
        No such folder, or the warehouse holds another source's rows.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be written; what was there stays.
    """
    files = find_files(folder)
    known = _known(settings)
    loaded_at = datetime.now(UTC).replace(tzinfo=None)
    title = "check files" if is_check else "load files"
    with progress.step(title) as step, tempfile.TemporaryDirectory(prefix="cross-sell-") as staged:
        outcomes: list[FileOutcome] = []
        overlaps: list[Overlap] = []
        for number, file in enumerate(files):
            step.update(f"{file.name} ({number + 1} of {len(files)})")
            target = Path(staged) / str(number)
            outcomes.append(_stage(file, folder, known, target, loaded_at))
        _skip_copies(outcomes, known)
        hold_back(outcomes, known, settings.most_rejected_share)
        if not is_check:
            step.update("writing")
            overlaps = _write(settings, files, outcomes, known, loaded_at)
        _tell(step, outcomes)
    for overlap in overlaps[:_OVERLAPS_TOLD]:
        progress.warn("  look at", _told_overlap(overlap))
    if (more := len(overlaps) - _OVERLAPS_TOLD) > 0:
        progress.warn("  look at", f"{more} more pairs of files that have the same lines")
    return outcomes


def _told_overlap(overlap: Overlap) -> str:
    return (
        f"{overlap.second}: {overlap.line_count:,} of its lines from {overlap.from_at:%Y-%m-%d} "
        f"to {overlap.to_at:%Y-%m-%d} are in {overlap.first} too, and count twice: deliver "
        f"transaction ids, or set 'id_from_content: true' for {RAW_TRANSACTIONS.name} in {MAPPING}"
    )


def _known(settings: Settings) -> dict[str, KnownFile]:
    if not settings.warehouse_file.exists():
        return {}
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        check_raw_tables(connection)
        return known_files(connection)


def _stage(
    file: LandingFile,
    folder: Path,
    known: Mapping[str, KnownFile],
    target: Path,
    loaded_at: datetime,
) -> FileOutcome:
    outcome = FileOutcome(file.name, file.partner, file.table.name if file.table else "")
    try:
        problem = fault(file)
        if problem is not None or file.table is None or file.partner is None:
            raise FileRefusedError(problem or "")
        text = mapping_text(folder / file.partner)
        outcome.sha256, outcome.size = fingerprint(file, text)
        if known.get(file.name, _UNKNOWN).loaded_sha256 == outcome.sha256:
            outcome.status = UNCHANGED
            return outcome
        if outcome.size == 0:
            raise FileRefusedError("it is empty: deliver it again, or take it away")
        mapping = parse_mapping(text, f"{file.partner}/{MAPPING}")
        stage_file(file, file.table, mapping, outcome, target, loaded_at)
    except FileRefusedError as error:
        _refuse(outcome, str(error))
    except OSError as error:
        _refuse(outcome, f"it cannot be read: {error.strerror}")
    return outcome


def _refuse(outcome: FileOutcome, problem: str) -> None:
    outcome.status, outcome.problem = REFUSED, problem
    outcome.read = outcome.accepted = 0
    outcome.warned = 0
    outcome.reasons.clear()
    outcome.warnings.clear()
    outcome.notes.clear()
    outcome.accepted_rows = outcome.rejected_rows = outcome.attribute_rows = None


def _skip_copies(outcomes: list[FileOutcome], known: Mapping[str, KnownFile]) -> None:
    """Leave out files whose content the raw tables have, or get, under another name."""
    held = {name: file.loaded_sha256 for name, file in known.items() if file.loaded_sha256}
    # A name that gets other content gives its old content free.
    for outcome in outcomes:
        if outcome.status == LOADED:
            held.pop(outcome.name, None)
    names = {sha256: name for name, sha256 in held.items()}
    for outcome in outcomes:
        if outcome.status == LOADED and outcome.sha256 is not None:
            first = names.setdefault(outcome.sha256, outcome.name)
            if first != outcome.name:
                outcome.status = SKIPPED
                outcome.problem = f"the same content is loaded as {first}"
                outcome.read = outcome.accepted = 0
                outcome.reasons.clear()


def _write(
    settings: Settings,
    files: list[LandingFile],
    outcomes: list[FileOutcome],
    known: Mapping[str, KnownFile],
    loaded_at: datetime,
) -> list[Overlap]:
    """Replace the rows of files that came with other content, and note what came.

    Returns
    -------
    list of Overlap
        Files that have the same lines.
    """
    noted = [o for o in outcomes if _is_news(o, known)]
    if not noted:
        return []
    staged = [
        StagedFile(
            table,
            outcome.name,
            outcome.accepted_rows,
            outcome.rejected_rows,
            _constants(table, outcome.partner or ""),
            outcome.content_id,
            outcome.attribute_rows,
        )
        for file, outcome in zip(files, outcomes, strict=True)
        if outcome.status == LOADED and (table := file.table) is not None
    ]
    with connect(
        settings.warehouse_file, read_only=False, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        check_raw_tables(connection)
        forgotten = write_landing(connection, staged, _ledger(noted, loaded_at), loaded_at)
        partners = {
            outcome.partner
            for outcome in outcomes
            if outcome.status == LOADED and outcome.kind == RAW_TRANSACTIONS.name
        }
        overlaps = overlapping_files(connection, [name for name in partners if name])
    for outcome in outcomes:
        if count := forgotten.get(outcome.name, 0):
            outcome.accepted -= count
            outcome.reasons[FORGOTTEN] += count
    return overlaps


def _is_news(outcome: FileOutcome, known: Mapping[str, KnownFile]) -> bool:
    """Whether the ledger has something to note: not the same refusal again."""
    if outcome.status == REFUSED:
        before = known.get(outcome.name)
        return before is None or before.last_sha256 != outcome.sha256
    return outcome.status == LOADED


def _constants(table: Table, partner: str) -> dict[str, str]:
    has_scope = Columns.SOURCE_PARTNER_ID in table.column_names
    return {Columns.SOURCE_PARTNER_ID: partner} if has_scope else {}


def _ledger(noted: list[FileOutcome], loaded_at: datetime) -> pa.Table:
    return arrow_table(
        RAW_LOADED_FILES,
        {
            Columns.LOAD_ID: [f"{loaded_at:%Y%m%dT%H%M%S%f}-{i:04d}" for i in range(len(noted))],
            Columns.SOURCE: [_SOURCE] * len(noted),
            Columns.PARTNER_ID: [o.partner for o in noted],
            Columns.ENTITY: [o.kind for o in noted],
            Columns.SOURCE_FILE: [o.name for o in noted],
            Columns.STATUS: [o.status for o in noted],
            Columns.CONTENT_SHA256: [o.sha256 for o in noted],
            Columns.BYTE_COUNT: [o.size for o in noted],
            Columns.READ_COUNT: [o.read if o.status == LOADED else 0 for o in noted],
            Columns.ACCEPTED_COUNT: [o.accepted for o in noted],
            Columns.REJECTED_COUNT: [o.rejected if o.status == LOADED else 0 for o in noted],
            Columns.WARNED_COUNT: [o.warned if o.status == LOADED else 0 for o in noted],
            Columns.WARNINGS: [o.told_warnings if o.status == LOADED else None for o in noted],
            Columns.ERROR: [o.problem for o in noted],
            Columns.IS_CURRENT: [o.status == LOADED for o in noted],
            Columns.LOADED_AT: [loaded_at] * len(noted),
        },
    )


def _tell(step: RunningStep, outcomes: list[FileOutcome]) -> None:
    accepted = sum(o.accepted for o in outcomes)
    rejected = sum(o.rejected for o in outcomes)
    warned = sum(o.warned for o in outcomes)
    step.outcome = f"{len(outcomes)} files, {accepted:,} rows accepted, {rejected:,} rejected"
    if warned:
        step.outcome += f", {warned:,} accepted with a warning"
