"""dbt parses the project once: jobs, other warehouses and other folders take up what it kept."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ml.settings import PROJECT_ROOT
from tests.commands import run_cli, run_dbt

# In dbt's own words.
PARSED_ANEW = "Unable to do partial parsing because saved manifest not found"
TAKEN_UP = "Partial parsing enabled: 0 files deleted, 0 files added, 0 files changed."


@pytest.fixture
def warehouses(tmp_path: Path) -> list[Path]:
    """Three without raw tables, so that a build ends once it has parsed."""
    found = [tmp_path / name / "warehouse.duckdb" for name in ("first", "second", "third")]
    for warehouse in found:
        warehouse.parent.mkdir()
        duckdb.connect(warehouse).close()
    return found


def test_a_parse_is_taken_up_by_the_next_command(warehouses: list[Path], tmp_path: Path) -> None:
    log = tmp_path / "logs" / "dbt.log"
    variables = {
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(log.parent),
        "DBT_LOG_LEVEL_FILE": "debug",
    }

    def told(program: str, warehouse: Path) -> str:
        log.unlink(missing_ok=True)
        if program == "cross-sell":
            result = run_cli(warehouse, "build", **variables)
        else:
            result = run_dbt(warehouse, "build", project=PROJECT_ROOT, **variables)
        assert "raw.transactions is missing" in result.stdout + result.stderr
        return log.read_text()

    assert PARSED_ANEW in told("cross-sell", warehouses[0])
    for program, warehouse in (
        ("cross-sell", warehouses[0]), ("cross-sell", warehouses[1]), ("dbt", warehouses[2]),
    ):  # fmt: skip
        assert TAKEN_UP in told(program, warehouse), program
