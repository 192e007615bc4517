"""Vars that nobody reads are refused; a run keeps those that it was measured with."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from ml.contracts import BUILD_VARS, Columns, arrow_table
from ml.errors import InputError
from ml.measured_with import VARS, measured_otherwise, vars_of
from ml.project_vars import KNOWN_VARS_FILE, PROJECT_FILE, check_vars, known_vars
from ml.transform import DBT_PROJECT
from tests.commands import run_dbt


def test_the_list_of_vars_is_that_of_the_project() -> None:
    content = yaml.safe_load((DBT_PROJECT / PROJECT_FILE).read_text())
    assert known_vars(DBT_PROJECT) == set(content["vars"])


def test_every_var_is_read_somewhere() -> None:
    """By the models, their YAML or a macro other than the list."""
    read: set[str] = set()
    for pattern in ("models/**/*.sql", "models/**/*.yml", "macros/*.sql", "tests/**/*.sql"):
        for path in DBT_PROJECT.glob(pattern):
            read.update(re.findall(r"var\(\s*['\"](\w+)['\"]", path.read_text()))
    assert not known_vars(DBT_PROJECT) - read


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("horizon_dais", "there is no var 'horizon_dais': did you mean horizon_days? Correct"),
        ("zzz", "there is no var 'zzz'. Correct the name, or remove it"),
    ],
)
def test_a_var_of_the_file_that_nobody_reads(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "macros").mkdir()
    (tmp_path / KNOWN_VARS_FILE).write_text((DBT_PROJECT / KNOWN_VARS_FILE).read_text())
    (tmp_path / PROJECT_FILE).write_text(f"vars:\n  horizon_days: 30\n  {name}: 1\n")
    with pytest.raises(InputError, match=re.escape(words)):
        check_vars(tmp_path)


def test_a_misspelt_var_stops_dbt_itself(built_copy: Path) -> None:
    result = run_dbt(built_copy, "run", "-s", "training_windows", "--vars", "{horizondays: 7}")
    assert result.returncode != 0
    assert "There is no var 'horizondays': did you mean 'horizon_days'?" in result.stdout


def _run(**values: object) -> dict[str, object]:
    rows = {
        Columns.VAR_NAME: list(values),
        Columns.VALUE_JSON: [json.dumps(value) for value in values.values()],
        Columns.CHANGES_MEASURES: [name != "currency" for name in values],
    }
    settings = {"seed": 7, VARS: vars_of(arrow_table(BUILD_VARS, rows))}
    return {Columns.SETTINGS_JSON: json.dumps(settings)}


def test_runs_differ_in_what_changes_measures() -> None:
    run = _run(horizon_days=14, excluded_partners=["FUEL"], currency="EUR")
    other = _run(horizon_days=30, excluded_partners=["FUEL"], currency="USD")
    assert measured_otherwise(run, run) == ""
    assert measured_otherwise(run, other) == "horizon_days is 14, was 30"
    assert measured_otherwise(run, {Columns.SETTINGS_JSON: "{}"}) == "", "of an earlier version"
