"""What a training leaves on disk."""

from __future__ import annotations

from pathlib import Path

from ml.releases import Release, write_manifest
from ml.settings import Settings
from ml.train import MODELS_FOLDER, prune_models


def test_models_of_kept_releases_stay(tmp_path: Path) -> None:
    """Rejected runs push the published one out of the newest, and readers still have its offers."""
    settings = Settings(warehouse=tmp_path / "w.duckdb", models_kept=2)
    for i in range(6):
        (tmp_path / MODELS_FOLDER / f"run{i}").mkdir(parents=True)
    release = Release("20240501", tmp_path / "releases" / "20240501", "run1", {})
    release.folder.mkdir(parents=True)
    write_manifest(release, release.folder)
    prune_models(settings)
    kept = sorted(path.name for path in (tmp_path / MODELS_FOLDER).iterdir())
    assert kept == ["run1", "run4", "run5"]
