"""The run that readers have, and what becomes of one that may not take its place."""

from __future__ import annotations

import json

from ml import publishing
from ml.contracts import Columns
from ml.progress import Progress
from ml.publishing import Release
from ml.settings import Settings


def published_run(settings: Settings) -> str | None:
    """Id of the run that readers have; None before the first release."""
    manifest = settings.folder / publishing.CURRENT / publishing.MANIFEST
    if not manifest.exists():
        return None
    run_id: str = json.loads(manifest.read_text())[Columns.RUN_ID]
    return run_id


def publish(settings: Settings, progress: Progress) -> Release:
    """Switch readers to the run that the marts show."""
    with progress.step("publish") as step:
        return publishing.publish(settings, step)
