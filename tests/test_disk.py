"""A full disk, or a limit on file sizes: one clear line, and readers keep what they have."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml.errors import WarehouseAccessError
from ml.releases import current_release, kept_releases
from ml.settings import Settings
from tests.publishable import publish_now, write_marts


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond this many bytes, in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_release_that_cannot_be_written_whole(tmp_path: Path) -> None:
    settings = Settings(warehouse=tmp_path / "w.duckdb", publish_lead_seconds=0.1)
    write_marts(settings, "run0", 5)
    first = publish_now(settings)
    write_marts(settings, "run1", 6)
    with largest_file(200), pytest.raises(WarehouseAccessError) as raised:
        publish_now(settings)
    assert "\n" not in str(raised.value)
    assert current_release(settings) == first
    assert kept_releases(settings) == [first]
    assert publish_now(settings).run_id == "run1"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB, where the system lets us make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    settings = Settings(warehouse=small_disk / "w.duckdb", publish_lead_seconds=0.1)
    write_marts(settings, "run0", 5)
    first = publish_now(settings)
    write_marts(settings, "run1", 6)
    filler = small_disk / "filler"
    with filler.open("wb") as file:
        file.write(b"\0" * (shutil.disk_usage(small_disk).free - 4096))
    with pytest.raises(WarehouseAccessError) as raised:
        publish_now(settings)
    assert "\n" not in str(raised.value)
    assert "space" in str(raised.value), "the system's own words say what is wrong"
    assert current_release(settings) == first
    filler.unlink()
    assert publish_now(settings).run_id == "run1"
