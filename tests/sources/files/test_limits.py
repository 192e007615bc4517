"""How much of a partner's load may be rejected, and what becomes of one with more."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.contracts import RAW_LOADED_FILES, RAW_SERVICES, RAW_TRANSACTIONS
from ml.rejections import told_rejections
from ml.settings import Settings
from tests.commands import run_cli
from tests.sources.files.feeds import HEADER, load, rows, sale, write

SALES, MENU = "gym/transactions.csv", "gym/services.csv"


def sales(good: int, bad: int) -> str:
    lines = [sale(i) for i in range(1, good + 1)]
    lines += [sale(i, amount="$5") for i in range(good + 1, good + bad + 1)]
    return "\n".join([HEADER, *lines]) + "\n"


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    """A partner whose first load was good, and another."""
    folder = tmp_path / "landing"
    write(folder, SALES, sales(50, 0))
    write(folder, MENU, "service_id\nS1\n")
    write(folder, "bakery/transactions.csv", sales(3, 0))
    assert all(o.status == "loaded" for o in load(folder, tmp_path / "w.duckdb").values())
    return folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sales(300, 20), "20 of 320 rows of transactions rejected, more than 5%: 20 bad_number"),
        (sales(0, 3), "none of its 3 rows can be used: 3 bad_number, the first in line 2 (amount)"),
        (HEADER + "\n", "it has no rows, and had 50"),
    ],
)
def test_a_load_with_too_much_rejected_leaves_what_the_partner_had(
    content: str, words: str, landing: Path, tmp_path: Path
) -> None:
    warehouse = tmp_path / "w.duckdb"
    write(landing, SALES, content)
    write(landing, MENU, "service_id\nS2\n")
    write(landing, "bakery/transactions.csv", sales(5, 1))
    outcomes = load(landing, warehouse)
    assert outcomes[SALES].status == outcomes[MENU].status == "refused"
    assert words in str(outcomes[SALES].problem)
    assert outcomes[MENU].problem == f"held back with the rest of gym: see {SALES}"
    assert outcomes["bakery/transactions.csv"].status == "loaded"
    count = {"gym": 0, "bakery": 0}
    for row in rows(warehouse, RAW_TRANSACTIONS):
        count[row["source_partner_id"]] += 1
    assert count == {"gym": 50, "bakery": 5}
    assert [row["service_id"] for row in rows(warehouse, RAW_SERVICES)] == ["S1"]
    told = [r["error"] for r in rows(warehouse, RAW_LOADED_FILES) if r["status"] == "refused"]
    assert len(told) == 2
    # Nothing but the line that names it is needed to mend it.
    write(landing, SALES, sales(300, 0))
    assert {o.status for o in load(landing, warehouse).values()} == {"loaded", "unchanged"}


@pytest.mark.parametrize(("good", "bad", "share"), [(400, 20, 0.05), (30, 19, 0.05), (30, 30, 0.5)])
def test_so_much_may_be_rejected(
    good: int, bad: int, share: float, landing: Path, tmp_path: Path
) -> None:
    write(landing, SALES, sales(good, bad))
    outcome = load(landing, tmp_path / "w.duckdb", most_rejected_share=share)[SALES]
    assert (outcome.status, outcome.rejected) == ("loaded", bad)


def test_the_command_says_it_last_and_what_was_rejected_is_repeated(
    landing: Path, tmp_path: Path
) -> None:
    warehouse = tmp_path / "w.duckdb"
    write(landing, "bakery/transactions.csv", sales(40, 2))
    write(landing, SALES, sales(50, 30))
    result = run_cli(warehouse, "load", "files", str(landing))
    assert result.returncode == 2
    last = result.stderr.strip().splitlines()[-1]
    assert "30 of 80 rows of transactions rejected, more than 5%" in last
    assert "the partner's earlier data stay" in last
    told = told_rejections(Settings(warehouse=warehouse))
    assert told == (
        "2 of 93 delivered rows were rejected, 0 accepted with a warning (bakery transactions: "
        "2 bad_number); raw.rejected_rows and raw.loaded_files have them"
    )
