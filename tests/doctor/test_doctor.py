"""Broken installations, each broken for real, and what the doctor says of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.doctor.configuration import check_settings
from ml.doctor.examine import examine_data
from ml.doctor.finding import Finding, Health
from ml.doctor.installation import check_installation
from ml.doctor.show import is_well
from ml.settings import PROJECT_ROOT, Settings
from tests.commands import environment, run_cli


def settings_of(warehouse: Path) -> Settings:
    return Settings(warehouse=warehouse, lock_wait_seconds=0.3)


def only(findings: list[Finding], area: str, check: str) -> Finding:
    [found] = [f for f in findings if (f.area, f.check) == (area, check)]
    return found


def change(warehouse: Path, sql: str) -> None:
    with duckdb.connect(warehouse) as connection:
        connection.execute(sql)


def test_a_healthy_installation(trained_copy: Path) -> None:
    # A copied folder, made a place of its own.
    assert run_cli(trained_copy, "releases", "--relocate").returncode == 0
    findings = list(examine_data(settings_of(trained_copy)))
    assert {f.health for f in findings} == {Health.OK}, findings
    result = run_cli(trained_copy, "doctor", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    content = json.loads(result.stdout)
    assert content["is_well"] is True
    assert {f["area"] for f in content["findings"]} == {
        "installation", "settings", "storage", "warehouse", "runs", "releases"
    }  # fmt: skip


def remove_warehouse(warehouse: Path) -> None:
    warehouse.unlink()


def folder_for_warehouse(warehouse: Path) -> None:
    warehouse.unlink()
    warehouse.mkdir()


def garbage_in_warehouse(warehouse: Path) -> None:
    with warehouse.open("rb+") as file:
        file.write(os.urandom(16_384))


def cut_warehouse(warehouse: Path) -> None:
    os.truncate(warehouse, 6_000)


def no_current_link(warehouse: Path) -> None:
    (warehouse.parent / "current").unlink()


def dangling_current_link(warehouse: Path) -> None:
    shutil.rmtree((warehouse.parent / "current").resolve())


def lost_release_file(warehouse: Path) -> None:
    (warehouse.parent / "current" / "owned_services.parquet").unlink()


def cut_release_file(warehouse: Path) -> None:
    os.truncate(warehouse.parent / "current" / "cross_sell_scores.parquet", 100)


def garbage_in_manifest(warehouse: Path) -> None:
    (warehouse.parent / "current" / "manifest.json").write_text("{")


def garbage_in_catalog(warehouse: Path) -> None:
    (warehouse.parent / "serving.duckdb").write_bytes(os.urandom(8192))


def no_catalog(warehouse: Path) -> None:
    (warehouse.parent / "serving.duckdb").unlink()


def left_by_a_killed_publish(warehouse: Path) -> None:
    folder = warehouse.parent / "releases" / ".unfinished-x"
    folder.mkdir()
    os.utime(folder, (0, 0))


def personal_fields_in_a_release(warehouse: Path) -> None:
    path = warehouse.parent / "current" / "dim_clients.parquet"
    table = pq.read_table(path)
    path.unlink()
    pq.write_table(table.append_column("birth_year", pa.array([1970] * len(table))), path)


def sql(statement: str) -> Callable[[Path], None]:
    return lambda warehouse: change(warehouse, statement)


FAIL, WARN = Health.FAIL, Health.WARN
BREAKS = {
    "no warehouse": (remove_warehouse, "warehouse", "file", FAIL, "there is none", "make train"),
    "a folder": (folder_for_warehouse, "warehouse", "file", FAIL, "is a folder", "_WAREHOUSE"),
    "garbage": (garbage_in_warehouse, "warehouse", "opening", FAIL, "cannot open", "restore"),
    "cut short": (cut_warehouse, "warehouse", "opening", FAIL, "cannot open", "restore"),
    "no raw table": (
        sql("drop table raw.transactions cascade"),
        "warehouse", "raw tables", FAIL, "raw.transactions is missing", "cross-sell load",
    ),
    "empty raw table": (
        sql("delete from raw.transactions"),
        "warehouse", "raw tables", FAIL, "no transactions", "cross-sell load",
    ),
    "wrong type": (
        sql("alter table raw.services alter typical_price type varchar"),
        "warehouse", "raw tables", FAIL, "raw.services.typical_price is varchar", "raw_contract.md",
    ),
    "no column": (
        sql("alter table raw.partners drop partner_name"),
        "warehouse", "raw tables", FAIL, "no column partner_name", "raw_contract.md",
    ),
    "ml table": (
        sql("alter table ml.run_steps drop seconds"),
        "warehouse", "ml tables", FAIL, "ml.run_steps has no column seconds", "_ml__models.yml",
    ),
    "no mart": (
        sql("drop table learning.labels cascade"),
        "warehouse", "marts", WARN, "learning.labels", "cross-sell build",
    ),
    "stale offers": (
        sql("update ml.runs set finished_at = finished_at - interval 400 days"),
        "runs", "age of offers", WARN, "400.", "cross-sell run",
    ),
    "rejected run": (
        sql("update ml.runs set status = 'rejected'"),
        "runs", "last run", WARN, "rejected", "train again",
    ),
    "no run": (sql("delete from ml.runs"), "runs", "last run", WARN, "nothing", "cross-sell run"),
    "newer run": (
        sql("insert into ml.runs select * replace ('29990101T000000-x' as run_id,"
            " finished_at + interval 1 hour as finished_at) from ml.runs"),
        "releases", "current", WARN, "the latest run is 29990101T000000-x", "cross-sell publish",
    ),
    "no link": (no_current_link, "releases", "current", FAIL, "is missing", "publish"),
    "dangling link": (dangling_current_link, "releases", "current", FAIL, "is gone", "publish"),
    "lost file": (
        lost_release_file, "releases", "files", FAIL, "owned_services.parquet is missing", "publish"
    ),
    "cut file": (cut_release_file, "releases", "files", FAIL, "cannot be read", "publish"),
    "no manifest": (garbage_in_manifest, "releases", "current", FAIL, "manifest.json", "publish"),
    "bad catalog": (garbage_in_catalog, "releases", "serving", FAIL, "cannot open", "publish"),
    "personal fields": (
        personal_fields_in_a_release, "releases", "personal fields", WARN, "birth_year", "publish"
    ),
    "no catalog": (no_catalog, "releases", "serving", FAIL, "is missing", "publish"),
    "leftovers": (
        left_by_a_killed_publish, "storage", "leftovers", WARN, ".unfinished-x", "delete"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS)
def test_what_is_broken_is_named_with_its_remedy(trained_copy: Path, case: str) -> None:
    break_it, area, check, health, found, remedy = BREAKS[case]
    break_it(trained_copy)
    findings = list(examine_data(settings_of(trained_copy)))
    finding = only(findings, area, check)
    assert finding.health == health
    assert found in finding.found
    assert remedy in finding.remedy
    assert is_well(findings) == (health is Health.WARN)


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "r")
print(flush=True)
input()
"""


@pytest.fixture
def hold() -> Iterator[Callable[[Path, str], int]]:
    """Open a warehouse in a process of its own, 'r' or 'w'; its id."""
    processes = []

    def start(path: Path, mode: str) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()
        processes.append(process)
        return process.pid

    yield start
    for process in processes:
        process.communicate(b"\n")


def test_who_holds_the_warehouse(trained_copy: Path, hold: Callable[[Path, str], int]) -> None:
    process_id = hold(trained_copy, "w")
    start = time.monotonic()
    findings = list(examine_data(settings_of(trained_copy)))
    assert time.monotonic() - start < 10
    finding = only(findings, "warehouse", "lock")
    assert finding.health == Health.FAIL
    assert f"(process {process_id})" in finding.found
    # Readers are looked at all the same: theirs is a copied folder, and says so.
    serving = only(findings, "releases", "serving")
    assert serving.health == Health.WARN
    assert "was made for another folder" in serving.found


def test_a_reader_of_the_warehouse_is_told(
    trained_copy: Path, hold: Callable[[Path, str], int]
) -> None:
    process_id = hold(trained_copy, "r")
    findings = list(examine_data(settings_of(trained_copy)))
    finding = only(findings, "warehouse", "lock")
    assert finding.health == Health.WARN
    assert "read by python" in finding.found
    assert f"(process {process_id})" in finding.found
    assert only(findings, "warehouse", "raw tables").health == Health.OK


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder nobody can write")
def test_a_folder_that_cannot_be_written() -> None:
    findings = list(examine_data(settings_of(Path("/proc/cross-sell/w.duckdb"))))
    finding = only(findings, "storage", "warehouse folder")
    assert finding.health == Health.FAIL
    assert "/proc cannot be written" in finding.found
    assert "CROSS_SELL_WAREHOUSE" in finding.remedy


def test_little_disk(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(small)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs more rights")
    try:
        findings = list(examine_data(settings_of(small / "warehouse.duckdb")))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    finding = only(findings, "storage", "disk space")
    assert finding.health == Health.FAIL
    assert "8 MiB free" in finding.found


@pytest.mark.parametrize(
    ("name", "version", "health", "words"),
    [
        ("duckdb", "1.1.0", Health.FAIL, "duckdb is 1.1.0, needed"),
        ("rich", "14.9.9", Health.WARN, "rich is 14.9.9, pinned"),
    ],
)
def test_another_version_of_a_package(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    version: str,
    health: str,
    words: str,
) -> None:
    info = tmp_path / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = next(f for f in check_installation() if f.check == "packages")
    assert finding.health == health
    assert words in finding.found
    assert "make setup" in finding.remedy


def test_a_dbt_project_that_does_not_parse(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("target", "logs", "warehouse")
    shutil.copytree(PROJECT_ROOT / "dbt_project", tmp_path / "dbt_project", ignore=ignored)
    shutil.copy(PROJECT_ROOT / "profiles.yml", tmp_path)
    model = tmp_path / "dbt_project" / "models" / "marts" / "core" / "dim_partners.sql"
    model.write_text("select {{ ref('nothing') }")
    # A parse of before the change says nothing of it.
    kept = tmp_path / "dbt_project" / "target" / "partial_parse.msgpack"
    kept.parent.mkdir()
    kept.touch()
    os.utime(kept, (0, 0))
    finding = list(check_installation(tmp_path))[-1]
    assert (finding.check, finding.health) == ("dbt project", Health.FAIL)
    assert "dim_partners" in finding.found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed = ", "cannot be read"),
        ("seed = -1", "setting 'seed'"),
        ("sede = 1", "setting 'sede'"),
    ],
)
def test_a_settings_file_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    file = tmp_path / "cross_sell.toml"
    file.write_text(text)
    monkeypatch.setitem(Settings.model_config, "toml_file", file)
    settings, [finding] = check_settings(None)
    assert settings is None
    assert finding.health == Health.FAIL
    assert words in finding.found


def test_variables_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSS_SELL_NCF__DROPOUT", "0.3")
    monkeypatch.setenv("CROSS_SELL_HASH_SECRET", "short")
    settings, findings = check_settings(None)
    assert settings is not None
    assert only(findings, "settings", "environment").health == Health.OK
    secret = only(findings, "settings", "hash secret")
    assert secret.health == Health.WARN
    assert "short to be used" in secret.found
    monkeypatch.setenv("CROSS_SELL_SEDE", "7")
    settings, [finding] = check_settings(None)
    assert settings is None
    assert finding.health == Health.FAIL
    assert "nobody reads the variable CROSS_SELL_SEDE: did you mean CROSS_SELL_SEED?" in (
        finding.found
    )


def test_a_torch_that_cannot_be_loaded(trained_world: Path, tmp_path: Path) -> None:
    """Its compiled part is gone, as after an installation that ended half-way."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('libtorch.so: lost')")
    path = os.pathsep.join([str(tmp_path), str(PROJECT_ROOT)])
    result = subprocess.run(
        [sys.executable, "-m", "ml", "doctor"],
        cwd=PROJECT_ROOT,
        env=environment(trained_world, PYTHONPATH=path),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "cannot be loaded: " in result.stdout
    assert "libtorch.so: cannot open" in result.stdout
    assert "Traceback" not in result.stderr


def test_the_doctor_changes_nothing(trained_copy: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
            for path in trained_copy.parent.rglob("*")
        }

    before = state()
    list(examine_data(settings_of(trained_copy)))
    assert state() == before
