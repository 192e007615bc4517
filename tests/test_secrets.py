"""The programme's secret is read from the environment and written nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from ml import contracts
from ml.errors import InputError, ModelError
from ml.measured_with import VARS
from ml.models.ease import Ease
from ml.models.state import read_state
from ml.results import CHOICES
from ml.settings import PROJECT_ROOT, Settings, load_settings
from tests.commands import run_cli
from tests.sources.files.feeds import HEADER, load, rows, sale, write

SECRET = "wv9-the-secret-of-this-very-test"
LANDING = PROJECT_ROOT / "examples" / "landing"


def texts_of(warehouse: Path) -> str:
    """Everything that can be read in any table."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
        return "".join(
            str(connection.execute(f'from "{schema}"."{name}"').fetchall())
            for schema, name in tables
        )


def test_a_load_tells_nobody_the_secret(tmp_path: Path) -> None:
    warehouse = tmp_path / "folder" / "warehouse.duckdb"
    # All that dbt can write, in folders of its own.
    variables = {
        "CROSS_SELL_HASH_SECRET": SECRET,
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_LOG_LEVEL_FILE": "debug",
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_WRITE_JSON": "true",
        "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test test",
    }
    load = ("--log-format", "json", "load", "files", str(LANDING))
    result = run_cli(warehouse, *load, **variables)
    assert result.returncode == 0, result.stderr
    built = run_cli(warehouse, "build", "--selector", "learning", **variables)
    assert built.returncode == 0, built.stdout
    told = run_cli(warehouse, "doctor", "--json", CROSS_SELL_HASH_SECRET=SECRET)
    said = result.stdout + result.stderr + built.stdout + built.stderr + told.stdout + told.stderr
    assert SECRET not in said
    assert (tmp_path / "logs" / "dbt.log").exists()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in texts_of(warehouse)


def test_what_a_whole_run_wrote_has_nothing_of_the_environment(trained_world: Path) -> None:
    """Settings of runs, pages, cards, models and releases are made of named settings only."""
    with duckdb.connect(trained_world, read_only=True) as connection:
        [(settings,)] = connection.execute("select settings_json from ml.runs").fetchall()
    assert "hash_secret" not in settings.lower()
    assert set(json.loads(settings)) <= {*Settings.model_fields, VARS, CHOICES}
    for path in trained_world.parent.rglob("*"):
        if path.is_file() and path.suffix == ".parquet":
            assert "secret" not in str(pq.read_schema(path)).lower()
        elif path.is_file():
            assert b"HASH_SECRET" not in path.read_bytes(), path


def test_the_secret_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSS_SELL_HASH_SECRET", SECRET)
    assert SECRET not in Settings().model_dump_json()


class _Planted:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (Path("/tmp/planted-by-a-pickle"),))


def test_a_pickle_in_place_of_a_model_is_refused(tmp_path: Path) -> None:
    import pickle

    marker = Path("/tmp/planted-by-a-pickle")
    marker.unlink(missing_ok=True)
    (tmp_path / "model.json").write_text('{"model": "ease"}')
    (tmp_path / "arrays.safetensors").write_bytes(pickle.dumps(_Planted()))
    with pytest.raises(ModelError, match="no readable saved model"):
        read_state(tmp_path, Ease.name)
    assert not marker.exists()


def test_no_module_can_read_pickles() -> None:
    for path in (PROJECT_ROOT / "ml").rglob("*.py"):
        # The peers' programs run other libraries, on files that they wrote themselves.
        if "peers" not in path.parts:
            text = path.read_text()
            for word in (
                "import pickle",
                "torch.load",
                "allow_pickle=True",
                "joblib",
                "yaml.Loader",
            ):
                assert word not in text, path


HOSTILE = 'x"); drop table raw.transactions; --'


def test_names_from_a_mapping_are_data_not_statements(tmp_path: Path) -> None:
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse.duckdb"
    header = HEADER.replace("client_id", f'"{HOSTILE.replace(chr(34), chr(34) * 2)}"')
    write(landing, "dairy/transactions.csv", f"{header}\n{sale(1)}\n{sale(2)}\n")
    columns = json.dumps({HOSTILE: "client_id"})
    write(landing, "dairy/mapping.yml", f"entities: {{transactions: {{columns: {columns}}}}}")
    outcome = load(landing, warehouse)["dairy/transactions.csv"]
    assert (outcome.status, outcome.accepted) == ("loaded", 2)
    # A target that the contract does not have is refused, whatever it says.
    write(
        landing,
        "dairy/mapping.yml",
        json.dumps({"entities": {"transactions": {"columns": {"client_id": HOSTILE}}}}),
    )
    outcome = load(landing, warehouse)["dairy/transactions.csv"]
    assert outcome.status == "refused"
    assert "have no column" in (outcome.problem or "")
    assert len(rows(warehouse, contracts.RAW_TRANSACTIONS)) == 2


@pytest.mark.parametrize("name", ["a:b", " a", "a;b", 'a"b', "a'b", "a" * 101])
def test_a_partner_whose_name_cannot_be_part_of_ids(tmp_path: Path, name: str) -> None:
    write(tmp_path / "landing", f"{name}/transactions.csv", f"{HEADER}\n{sale(1)}\n")
    [outcome] = load(tmp_path / "landing", tmp_path / "warehouse.duckdb").values()
    assert outcome.status == "refused"
    assert "rename the folder" in (outcome.problem or "")


TABLES = [one for one in vars(contracts).values() if isinstance(one, contracts.Table)]


@pytest.mark.parametrize(
    "name",
    [
        *('w";x.duckdb', "w'.duckdb", "w;.duckdb"),
        *("temp.duckdb", "Raw.duckdb", "cross_sell.v2.duckdb", "serving.duckdb"),
        *sorted({f"{table.schema_name}.db" for table in TABLES}),
    ],
)
def test_a_warehouse_whose_name_cannot_be_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="setting 'warehouse'"):
        load_settings(warehouse=tmp_path / name)
