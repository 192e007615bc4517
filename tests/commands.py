"""Run the real commands: ``cross-sell`` and dbt, each as a process of its own."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from ml.settings import PROJECT_ROOT
from ml.warehouse import connect

# Of this process of the test run: what dbt keeps beside the project.
DBT_FOLDER: Final = Path(tempfile.gettempdir()) / f"cross-sell-tests-{os.getpid()}"
TIMEOUT_SECONDS: Final = 600


def environment(warehouse: Path, **extra: str) -> dict[str, str]:
    """Of a command under test: its own warehouse, few and quick epochs."""
    return {
        **os.environ,
        "CROSS_SELL_WAREHOUSE": str(warehouse),
        "CROSS_SELL_LOCK_WAIT_SECONDS": "20",
        "CROSS_SELL_BOOTSTRAP_SAMPLES": "100",
        "CROSS_SELL_PUBLISH_LEAD_SECONDS": "0.2",
        "COLUMNS": "160",
        "NO_COLOR": "1",
        **extra,
    }


def dbt_variables() -> dict[str, str]:
    """Options of every dbt command of a test run, whoever starts it."""
    return {
        # They say nothing of a test's data, and are a fifth of the nodes: one test runs them.
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",
        # Of a part that is built, the tests that need no more than it.
        "DBT_INDIRECT_SELECTION": "cautious",
        # One folder for the process: dbt parses the project once, then knows it.
        "DBT_TARGET_PATH": str(target_path()),
        "DBT_LOG_PATH": str(DBT_FOLDER / "logs"),
        "DBT_LOG_LEVEL_FILE": "none",
        # Only what reads dbt's artifacts writes them: a second per command.
        "DBT_WRITE_JSON": "false",
    }


def target_path(arguments: Sequence[str] = (), project: Path = PROJECT_ROOT) -> Path:
    """Where dbt keeps its parse: vars and project are part of it, so each has a folder."""
    given = [value for option, value in itertools.pairwise(arguments) if option == "--vars"]
    key = hashlib.sha256(json.dumps([str(project), given]).encode()).hexdigest()[:8]
    return DBT_FOLDER / ("target" if not given and project == PROJECT_ROOT else f"target-{key}")


def run_cli(warehouse: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m ml`` as a process of its own."""
    return _run("ml", arguments, PROJECT_ROOT, environment(warehouse, **extra))


def dbt_command(*arguments: str, project: Path = PROJECT_ROOT) -> list[str]:
    """A dbt command as it is typed in any folder."""
    options = ["--project-dir", str(project / "dbt_project"), "--profiles-dir", str(project)]
    return [str(Path(sys.executable).with_name("dbt")), *arguments, *options]


def run_dbt(
    warehouse: Path, *arguments: str, project: Path = PROJECT_ROOT, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run dbt on a warehouse, from its folder: the path is the same for all, and so the parse."""
    extra = {"DBT_TARGET_PATH": str(target_path(arguments, project)), **extra}
    return _run(
        "dbt",
        dbt_command(*arguments, project=project)[1:],
        warehouse.parent,
        environment(Path(warehouse.name), **extra),
    )


_compiled: dict[str, str] = {}


def failing_rows(warehouse: Path, test: str) -> list[dict[str, Any]]:
    """What one of the project's own tests finds, by the SQL that dbt compiles, once, of it."""
    if test not in _compiled:
        result = run_dbt(warehouse, "compile", "-s", test)
        assert result.returncode == 0, result.stdout
        [path] = (target_path() / "compiled").rglob(f"{test}.sql")
        _compiled[test] = path.read_text()
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        found: list[dict[str, Any]] = connection.sql(_compiled[test]).to_arrow_table().to_pylist()
        return found


@cache
def _server() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("warm_server.py"))],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _run(
    program: str, arguments: Sequence[str], folder: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, forked from a process that has its slow imports done."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory(dir=DBT_FOLDER) as told:
        out, err = Path(told) / "out", Path(told) / "err"
        request = {
            "program": program,
            "arguments": arguments,
            "folder": str(folder),
            "environment": variables,
            "stdout": str(out),
            "stderr": str(err),
            "timeout": TIMEOUT_SECONDS,
        }
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        code = json.loads(server.stdout.readline())
        return subprocess.CompletedProcess(
            [program, *arguments], code, out.read_text(), err.read_text()
        )
