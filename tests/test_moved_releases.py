"""A release that was copied, moved or mounted elsewhere reads the files beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml.doctor.finding import Health
from ml.doctor.releases import check_releases
from ml.errors import InputError
from ml.publishing import relocate
from ml.releases import current_release
from ml.settings import Settings, load_settings
from ml.soak.reading import OLD_READER
from tests.publishable import publish_now, write_marts

# Opens what it is told to and prints what the score table holds, or the first line of an error.
READER = """
import sys, duckdb
how, path, *rest = sys.argv[1:]
count = "select min(run_id), count(*) from {}cross_sell_scores"
try:
    if how == "open":
        print(*duckdb.connect(path, read_only=True).execute(count.format("")).fetchone())
    elif how == "own temp_directory":
        c = duckdb.connect(path, read_only=True, config={"temp_directory": "/tmp/own"})
        print(*c.execute(count.format("")).fetchone())
    elif how == "attach":
        c = duckdb.connect()
        c.execute("attach '" + path + "' as offers (read_only)")
        for statement in rest:
            c.execute(statement)
        print(*c.execute(count.format("offers.")).fetchone())
except duckdb.Error as error:
    print(str(error).splitlines()[0])
"""
FOLDER = "it's [prod]* here"


@pytest.fixture(params=["this DuckDB", "DuckDB 1.1"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "this DuckDB":
        return ""
    if not (OLD_READER / ".installed").exists():
        pytest.skip("DuckDB 1.1 is set up by 'make test', not by pytest alone")
    return str(OLD_READER)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The original shows run2 with 3 offers; its copy was made when run1 had 2."""
    root = tmp_path_factory.mktemp("moved")
    original = settings_of(root / FOLDER)
    # What the name of the folder would match, were it a pattern.
    settings_of(root / "it's p here").folder.mkdir()
    write_marts(original, "run1", 2)
    publish_now(original)
    shutil.copytree(original.folder, root / "a [copy]?", symlinks=True)
    shutil.copytree(original.folder, root / "followed", symlinks=False)
    write_marts(original, "run2", 3)
    publish_now(original)
    return root


def settings_of(folder: Path) -> Settings:
    return Settings(warehouse=folder / "w.duckdb", publish_lead_seconds=0.2)


def read(engine: str, *arguments: str, folder: Path = Path("/")) -> str:
    result = subprocess.run(
        [sys.executable, "-c", READER, *arguments],
        cwd=folder,
        env={"PYTHONPATH": engine},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not result.stderr, result.stderr
    return result.stdout.strip()


def test_each_folder_shows_its_own_files(copied: Path, engine: str) -> None:
    assert read(engine, "open", str(copied / FOLDER / "serving.duckdb")) == "run2 3"
    for name in ("a [copy]?", "followed"):
        folder = copied / name
        assert read(engine, "open", str(folder / "serving.duckdb")) == "run1 2"
        assert read(engine, "open", "serving.duckdb", folder=folder) == "run1 2"
        assert read(engine, "open", f"{name}/serving.duckdb", folder=copied) == "run1 2"
        assert read(engine, "open", "../serving.duckdb", folder=folder / "live") == "run1 2"


def test_who_attaches_a_copy_reads_it_or_is_told(copied: Path, engine: str) -> None:
    original = str(copied / FOLDER / "serving.duckdb").replace("'", "''")
    assert read(engine, "attach", original) == "run2 3"
    copy = str(copied / "followed" / "serving.duckdb")
    found = read(engine, "attach", copy)
    assert f"was made for {copied / FOLDER}" in found
    assert "releases --relocate" in found
    assert "was made for" in read(engine, "own temp_directory", copy)
    variable = f"set variable cross_sell_folder = '{copied / 'followed'}'"
    assert read(engine, "attach", copy, variable) == "run1 2"
    second = f"attach '{original}' as other (read_only)"
    assert "each in a connection of its own" in read(engine, "attach", copy, second)


def test_a_relocated_copy_can_be_attached_and_published_into(
    copied: Path, engine: str, tmp_path: Path
) -> None:
    folder = tmp_path / "place"
    shutil.copytree(copied / "followed", folder, symlinks=False)
    settings = settings_of(folder)
    [found] = [f for f in check_releases(settings, None) if f.check == "serving"]
    assert (found.health, found.remedy) == (Health.WARN, "run 'cross-sell releases --relocate'")
    relocate(settings)
    [found] = [f for f in check_releases(settings, None) if f.check == "serving"]
    assert found.health is Health.OK
    release = current_release(settings)
    assert release is not None
    assert release.run_id == "run1"
    serving = str(folder / "serving.duckdb")
    assert read(engine, "attach", serving) == read(engine, "own temp_directory", serving)
    write_marts(settings, "run5", 6)
    publish_now(settings)
    assert read(engine, "attach", serving) == "run5 6"


def test_a_copy_that_followed_links_can_be_published_into(copied: Path, tmp_path: Path) -> None:
    folder = tmp_path / "place"
    shutil.copytree(copied / "followed", folder, symlinks=False)
    settings = settings_of(folder)
    write_marts(settings, "run5", 6)
    release = publish_now(settings)
    assert current_release(settings) == release
    assert read("", "open", str(folder / "serving.duckdb")) == "run5 6"


def test_nothing_to_relocate(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no release in"):
        relocate(settings_of(tmp_path))


@pytest.mark.parametrize("name", ["what?", "back\\slash"])
def test_a_folder_that_the_engine_cannot_write_below_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write below a folder with"):
        load_settings(warehouse=tmp_path / name / "w.duckdb")
