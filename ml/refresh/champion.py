"""The run that readers have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from ml.contracts import Columns
from ml.settings import Settings

# As publishing lays a release out: the link for readers of Parquet, and what it tells of itself.
_CURRENT_MANIFEST: Final = Path("current", "manifest.json")


def published_run(settings: Settings) -> str | None:
    """Id of the run that readers have; None before the first release."""
    manifest = settings.folder / _CURRENT_MANIFEST
    if not manifest.exists():
        return None
    run_id: str = json.loads(manifest.read_text())[Columns.RUN_ID]
    return run_id
