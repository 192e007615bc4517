"""A rejected run, a forced one, a rollback: by the real commands, as a person sees them."""

from __future__ import annotations

from pathlib import Path

from ml.warehouse import connect
from tests.commands import run_cli, run_dbt


def query(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        return connection.execute(sql).fetchall()


def shown_run(warehouse: Path) -> object:
    [(run_id,)] = query(warehouse, "select distinct run_id from cross_sell.cross_sell_scores")
    return run_id


def published_run(warehouse: Path) -> object:
    return query(
        warehouse.parent / "serving.duckdb", "select distinct run_id from cross_sell_scores"
    )[0][0]


VERDICTS = "select run_id, status, is_latest from cross_sell.run_history order by finished_at"


def test_a_rejected_run_stays_behind_until_it_is_forced(trained_copy: Path) -> None:
    good = shown_run(trained_copy)
    assert query(trained_copy, VERDICTS) == [(good, "completed", True)], "built before publishing"

    # Two offers a client, where there were some ten: a tenth of the rows.
    few = {"CROSS_SELL_MODELS": '["lightfm"]', "CROSS_SELL_OFFERS_PER_CLIENT": "2"}
    result = run_cli(trained_copy, "run", **few)
    assert result.returncode == 7, result.stderr
    assert "cross_sell_scores has 160 rows, 0.1" in result.stderr
    assert "readers keep release" in result.stderr
    assert published_run(trained_copy) == shown_run(trained_copy) == good
    [(_, was, _), (bad, became, _)] = query(trained_copy, VERDICTS)
    assert (was, became) == ("published", "rejected")
    [(reason,)] = query(
        trained_copy,
        "select rejection_reason from cross_sell.run_history where status = 'rejected'",
    )
    assert "160 rows" in str(reason)

    again = run_cli(trained_copy, "publish")
    assert again.returncode == 0, again.stderr
    assert published_run(trained_copy) == good, "the rejected run is not what is published next"

    forced = run_cli(trained_copy, "publish", "--force", str(bad))
    assert forced.returncode == 0, forced.stderr
    assert published_run(trained_copy) == shown_run(trained_copy) == bad

    listed = run_cli(trained_copy, "releases")
    assert listed.returncode == 0
    assert listed.stdout.count("★") == 2
    back = run_cli(trained_copy, "rollback")
    assert back.returncode == 0, back.stderr
    assert published_run(trained_copy) == good
    forward = run_cli(trained_copy, "publish")
    assert forward.returncode == 0, forward.stderr
    assert published_run(trained_copy) == bad


def test_a_red_dbt_test_rejects_the_run(trained_copy: Path) -> None:
    good = published_run(trained_copy)
    trained = run_cli(trained_copy, "train", CROSS_SELL_MODELS='["popularity"]')
    assert trained.returncode == 0, trained.stderr
    untested = run_cli(trained_copy, "publish")
    # The marts still show the run before, which readers have: nothing changes for them.
    assert untested.returncode == 0, untested.stderr
    assert published_run(trained_copy) == good

    # More offers per client than the tests allow.
    red = run_dbt(
        trained_copy, "build", "-s", "path:models/intermediate/offers",
        "path:models/intermediate/releases", "cross_sell_scores", "run_history",
        "--vars", "{offers_per_client: 1}",
    )  # fmt: skip
    assert red.returncode != 0
    rejected = run_cli(trained_copy, "publish")
    assert rejected.returncode == 7, rejected.stderr
    assert "dbt tests failed" in rejected.stderr
    assert published_run(trained_copy) == shown_run(trained_copy) == good
