"""Publish: judge the run that the marts show, make a release of it, switch readers to it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError, RunRejectedError, WarehouseAccessError, WarehouseBusyError
from ml.gates.checks import Check, Last, failures, judge, untold
from ml.gates.evidence import read_evidence
from ml.gates.record import forced, record_checks, record_events, was_forced
from ml.locks import RELEASE_LOCK, hold
from ml.progress import RunningStep
from ml.releases import (
    PUBLISHED_EVENT,
    RELEASES,
    ROLLED_BACK_EVENT,
    UNFINISHED,
    Release,
    check_whole,
    current_release,
    kept_releases,
    parquet_file,
    write_manifest,
)
from ml.settings import Settings
from ml.switching import mend_switch, show_live, switch_readers
from ml.warehouse import (
    Connection,
    OfferMeans,
    connect,
    distinct_values,
    mean_released_offers,
    read_table,
)
from ml.warehouse.releases import copy_to_parquet, snapshot

# A rollback is urgent: readers are switched at once, and the note may come later.
_NOTE_WAIT_SECONDS = 2.0


def publish(settings: Settings, step: RunningStep, *, forced_run: str | None = None) -> Release:
    """Judge the run that the marts show; where its checks hold, switch readers to it.

    Parameters
    ----------
    settings : Settings
    step : RunningStep
    forced_run : str, optional
        Publish this run whatever its checks say; that it was forced is recorded.

    Returns
    -------
    Release

    Raises
    ------
    InputError
        There are no offers yet, offers of more than one run, or offers that were not tested.
    RunRejectedError
        A check failed: the run is rejected, and readers keep the release they have.
    WarehouseBusyError, WarehouseAccessError
        The warehouse is held, or the folder cannot be written.
    """
    releases = settings.folder / RELEASES
    with hold(settings.folder / RELEASE_LOCK, settings.lock_wait_seconds):
        try:
            mend_switch(settings)
            release_id = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            unfinished = releases / f"{UNFINISHED}{release_id}"
            unfinished.mkdir(parents=True)
            try:
                release = _judge_and_export(settings, unfinished, release_id, step, forced_run)
                write_manifest(release, unfinished)
                unfinished.rename(release.folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            switch_readers(settings, release, PUBLISHED_EVENT, step)
        except OSError as error:
            raise WarehouseAccessError(
                f"cannot write the release in {releases}: {error.strerror}; the last one stays"
            ) from None
    step.outcome = f"{release.offer_count:,} offers" + (step.outcome and f"; {step.outcome}")
    _note(settings, step, settings.lock_wait_seconds)
    return release


def rollback(settings: Settings, step: RunningStep, release_id: str | None = None) -> Release:
    """Switch readers to a release that is kept; a later publish goes forward again.

    Parameters
    ----------
    settings : Settings
    step : RunningStep
    release_id : str, optional
        Default: the one before the current.

    Returns
    -------
    Release
        That readers have now.

    Raises
    ------
    InputError
        There is no such release, or it is not whole.
    WarehouseBusyError, WarehouseAccessError
        Readers are being switched by another process, or the folder cannot be written.
    """
    with hold(settings.folder / RELEASE_LOCK, settings.lock_wait_seconds):
        try:
            mend_switch(settings)
            target = _kept(settings, release_id)
            check_whole(target)
            switch_readers(settings, target, ROLLED_BACK_EVENT, step)
        except OSError as error:
            raise WarehouseAccessError(
                f"cannot switch readers in {settings.folder}: {error.strerror}; "
                "they keep the release they have"
            ) from None
    step.outcome = f"{target.offer_count:,} offers of run {target.run_id}"
    _note(settings, step, _NOTE_WAIT_SECONDS)
    return target


def relocate(settings: Settings) -> None:
    """Make a folder that was copied or moved a place of its own.

    Raises
    ------
    InputError
        There is no release in it.
    WarehouseBusyError, WarehouseAccessError
        Readers are being switched by another process, or the folder cannot be written.
    """
    if not kept_releases(settings):
        raise InputError(f"there is no release in {settings.folder} to relocate")
    with hold(settings.folder / RELEASE_LOCK, settings.lock_wait_seconds):
        try:
            show_live(settings)
        except OSError as error:
            raise WarehouseAccessError(
                f"cannot relocate {settings.folder}: {error.strerror}"
            ) from None


def _kept(settings: Settings, release_id: str | None) -> Release:
    kept = {release.release_id: release for release in kept_releases(settings)}
    current = current_release(settings)
    if current is None:
        raise InputError("there is no release to go back from: run 'cross-sell publish'")
    if release_id is None:
        earlier = [one for one in kept.values() if one.release_id < current.release_id]
        if not earlier:
            raise InputError(
                f"no release before {current.release_id} is kept: 'cross-sell releases' lists them"
            )
        return earlier[-1]
    if release_id not in kept:
        raise InputError(f"release {release_id} is not kept: there are {', '.join(sorted(kept))}")
    if release_id == current.release_id:
        raise InputError(f"readers have release {release_id} already")
    return kept[release_id]


def _judge_and_export(
    settings: Settings, folder: Path, release_id: str, step: RunningStep, forced_run: str | None
) -> Release:
    """Write the release's files if its run may be published, all from one state of the marts."""
    last = current_release(settings)
    with (
        connect(
            settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
        ) as connection,
        snapshot(connection),
    ):
        run_id = _candidate(connection)
        step.update("checking")
        checks = _checks(settings, connection, run_id, last)
        is_forced = forced_run is not None or was_forced(connection, run_id)
        release = _export(connection, folder, settings, release_id, run_id, step)
    if forced_run is not None and run_id != forced_run:
        raise InputError(
            f"the marts show run {run_id}, not {forced_run}: a newer run holds its place"
        )
    if is_forced:
        # A person answers for the run, also when it is published again after a rollback.
        checks.append(forced())
    record_checks(settings, run_id, checks)
    problem = failures(checks)
    if problem and not is_forced:
        raise RunRejectedError(
            f"run {run_id} is rejected: {problem}; readers keep "
            + (f"release {last.release_id}" if last else "nothing, since nothing is published")
        )
    # Told with the release: readers' offers were held against no others.
    step.outcome = f"champion {cause}" if (cause := untold(checks)) else ""
    return release


def _candidate(connection: Connection) -> str:
    """The run whose offers the score table shows."""
    table = contracts.CROSS_SELL_SCORES
    run_ids = distinct_values(connection, table, Columns.RUN_ID)
    if not run_ids:
        raise InputError(
            "nothing to publish: no offers yet; run 'cross-sell train', then 'cross-sell build'"
        )
    if len(run_ids) > 1:
        raise InputError(
            f"{table.qualified_name} mixes the runs {', '.join(run_ids)}: run 'cross-sell build'"
        )
    return run_ids[0]


def _checks(
    settings: Settings, connection: Connection, run_id: str, last: Release | None
) -> list[Check]:
    evidence = read_evidence(connection, run_id, last.run_id if last else None)
    return judge(
        evidence,
        settings.gates,
        None if last is None else Last(last.row_counts, _means(last)),
        seed=settings.seed,
        resamples=settings.bootstrap_samples,
    )


def _means(release: Release) -> OfferMeans | None:
    return mean_released_offers(parquet_file(release.folder, contracts.CROSS_SELL_SCORES.name))


def _export(
    connection: Connection,
    folder: Path,
    settings: Settings,
    release_id: str,
    run_id: str,
    step: RunningStep,
) -> Release:
    counts = {}
    for schema_name, name in contracts.PUBLISHED:
        step.update(name)
        counts[name] = copy_to_parquet(connection, schema_name, name, parquet_file(folder, name))
    first = read_table(connection, contracts.CROSS_SELL_SCORES, limit=1).to_pylist()[0]
    return Release(
        release_id,
        settings.folder / RELEASES / release_id,
        run_id,
        counts,
        first[Columns.MODEL_NAME],
        first[Columns.AS_OF_DATE].isoformat(),
    )


def _note(settings: Settings, step: RunningStep, wait_seconds: float) -> None:
    """Bring the switch into the warehouse; readers have it already, so nothing fails here."""
    try:
        record_events(settings, wait_seconds)
    except (WarehouseBusyError, WarehouseAccessError, InputError):
        step.outcome += "; noted in the warehouse by the next publish"
