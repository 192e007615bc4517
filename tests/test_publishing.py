"""Releases: atomic, readable by old and new DuckDB, and never in a writer's way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml import contracts, switching
from ml.contracts import Column, Table
from ml.errors import InputError, WarehouseAccessError
from ml.releases import read_events
from ml.settings import PROJECT_ROOT, Settings
from ml.warehouse import connect, replace_tables
from tests.publishable import offers, publish_now, write_marts

OLD_READER = PROJECT_ROOT / ".readers" / "duckdb-1.1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        warehouse=tmp_path / "it's here" / "w.duckdb", releases_kept=2, publish_lead_seconds=0.2
    )


def test_a_release_is_parquet_and_a_catalog(settings: Settings) -> None:
    write_marts(settings, "run1", 7)
    release = publish_now(settings)
    assert release.run_id == "run1"
    assert pq.read_table(release.folder / "cross_sell_scores.parquet").num_rows == 7
    assert (settings.folder / "current").resolve() == release.folder
    manifest = json.loads((release.folder / "manifest.json").read_text())
    assert manifest["row_counts"]["cross_sell_scores"] == 7
    with duckdb.connect(settings.folder / "serving.duckdb", read_only=True) as connection:
        for _, name in contracts.PUBLISHED:
            assert connection.execute(f"select count(*) from {name}").fetchone() != (0,)


@pytest.mark.skipif(
    not (OLD_READER / ".installed").exists(),
    reason="DuckDB 1.1 is set up by 'make test', not by pytest alone",
)
def test_duckdb_1_1_reads_a_release(settings: Settings) -> None:
    write_marts(settings, "run1", 7)
    publish_now(settings)
    code = (
        "import duckdb, sys; assert duckdb.__version__.startswith('1.1.');"
        "c = duckdb.connect(sys.argv[1], read_only=True);"
        "print(c.execute('select count(*), max(probability) from cross_sell_scores').fetchone())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(settings.folder / "serving.duckdb")],
        env={"PYTHONPATH": str(OLD_READER)},
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "(7, 0.25)", result.stderr


def test_readers_do_not_wait_for_a_writer(settings: Settings) -> None:
    write_marts(settings, "run1", 3)
    publish_now(settings)
    with (
        connect(settings.warehouse_file, read_only=False, wait_seconds=0),
        duckdb.connect(settings.folder / "serving.duckdb", read_only=True) as reader,
    ):
        assert reader.execute("select count(*) from cross_sell_scores").fetchone() == (3,)


READER = """
import sys, time, duckdb
from pathlib import Path
path, is_long_lived = sys.argv[1], sys.argv[2] == "long"
kept = duckdb.connect(path, read_only=True)
seen, broken, until = set(), [], time.monotonic() + 300
stop = Path(sys.argv[3])
print("reading", flush=True)
while time.monotonic() < until and not stop.exists():
    reader = kept if is_long_lived else duckdb.connect(path, read_only=True)
    try:
        rows = reader.execute(
            "select scores.run_id, other.id, count(*) from cross_sell_scores as scores "
            "cross join dim_services as other group by all"
        ).fetchall()
        if len(rows) != 1 or rows[0][0] != rows[0][1] or rows[0][2] != int(rows[0][0][3:]) + 1:
            broken.append(str(rows))
        seen.add(rows[0][0])
    except duckdb.Error as error:
        broken.append(str(error))
print(len(seen), broken[:3], flush=True)
"""


def test_readers_never_see_an_error_half_a_release_or_two(settings: Settings) -> None:
    """Release i has i + 1 offers and one row of run i in every other table."""
    write_marts(settings, "run0", 1)
    publish_now(settings)
    stop = settings.folder / "stop"
    versions = ["", str(OLD_READER)] if (OLD_READER / ".installed").exists() else [""]
    readers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                READER,
                str(settings.folder / "serving.duckdb"),
                kind,
                str(stop),
            ],
            env={"PYTHONPATH": version},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for kind in ("long", "fresh")
        for version in versions
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
    for i in range(1, 6):
        write_marts(settings, f"run{i}", i + 1)
        publish_now(settings)
    stop.touch()
    for reader in readers:
        output, _ = reader.communicate(timeout=60)
        seen, broken = output.strip().split(" ", 1)
        assert broken == "[]", output
        assert int(seen) > 1, "a reader must see new releases as they come"


def listed_files(live: Path) -> list[Path]:
    """What views look into."""
    return [path for path in live.glob("*/*/*.parquet") if not path.parent.is_symlink()]


def list_again(live: Path) -> None:
    """Undo the retiring of releases, as if it had never been done."""
    for link in [path for path in live.glob("*/*") if path.is_symlink()]:
        target = link.resolve() / f"{link.parent.name}.parquet"
        link.unlink()
        link.mkdir()
        (link / target.name).hardlink_to(target.resolve())


def test_a_killed_switch_is_mended_by_the_next_publish(settings: Settings) -> None:
    write_marts(settings, "run0", 1)
    publish_now(settings)
    # As a kill between "in place" and "retired" leaves it: two releases are listed.
    write_marts(settings, "run1", 2)
    patient = settings.model_copy(update={"publish_lead_seconds": 0.2})
    publish_now(patient)
    list_again(settings.folder / "live")
    serving = settings.folder / "serving.duckdb"
    with duckdb.connect(serving, read_only=True) as reader:
        rows = reader.execute("select distinct run_id from cross_sell_scores").fetchall()
        assert rows == [("run1",)], "the newer of two listed releases counts"
    write_marts(settings, "run2", 3)
    publish_now(settings)
    listed = listed_files(settings.folder / "live")
    assert len(listed) == len(contracts.PUBLISHED)


def test_what_a_stalled_machine_put_in_place_can_still_be_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that listed the files of a first attempt opens them after the second."""
    write_marts(settings, "run0", 1)
    publish_now(settings)
    write_marts(settings, "run1", 2)
    seen: list[Path] = []

    def slow(source: Path, target: Path) -> None:
        target.hardlink_to(source)
        if not seen:
            time.sleep(settings.publish_lead_seconds)
        seen.append(target)

    monkeypatch.setattr(switching, "_link_or_copy", slow)
    publish_now(settings)
    assert len(seen) == 2 * len(contracts.PUBLISHED), "the first attempt is too late, and repeated"
    for path in seen:
        with path.open("rb") as file:
            assert file.read(4) == b"PAR1"
    listed = listed_files(settings.folder / "live")
    assert sorted(listed) == sorted(seen[len(contracts.PUBLISHED) :])


def test_whoever_looks_into_a_retired_folder_finds_its_own_table_alone(settings: Settings) -> None:
    """As a view does that was about to when the folder became a link."""
    for i in range(2):
        write_marts(settings, f"run{i}", 1)
        publish_now(settings)
    for _, name in contracts.PUBLISHED:
        table = settings.folder / "live" / name
        assert len(listed_files(settings.folder / "live")) == len(contracts.PUBLISHED)
        # One star, unlike two, follows links.
        files = duckdb.execute(
            "select parse_filename(file) from glob(?)", [str(table / "*" / "*")]
        ).fetchall()
        assert files == [(f"{name}.parquet",)] * 2


def test_what_is_retired_goes_with_its_release(settings: Settings) -> None:
    for i in range(5):
        write_marts(settings, f"run{i}", 1)
        publish_now(settings)
    for _, name in contracts.PUBLISHED:
        moments = {path.name for path in (settings.folder / "live" / name).iterdir()}
        retired = {path.name for path in (settings.folder / "live" / ".retired" / name).iterdir()}
        assert len(moments) == settings.releases_kept
        assert retired == moments - {max(moments)}


def test_older_releases_are_pruned(settings: Settings) -> None:
    folders = []
    for i in range(4):
        write_marts(settings, f"run{i}", 1)
        folders.append(publish_now(settings).folder)
    kept = sorted((settings.folder / "releases").iterdir())
    assert kept == folders[-settings.releases_kept :]


def test_a_changed_mart_shows_in_the_catalog(settings: Settings) -> None:
    write_marts(settings, "run0", 1)
    publish_now(settings)
    before = (settings.folder / "serving.duckdb").stat().st_ino
    publish_now(settings)
    assert (settings.folder / "serving.duckdb").stat().st_ino == before, "no change, no new file"
    table = Table("core", "dim_services", (Column("other", pa.string()),), ("other",))
    with connect(settings.warehouse_file, read_only=False, wait_seconds=0) as connection:
        replace_tables(connection, [(table, pa.table({"other": ["x"]}))])
    publish_now(settings)
    with duckdb.connect(settings.folder / "serving.duckdb", read_only=True) as reader:
        assert reader.execute("select other from dim_services").fetchone() == ("x",)


def test_nothing_to_publish(settings: Settings) -> None:
    write_marts(settings, "run1", 0)
    with pytest.raises(InputError, match="nothing to publish: no offers yet"):
        publish_now(settings)
    assert not (settings.folder / "current").exists()


def test_a_missing_mart_leaves_the_last_release(settings: Settings) -> None:
    write_marts(settings, "run1", 2)
    first = publish_now(settings)
    with connect(settings.warehouse_file, read_only=False, wait_seconds=0) as connection:
        connection.execute("drop table core.dim_services")
    with pytest.raises(InputError, match=r"core\.dim_services does not exist"):
        publish_now(settings)
    assert (settings.folder / "current").resolve() == first.folder
    assert [p.name for p in (settings.folder / "releases").iterdir()] == [first.release_id]


def test_mixed_runs_are_not_published(settings: Settings) -> None:
    write_marts(settings, "run1", 2)
    mixed = pa.concat_tables([offers("run1", 1), offers("run2", 1)])
    with connect(settings.warehouse_file, read_only=False, wait_seconds=0) as connection:
        replace_tables(connection, [(contracts.CROSS_SELL_SCORES, mixed)])
    with pytest.raises(InputError, match="mixes the runs run1, run2"):
        publish_now(settings)


def test_a_folder_that_cannot_be_written(settings: Settings) -> None:
    write_marts(settings, "run1", 2)
    (settings.folder / "releases").write_text("in the way")
    with pytest.raises(WarehouseAccessError, match="cannot write the release"):
        publish_now(settings)


def test_a_kill_half_way_into_place_shows_nothing_of_the_new_release(settings: Settings) -> None:
    """Whatever was put in place before the score table's file, no view looks at."""
    write_marts(settings, "run0", 1)
    publish_now(settings)
    write_marts(settings, "run1", 2)
    half = publish_now(settings)
    live = settings.folder / "live"
    deciding = live / "cross_sell_scores"
    [newest] = [path for path in listed_files(live) if path.is_relative_to(deciding)]
    # As if the process had died just before this file, and the earlier one still counted.
    newest.unlink()
    newest.parent.rmdir()
    list_again(live)
    with duckdb.connect(settings.folder / "serving.duckdb", read_only=True) as reader:
        rows = reader.execute(
            "select scores.run_id, other.id from cross_sell_scores as scores "
            "cross join dim_services as other"
        ).fetchall()
    assert rows == [("run0", "run0")]
    publish_now(settings)
    assert (settings.folder / "current").resolve() > half.folder


def test_a_kill_before_current_is_mended(settings: Settings) -> None:
    """Views show the new release already: ``current`` and the history follow at the next job."""
    write_marts(settings, "run0", 1)
    first = publish_now(settings)
    write_marts(settings, "run1", 2)
    second = publish_now(settings)
    current = settings.folder / "current"
    current.unlink()
    current.symlink_to(Path("releases") / first.release_id)
    history = settings.folder / "release_history.jsonl"
    lines = history.read_text().splitlines()
    history.write_text(lines[0] + "\n" + lines[1][:20])
    switching.mend_switch(settings)
    assert current.resolve() == second.folder
    assert [event.release_id for event in read_events(settings)] == [
        first.release_id,
        second.release_id,
    ]
