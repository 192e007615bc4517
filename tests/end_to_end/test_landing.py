"""The whole job on the example landing folder, and the ledger's test on what it left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ml.settings import PROJECT_ROOT
from ml.warehouse import connect
from tests.commands import failing_rows, run_cli, run_dbt
from tests.conftest import made_once
from tests.sources.files.feeds import SECRET, write

LEDGER_TEST = "assert_files_are_accounted_for"


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse after the whole job on the example and on a file that cannot be read."""

    def run(folder: Path) -> None:
        landing, warehouse = folder / "landing", folder / "warehouse.duckdb"
        shutil.copytree(PROJECT_ROOT / "examples" / "landing", landing)
        write(landing, "fitness/transactions_2.csv.gz", b"\x1f\x8b cut off")
        result = run_cli(
            warehouse,
            *("run", "--data", str(landing)),
            CROSS_SELL_HASH_SECRET=SECRET,
            CROSS_SELL_NCF__MAX_EPOCHS="3",
        )
        assert result.returncode == 2, result.stdout[-4000:] + result.stderr[-4000:]
        assert "fitness/transactions_2.csv.gz: its gzip is damaged" in result.stderr
        assert "the run is complete without them" in result.stderr
        assert "offers are published" in result.stdout

    return made_once(tmp_path_factory, "landed", run) / "warehouse.duckdb"


def query(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=5) as connection:
        found: list[tuple[object, ...]] = connection.execute(sql).fetchall()
        return found


def test_both_partners_clients_get_offers_of_both(landed: Path) -> None:
    offers = query(
        landed,
        "select split_part(client_id, ':', 1) as client_of, partner_id, count(*) > 0 "
        "from cross_sell.cross_sell_scores group by all",
    )
    pairs = {(client_of, partner) for client_of, partner, _ in offers}
    assert pairs == {(a, b) for a in ("bakery", "fitness") for b in ("bakery", "fitness")}


def test_attributes_of_a_file_become_features(landed: Path) -> None:
    [(rows,)] = query(landed, "select count(*) from raw.service_attributes")
    assert rows == 10
    features = query(
        landed,
        "select distinct feature from learning.service_features "
        "where feature like 'attribute%' order by all",
    )
    assert features == [("attribute_minutes=45",), ("attribute_minutes=90",)]


def test_rejected_rows_say_what_was_wrong(landed: Path) -> None:
    rows = query(landed, "select reason, original_text from raw.rejected_rows order by line_number")
    assert rows == [
        ("bad_number", "T90001,00001,B01,1,$3.50,2025-06-02T10:00:00Z"),
        ("bad_timestamp", "T90002,00002,B01,1,3.50,2025-06-31T10:00:00Z"),
        ("wrong_field_count", "T90003,00003"),
    ]


@pytest.mark.parametrize(
    "tampering",
    [
        "update raw.loaded_files set read_count = read_count + 1 where entity = 'reviews'",
        "delete from raw.transactions where transaction_id = 'T00007'",
        "insert into raw.transactions from raw.transactions limit 1",
        "delete from raw.rejected_rows where line_number = 1240",
        "delete from raw.loaded_files where entity = 'services' and partner_id = 'fitness'",
        "update raw.loaded_files set is_current = true where status = 'refused'",
        "update raw.web_events set source_file = 'elsewhere' where event_id = 'W1'",
    ],
)
def test_the_ledgers_test_finds_what_does_not_add_up(
    landed: Path, tmp_path: Path, tampering: str
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(landed, warehouse)
    with connect(warehouse, read_only=False, wait_seconds=5) as connection:
        [(changed,)] = connection.execute(tampering).fetchall()
    assert changed > 0
    assert 1 <= len(failing_rows(warehouse, LEDGER_TEST)) <= 2


def test_the_ledgers_test_passes_on_what_was_loaded(landed: Path) -> None:
    result = run_dbt(landed, "test", "--select", LEDGER_TEST)
    assert result.returncode == 0, result.stdout[-2000:]
