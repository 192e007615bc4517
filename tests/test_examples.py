"""The examples of docs/runbook.md do what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ml.contracts import CROSS_SELL_SCORES
from ml.settings import PROJECT_ROOT
from ml.warehouse import connect, count_rows
from tests.commands import environment
from tests.conftest import load_world
from tests.worlds import small_world

CRONTAB = PROJECT_ROOT / "examples" / "cron" / "crontab"
DAGSTER = PROJECT_ROOT / "examples" / "dagster"
DAGSTER_PYTHON = DAGSTER / ".venv" / "bin" / "python"

MATERIALIZE = """
import sys
sys.path.insert(0, sys.argv[1])
from definitions import defs
result = defs.resolve_job_def("whole_job").execute_in_process(raise_on_error=True)
print("assets", len(result.get_asset_materialization_events()))
"""


def test_the_lines_of_the_crontab_are_commands() -> None:
    lines = [
        line
        for line in CRONTAB.read_text().splitlines()
        if line and not line.startswith("#") and not re.match(r"\w+=", line)
    ]
    assert len(lines) == 3
    for line in lines:
        # Five fields of time, then the command, in which cron reads \\% as %.
        command = line.split(maxsplit=5)[5].replace("\\%", "%")
        assert subprocess.run(["bash", "-n", "-c", command]).returncode == 0, command
    assert "flock -n" in lines[0]


@pytest.mark.skipif(
    not DAGSTER_PYTHON.exists(), reason="Dagster is set up by 'make dagster', not by 'make test'"
)
def test_dagster_runs_the_whole_job(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world())
    result = subprocess.run(
        [str(DAGSTER_PYTHON), "-c", MATERIALIZE, str(DAGSTER)],
        cwd=tmp_path,
        env=environment(
            warehouse,
            DAGSTER_HOME=str(tmp_path),
            DAGSTER_IS_DEV_CLI="1",
            DBT_TARGET_PATH=str(tmp_path / "target"),
            DBT_WRITE_JSON="true",
            CROSS_SELL_MODELS='["popularity", "ease"]',
        ),
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assets = int(result.stdout.rsplit("assets", 1)[1])
    assert assets > 90, "every model of dbt is an asset"
    assert (tmp_path / "current" / "cross_sell_scores.parquet").exists()
    with connect(warehouse, read_only=True, wait_seconds=5) as connection:
        assert count_rows(connection, CROSS_SELL_SCORES) > 0
