"""The whole job on a small world, by the real commands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from ml import contracts
from ml.settings import PROJECT_ROOT
from ml.trials import SIMPLE_MODELS
from ml.warehouse import connect, count_rows, read_table
from tests.commands import run_cli, run_dbt


def read(warehouse: Path, table: contracts.Table) -> pa.Table:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return read_table(connection, table)


def query(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return connection.execute(sql).fetchall()


def test_every_ml_table_is_filled(trained_world: Path) -> None:
    with connect(trained_world, read_only=True, wait_seconds=20) as connection:
        for table in contracts.ML_TABLES:
            assert count_rows(connection, table) > 0, table.name


def test_offers_are_complete_ranked_and_eligible(trained_world: Path) -> None:
    [(clients, most, least, low, high)] = query(
        trained_world,
        """
        with per_client as (
            select count(*) as n, max(offer_rank) as deepest
            from cross_sell.cross_sell_scores group by client_id
        )
        select count(*), max(n), min(n),
            (select min(probability) from cross_sell.cross_sell_scores),
            (select max(probability) from cross_sell.cross_sell_scores)
        from per_client where deepest = n
        """,
    )
    [(candidates,)] = query(trained_world, "select count(distinct client_id) from core.dim_clients")
    assert clients == candidates
    assert isinstance(most, int)
    assert most <= 20
    assert isinstance(least, int)
    assert least >= 1
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert 0 <= low < high <= 1
    assert not query(
        trained_world,
        """
        select 1 from cross_sell.cross_sell_scores
        semi join cross_sell.owned_services using (client_id, service_id)
        """,
    )


def test_probability_falls_with_the_rank(trained_world: Path) -> None:
    assert not query(
        trained_world,
        """
        select 1 from (
            select probability > lag(probability) over (
                partition by client_id order by offer_rank
            ) as rises
            from cross_sell.cross_sell_scores
        ) where rises
        """,
    )


def test_new_clients_get_offers_and_are_marked(trained_world: Path) -> None:
    cold = query(
        trained_world,
        """
        select distinct client_id from cross_sell.cross_sell_scores
        where is_cold_start order by 1
        """,
    )
    assert cold == [("C075",), ("C076",), ("C077",), ("C078",), ("C079",)]


def test_reasons_name_something_the_client_has(trained_world: Path) -> None:
    reasons = query(
        trained_world,
        """
        select offers.reason, owned.service_name
        from cross_sell.cross_sell_scores as offers
        left join cross_sell.owned_services as owned
            on owned.client_id = offers.client_id
            and contains(offers.reason, owned.service_name)
        where not offers.is_cold_start and starts_with(offers.reason, 'Often taken with')
        """,
    )
    assert len(reasons) > 100
    assert all(name is not None for _, name in reasons)


def test_the_champion_is_the_best_on_validation_or_a_baseline(trained_world: Path) -> None:
    [(champion, reason)] = query(
        trained_world, "select champion_model, champion_reason from ml.runs"
    )
    [(best,)] = query(
        trained_world,
        """
        select max_by(model_name, value) from ml.metrics
        where fold = 'validation' and segment = 'all' and metric = 'ndcg@10'
        """,
    )
    assert (champion == best) == str(reason).startswith("Best ndcg@10 on validation")
    assert champion == best or champion in SIMPLE_MODELS
    flags = query(
        trained_world,
        "select model_name from cross_sell.model_comparison where is_champion and fold = 'test'",
    )
    assert flags == [(champion,)]


def test_learned_models_beat_popularity_where_there_is_taste(trained_world: Path) -> None:
    """The world has two tastes; a model that learned anything ranks by them."""
    values: dict[str, float] = dict(
        query(  # type: ignore[arg-type]
            trained_world,
            """
            select model_name, value from ml.metrics
            where fold = 'test' and segment = 'warm' and metric = 'auc'
            """,
        )
    )
    assert values["ease"] > values["popularity"]
    assert values["lightfm"] > 0.55
    assert values["ncf"] > 0.55


def test_same_data_seed_and_settings_give_bit_equal_scores(built_copy: Path) -> None:
    for _ in range(2):
        result = run_cli(built_copy, "train")
        assert result.returncode == 0, result.stderr
    scores = read(built_copy, contracts.SCORES).to_pandas()
    first, second = (
        rows.drop(columns=["run_id", "scored_at"]).reset_index(drop=True)
        for _, rows in scores.groupby("run_id")
    )
    assert len(first) > 500
    assert first.equals(second)


def test_another_seed_gives_other_scores_and_leaves_earlier_runs(trained_copy: Path) -> None:
    before = read(trained_copy, contracts.SCORES)
    result = run_cli(trained_copy, "train", "--seed", "7")
    assert result.returncode == 0, result.stderr
    after = read(trained_copy, contracts.SCORES).to_pandas()
    run_ids = before.to_pandas()["run_id"].unique()
    old = after[after["run_id"].isin(run_ids)].reset_index(drop=True)
    assert old.equals(before.to_pandas())
    assert after["run_id"].nunique() == 2


def test_building_everything_anew_keeps_the_ml_rows(trained_copy: Path) -> None:
    before = {table: read(trained_copy, table) for table in contracts.ML_TABLES}
    result = run_dbt(trained_copy, "run", "--full-refresh")
    assert result.returncode == 0, result.stdout[-3000:]
    assert "WARN=0" in result.stdout
    for table, rows in before.items():
        assert read(trained_copy, table).equals(rows), table.name


def test_recommend_shows_offers_beside_what_the_client_has(trained_world: Path) -> None:
    result = run_cli(trained_world, "recommend", "C001", "--top", "3")
    assert result.returncode == 0, result.stderr
    assert "Client C001" in result.stdout
    assert "Most often: Service S" in result.stdout
    assert result.stdout.count("Service S") >= 4
    page = json.loads(run_cli(trained_world, "recommend", "C001", "--json").stdout)
    ranks = [offer["offer_rank"] for offer in page["offers"]]
    assert ranks == list(range(1, len(ranks) + 1))
    assert 5 <= len(ranks) <= 10
    owned = {row["service_id"] for row in page["owned"]}
    assert not owned & {offer["service_id"] for offer in page["offers"]}


def test_recommend_a_client_without_history(trained_world: Path) -> None:
    result = run_cli(trained_world, "recommend", "C079")
    assert "Has nothing from any partner yet" in result.stdout
    assert "client without history" in result.stdout


def test_recommend_an_unknown_client(trained_world: Path) -> None:
    result = run_cli(trained_world, "recommend", "nobody")
    assert result.returncode == 2
    assert result.stderr.startswith("error: no client 'nobody' in the release; there are C0")


README_PYTHON = re.findall(
    r"```python\n(.*?)```", (PROJECT_ROOT / "README.md").read_text(), flags=re.DOTALL
)


@pytest.mark.parametrize("code", README_PYTHON, ids=["duckdb", "sqlalchemy"])
def test_the_readme_s_queries_work(trained_world: Path, code: str) -> None:
    """Run as they stand there, but for the path and the client."""
    serving = trained_world.parent / "serving.duckdb"
    code = code.replace("warehouse/serving.duckdb", str(serving)).replace("'1'", "'C001'")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "C001" in result.stdout or int(result.stdout) > 0


def test_readers_work_while_the_warehouse_is_held(trained_world: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(trained_world)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        result = run_cli(trained_world, "recommend", "C001")
        assert result.returncode == 0, result.stderr
    finally:
        holder.kill()
        holder.wait()
