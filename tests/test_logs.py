"""JSON lines for collectors of logs, and exit codes that mean what is written of them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import ml.errors
from ml.exit_codes import EXIT_CODES
from ml.settings import PROJECT_ROOT
from tests.commands import environment, run_cli
from tests.conftest import load_world
from tests.worlds import small_world

LANDING = PROJECT_ROOT / "examples" / "landing"


def lines(text: str) -> list[dict[str, Any]]:
    """Every line must be an object with the fields that all have."""
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert line["level"] in {"info", "warning", "error", "critical"}
        assert line["event"]
        assert line["time"].endswith("Z")
        datetime.fromisoformat(line["time"])
    return found


def test_a_load_as_json(tmp_path: Path) -> None:
    result = run_cli(
        tmp_path / "warehouse.duckdb",
        *("--log-format", "json", "load", "files", str(LANDING)),
        CROSS_SELL_HASH_SECRET="a-secret-of-the-tests",
    )
    assert result.returncode == 0, result.stderr
    started, step, finished = lines(result.stderr)
    assert {line["command"] for line in (started, step, finished)} == {"load_files"}
    assert (started["event"], step["event"], finished["event"]) == ("started", "step", "finished")
    assert step["step"] == "load files"
    assert step["seconds"] > 0
    assert step["peak_memory_mib"] > 10
    assert "rows accepted" in step["outcome"]
    assert finished["exit_code"] == 0
    # What people are told of the files stays theirs, and steps are not told twice.
    assert "bakery/clients.csv" in result.stdout
    assert "✓" not in result.stdout


def test_an_error_as_json(tmp_path: Path) -> None:
    result = run_cli(tmp_path / "none.duckdb", "train", CROSS_SELL_LOG_FORMAT="json")
    assert result.returncode == 2
    found = lines(result.stderr)
    assert [line["event"] for line in found] == ["started", "step_failed", "error", "finished"]
    assert "there is no warehouse at" in found[2]["message"]
    assert found[-1]["exit_code"] == 2
    # Steps of a training know their run.
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{8}", found[1]["run_id"])


def test_text_is_what_it_was(tmp_path: Path) -> None:
    result = run_cli(tmp_path / "none.duckdb", "train")
    assert result.stderr.startswith("error: there is no warehouse at")
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_fault_of_the_program_as_json(tmp_path: Path) -> None:
    # A folder in the way of the module that the command imports.
    code = (
        "import sys; sys.modules['ml.train'] = None\n"
        "sys.argv = ['cross-sell', '--log-format', 'json', 'train']\n"
        "from ml.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        env=environment(tmp_path / "warehouse.duckdb"),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    crashed = lines(result.stderr)[-2]
    assert (crashed["event"], crashed["level"]) == ("crashed", "critical")
    assert "Traceback" in crashed["traceback"]


def test_a_terminated_job_as_json(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world())
    process = subprocess.Popen(
        [sys.executable, "-m", "ml", "--log-format", "json", "build"],
        cwd=PROJECT_ROOT,
        env=environment(warehouse),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    rest = process.stderr.read()
    assert process.wait(timeout=120) == 143
    found = lines(first + rest)
    assert [line["event"] for line in found[-2:]] == ["terminated", "finished"]
    assert found[-1]["exit_code"] == 143


def test_an_unknown_format(tmp_path: Path) -> None:
    result = run_cli(tmp_path / "warehouse.duckdb", "train", CROSS_SELL_LOG_FORMAT="xml")
    assert result.returncode == 2
    assert "xml" in result.stderr


def test_every_error_has_a_documented_code() -> None:
    errors = [
        kind
        for kind in vars(ml.errors).values()
        if isinstance(kind, type) and issubclass(kind, ml.errors.CrossSellError)
    ]
    assert {kind.exit_code for kind in errors} <= set(EXIT_CODES)


def table_of_codes(path: Path) -> dict[int, str]:
    rows = re.findall(r"^\| ([\d, ]+) \| (.+?) \|", path.read_text(), re.MULTILINE)
    return {int(code): meaning for codes, meaning in rows for code in codes.split(",")}


@pytest.mark.parametrize("name", ["README.md", "docs/runbook.md"])
def test_the_documents_tell_the_codes(name: str) -> None:
    assert set(table_of_codes(PROJECT_ROOT / name)) == set(EXIT_CODES)


def test_the_help_tells_the_codes() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ml", "--help"],
        cwd=PROJECT_ROOT,
        env=environment(Path("unused.duckdb")),
        capture_output=True,
        text=True,
    )
    for code, meaning in EXIT_CODES.items():
        assert f"{code}: {meaning[:30]}" in result.stdout
