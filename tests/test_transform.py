"""What a person reads when dbt fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from ml.progress import Progress
from ml.settings import Settings
from ml.transform import MEMORY_VARIABLE, TEMP_VARIABLE, remedy, run_dbt
from ml.warehouse import connect
from tests.commands import run_cli

DUPLICATES = ("test", "-s", "source:cross_sell.raw.transactions")


@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (
            "Runtime Error\n  Out of Memory Error: failed to pin block of size 256.0 KiB",
            MEMORY_VARIABLE,
        ),
        (
            "Out of Memory Error: failed to offload data block. This limit was set by "
            "the 'max_temp_directory_size' setting.",
            TEMP_VARIABLE,
        ),
        ("IO Error: Could not write file: No space left on device", TEMP_VARIABLE),
    ],
)
def test_a_shortage_names_the_setting_that_ends_it(words: str, variable: str) -> None:
    assert variable in (remedy(["1 of 9 ERROR", words]) or "")


def test_other_errors_have_no_such_remedy() -> None:
    assert remedy(["Failure in test unique_dim_clients_client_id", "Got 1 result"]) is None


def test_too_little_memory_is_one_line_with_the_setting(built_copy: Path) -> None:
    result = run_cli(built_copy, "build", "--selector", "learning", CROSS_SELL_MEMORY_LIMIT="4MB")
    assert result.returncode == 5, result.stdout + result.stderr
    assert MEMORY_VARIABLE in result.stderr
    assert "Traceback" not in result.stderr


def test_a_test_that_warns_is_told_once_with_its_rows_and_how_to_see_them(built_copy: Path) -> None:
    """Sales that come twice."""
    with connect(built_copy, read_only=False, wait_seconds=20) as connection:
        connection.execute(
            "insert into raw.transactions by name select * from raw.transactions limit 3"
        )
    with Progress(Console(quiet=True)).step("test") as step:
        told = run_dbt(
            Settings(warehouse=built_copy),
            ["test", "-s", "source:cross_sell.raw.transactions"],
            step,
        ).warnings
    assert len(told) == len(set(told)) > 0
    assert all("rows;" in line and "dbt show" in line for line in told), told
