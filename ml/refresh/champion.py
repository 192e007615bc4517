"""The run that readers have, and what becomes of one that may not take its place."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ml.errors import TransformError
from ml.gates.checks import Check
from ml.gates.record import record_checks
from ml.pipeline import SELECT_AFTER_TRAINING, build
from ml.progress import Progress
from ml.releases import current_release
from ml.settings import Settings

CHALLENGE: Final = "challenge"


def published_run(settings: Settings) -> str | None:
    """Id of the run that readers have; None before the first release."""
    release = current_release(settings)
    return None if release is None else release.run_id


def reject(settings: Settings, progress: Progress, run_id: str, reason: str) -> None:
    """Mark a challenger that lost as rejected, and let the marts show the last run that holds."""
    record_checks(settings, run_id, [Check(CHALLENGE, is_passed=False, detail=reason)])
    with suppress(TransformError):
        build(settings, progress, SELECT_AFTER_TRAINING)
