"""A client that is forgotten is nowhere, and stays so."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from ml import contracts
from ml.backtest.cycle import BACKTEST_LOCK
from ml.contracts import Columns
from ml.errors import InputError, WarehouseBusyError
from ml.forget.forget import Found, find_person, forget
from ml.forget.gate import close_gate
from ml.loading import load_source
from ml.progress import Progress
from ml.settings import Settings
from ml.sources.simulated.load import load_world as load_simulated_world
from ml.sources.simulated.settings import WorldSettings
from ml.warehouse import connect
from ml.warehouse.forgetting import erase_clients, records_of
from tests.commands import run_cli, run_dbt
from tests.conftest import load_world, made_once
from tests.sources.files.feeds import HEADER, SECRET, load, rows, sale, write
from tests.worlds import small_world, with_rows

CLIENT = "C001"
NOW = datetime(2026, 1, 1)


def quiet() -> Progress:
    return Progress(Console(quiet=True))


def query(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(warehouse, read_only=True) as connection:
        found: list[tuple[object, ...]] = connection.execute(sql).fetchall()
        return found


def places(warehouse: Path, client_id: str) -> list[str]:
    """Text columns of any table in which an id stands, read one by one."""
    columns = query(
        warehouse,
        "select table_schema, table_name, column_name from information_schema.columns "
        "inner join information_schema.tables using (table_catalog, table_schema, table_name) "
        "where data_type = 'VARCHAR' and table_type = 'BASE TABLE'",
    )
    return [
        f"{schema}.{table}.{column}"
        for schema, table, column in columns
        if query(
            warehouse,
            f'select 1 from "{schema}"."{table}" where "{column}" = \'{client_id}\' limit 1',
        )
    ]


def offers(warehouse: Path) -> dict[tuple[str, str], float]:
    table = pq.read_table(warehouse.parent / "current" / "cross_sell_scores.parquet")
    names = (Columns.CLIENT_ID, Columns.SERVICE_ID, Columns.PROBABILITY)
    return {(c, s): p for c, s, p in zip(*(table[n].to_pylist() for n in names), strict=True)}


@pytest.fixture(scope="module")
def before_and_after(
    trained_world: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The small world, and the same one without a client; treat as read-only."""

    def forget_client(folder: Path) -> None:
        shutil.copytree(trained_world.parent, folder, symlinks=True, dirs_exist_ok=True)
        _forget_twice(folder / trained_world.name)

    forgotten = made_once(tmp_path_factory, "forgotten", forget_client)
    return trained_world, forgotten / trained_world.name


def _forget_twice(warehouse: Path) -> None:
    folder = warehouse.parent
    # As when dbt cannot finish: the raw tables are free of the client, readers keep what they have.
    result = run_cli(warehouse, "forget", CLIENT, "--yes", DBT_EXCLUDE_RESOURCE_TYPES="nonsense")
    assert result.returncode == 5, result.stdout + result.stderr
    assert result.stderr.startswith("error: dbt build failed")
    assert places(warehouse, CLIENT) == []
    assert (folder / "current" / "cross_sell_scores.parquet").exists()
    # A backtest that was killed left a copy of the raw tables.
    (folder / "backtest").mkdir()
    (folder / "backtest" / "warehouse.duckdb").write_text(CLIENT)
    again = run_cli(warehouse, "forget", CLIENT, "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "It was erased before" in again.stdout
    assert "a killed backtest had left" in again.stdout


def test_nothing_is_left_in_any_table(before_and_after: tuple[Path, Path]) -> None:
    before, after = before_and_after
    assert len(places(before, CLIENT)) > 10
    assert places(after, CLIENT) == []


def test_no_byte_is_left_in_any_file(before_and_after: tuple[Path, Path]) -> None:
    before, after = before_and_after
    assert CLIENT.encode() in before.read_bytes(), "the test could not fail"
    for path in after.parent.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            assert CLIENT.encode() not in path.read_bytes(), path
        elif path.is_file():
            for column in pq.read_table(path).columns:
                assert CLIENT not in column.to_pylist(), path


def test_readers_have_everybody_else(before_and_after: tuple[Path, Path]) -> None:
    before, after = before_and_after
    expected = {pair: p for pair, p in offers(before).items() if pair[0] != CLIENT}
    assert expected != offers(before)
    assert offers(after) == expected
    assert len(list((after.parent / "releases").iterdir())) == 1
    with duckdb.connect(after.parent / "serving.duckdb", read_only=True) as connection:
        shown = connection.execute("select client_id, service_id from cross_sell_scores").fetchall()
    assert set(shown) == set(expected)


def test_models_and_reports_are_gone(before_and_after: tuple[Path, Path]) -> None:
    before, after = before_and_after
    for name in ("models", "reports"):
        assert list((before.parent / name).iterdir())
        assert not list((after.parent / name).iterdir())


def test_the_installation_is_well_afterwards(before_and_after: tuple[Path, Path]) -> None:
    result = run_cli(before_and_after[1], "doctor", "--json")
    assert result.returncode == 0, result.stdout
    assert json.loads(result.stdout)["is_well"] is True


def test_the_list_names_nobody(before_and_after: tuple[Path, Path]) -> None:
    found = query(before_and_after[1], "select client_hash, hash_salt from raw.forgotten_clients")
    [(client_hash, salt)] = found
    assert CLIENT not in f"{client_hash}{salt}"
    assert len(str(client_hash)) == 64
    assert len(str(salt)) == 32


def test_rows_that_a_job_of_ones_own_brings_again(
    before_and_after: tuple[Path, Path], tmp_path: Path
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(before_and_after[1], warehouse)
    with duckdb.connect(warehouse) as connection:
        connection.execute(
            "insert into raw.clients (client_id, loaded_at) values ('C001', now()::timestamp);"
            "insert into ml.scores select * replace ('C001' as client_id) from ml.scores "
            "where client_id = 'C002'"
        )
    # dbt alone says so ...
    selection = ("-s", "+client_identities", "assert_forgotten_clients_stay_out")
    result = run_dbt(warehouse, "build", *selection)
    assert result.returncode != 0
    assert "assert_forgotten_clients_stay_out" in result.stdout
    # ... and the project's build takes them out before dbt begins.
    close_gate(Settings(warehouse=warehouse), quiet())
    for table in ("raw.clients", "ml.scores"):
        assert not query(warehouse, f"select 1 from {table} where client_id = 'C001'")


def test_files_that_bring_a_forgotten_client(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    lines = [HEADER, *(sale(i) for i in range(1, 40)), sale(40, amount="much", client_id="003")]
    write(landing, "dairy/transactions.csv", "\n".join(lines) + "\n")
    write(landing, "bakery/transactions.csv", "\n".join(lines) + "\n")
    load(landing, warehouse)
    with connect(warehouse, read_only=False, wait_seconds=5) as connection:
        assert records_of(connection, "dairy:003") == ["dairy:003"]
        erased = erase_clients(connection, ["dairy:003"], NOW)
    count = sum(i % 7 == 3 for i in range(1, 40))
    assert erased.rows["raw.transactions"] == count
    assert erased.rows["raw.rejected_rows (texts)"] == 1

    def check(total: int, gone: int) -> None:
        sales = rows(warehouse, contracts.RAW_TRANSACTIONS)
        of_partner = [r for r in sales if r[Columns.SOURCE_PARTNER_ID] == "dairy"]
        assert "003" not in {r[Columns.CLIENT_ID] for r in of_partner}
        # The same id at another partner is somebody else.
        others = [r for r in sales if r[Columns.SOURCE_PARTNER_ID] == "bakery"]
        assert "003" in {r[Columns.CLIENT_ID] for r in others}
        current = {
            r[Columns.SOURCE_FILE]: r
            for r in rows(warehouse, contracts.RAW_LOADED_FILES)
            if r[Columns.IS_CURRENT]
        }["dairy/transactions.csv"]
        rejected = [
            r
            for r in rows(warehouse, contracts.RAW_REJECTED_ROWS)
            if r[Columns.SOURCE_FILE] == "dairy/transactions.csv"
        ]
        assert current[Columns.READ_COUNT] == total
        assert current[Columns.ACCEPTED_COUNT] == len(of_partner)
        assert current[Columns.REJECTED_COUNT] == len(rejected) == total - len(of_partner)
        assert sum(r[Columns.REASON] == "forgotten" for r in rejected) == gone
        assert {r[Columns.ORIGINAL_TEXT] for r in rejected} == {"***"}
        assert len({r[Columns.LINE_NUMBER] for r in rejected}) == len(rejected)

    check(40, count)
    # Unchanged files are left as they are; a changed one brings the client, and is gone through.
    write(landing, "dairy/transactions.csv", "\n".join([*lines, sale(41), sale(45)]) + "\n")
    outcome = load(landing, warehouse)["dairy/transactions.csv"]
    assert outcome.reasons["forgotten"] == count + 1
    assert outcome.read == outcome.accepted + outcome.rejected == 42
    check(42, count + 1)
    texts = {r[Columns.ORIGINAL_TEXT] for r in rows(warehouse, contracts.RAW_REJECTED_ROWS)}
    assert sale(40, amount="much", client_id="003") in texts, "the other partner's row stays"


def test_a_simulated_world_that_is_drawn_again(tmp_path: Path) -> None:
    settings = Settings(warehouse=tmp_path / "warehouse.duckdb")
    world = WorldSettings(clients=200, services=20, partners=2, days=120, seed=3)
    before = load_simulated_world(settings, world, quiet())
    [(client_id,)] = query(
        settings.warehouse_file,
        "select source_partner_id || ':' || client_id from raw.transactions "
        "group by all order by count(*) desc limit 1",
    )
    with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
        erased = erase_clients(connection, [str(client_id)], NOW)
    assert erased.rows["simulated_truth.identities"] == 1
    after = load_simulated_world(settings, world, quiet())
    assert after["transactions"] == before["transactions"] - erased.rows["raw.transactions"]
    assert after["clients"] == before["clients"] - 1


def test_the_complete_journey_without_a_household(tmp_path: Path) -> None:
    settings = Settings(warehouse=tmp_path / "warehouse.duckdb")
    with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
        erase_clients(connection, ["1"], NOW)
    load_source(settings, "complete-journey", quiet())
    counts = query(
        settings.warehouse_file,
        "select count(*) filter (where client_id = '1'), count(*) from raw.transactions",
    )
    assert counts[0][0] == 0
    assert int(str(counts[0][1])) > 1_000_000


def test_a_warehouse_that_nothing_was_built_of(tmp_path: Path) -> None:
    raw = with_rows(small_world(), contracts.RAW_CLIENTS, [{Columns.CLIENT_ID: "alone"}])
    warehouse = load_world(tmp_path / "warehouse.duckdb", raw)
    result = run_cli(warehouse, "forget", "alone", "--yes")
    assert result.returncode == 0, result.stderr
    assert "raw.clients" in result.stdout
    assert places(warehouse, "alone") == []
    # Once more: known to be forgotten, nothing is wrong.
    assert run_cli(warehouse, "forget", "alone", "--yes").returncode == 0


def test_without_a_yes_nothing_goes(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world())
    content = warehouse.read_bytes()
    result = run_cli(warehouse, "forget", CLIENT)
    assert result.returncode == 1
    assert "Nothing was erased" in result.stdout
    assert warehouse.read_bytes() == content


def test_somebody_whom_nobody_knows(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world())
    result = run_cli(warehouse, "forget", "nobody", "--yes")
    assert result.returncode == 2
    assert "no client 'nobody'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse of clients with keys, that nothing was built of."""
    monkeypatch.setenv("CROSS_SELL_HASH_SECRET", SECRET)
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    lines = (
        "client_id,email,phone",
        "1,Ann@Example.org,+7 912 345 67 89",
        "2,family@example.org,",
        "3,family@example.org,",
    )
    write(landing, "dairy/clients.csv", "\n".join(lines) + "\n")
    load(landing, warehouse)
    return warehouse


def test_who_knows_only_an_address_or_a_number(people: Path) -> None:
    settings = Settings(warehouse=people)
    by_email = find_person(settings, None, email=" ann@example.ORG", phone=None)
    by_phone = find_person(settings, None, email=None, phone="+7 (912) 345-67-89")
    assert by_email == by_phone
    assert by_email.records == ("dairy:1",)
    result = run_cli(people, "forget", "--email", "ann@example.org", "--yes")
    assert result.returncode == 0, result.stderr
    assert places(people, "1") == []


@pytest.mark.parametrize(
    ("email", "phone", "words"),
    [
        ("nobody@example.org", None, "no client in"),
        ("family@example.org", None, "2 clients have this email: dairy:2, dairy:3;"),
        ("Ann", None, "an address of one person, like"),
        (None, "912 345 67 89", "with its country code"),
        (None, None, "whom?"),
        ("ann@example.org", "+7 912 345 67 89", "whom?"),
    ],
)
def test_keys_that_lead_to_nobody(
    people: Path, email: str | None, phone: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as raised:
        find_person(Settings(warehouse=people), None, email=email, phone=phone)
    # What was given stays out of messages, which end in logs.
    assert email is None or email == "Ann" or email not in str(raised.value)


def test_keys_need_the_secret(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSS_SELL_HASH_SECRET")
    with pytest.raises(InputError, match="set CROSS_SELL_HASH_SECRET"):
        find_person(Settings(warehouse=people), None, email="ann@example.org", phone=None)


def test_forgetting_waits_for_a_backtest(tmp_path: Path) -> None:
    warehouse = load_world(tmp_path / "warehouse.duckdb", small_world())
    program = (
        "import sys, time; from pathlib import Path; from ml.locks import hold\n"
        f"with hold(Path({str(tmp_path / BACKTEST_LOCK)!r}), 5): print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        settings = Settings(warehouse=warehouse, lock_wait_seconds=0.2)
        try:
            with pytest.raises(WarehouseBusyError, match="is held by"):
                forget(settings, Found(CLIENT, (CLIENT,), {}, is_marked=False), quiet())
        finally:
            process.kill()
    assert places(warehouse, CLIENT)
