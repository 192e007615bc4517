"""SQL audits Python: what dbt computes from the holdout is what the jobs wrote, or it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.models.registry import MODELS
from ml.warehouse import connect
from tests.commands import failing_rows, run_dbt

AUDIT = "assert_sql_agrees_with_python"


def execute(warehouse: Path, sql: str) -> list[tuple[object, ...]]:
    with connect(warehouse, read_only=False, wait_seconds=20) as connection:
        return connection.execute(sql).fetchall()


def test_every_model_and_fold_is_audited(trained_world: Path) -> None:
    """The audit passes, and not for want of anything to compare."""
    assert run_dbt(trained_world, "test", "-s", AUDIT).returncode == 0
    with connect(trained_world, read_only=True, wait_seconds=20) as connection:
        compared = connection.execute(
            """
            select count(*), count(ranking.auc), count(offers.lift_top_decile)
            from (select distinct run_id, fold, model_name from ml.metrics) as measured
            join intermediate.int_holdout_ranking as ranking using (run_id, fold, model_name)
            join intermediate.int_holdout_offer_figures as offers using (run_id, fold, model_name)
            """
        ).fetchall()
    assert len(set(compared[0])) == 1
    # Two folds of each model, and of a blend if there is one.
    assert compared[0][0] in (2 * len(MODELS), 2 * len(MODELS) + 2)


ONE_PAIR = """
    (run_id, model_name, fold, client_id, service_id) = (
        select (run_id, model_name, fold, client_id, service_id)
        from ml.holdout_predictions
        where model_name = 'ease' and fold = 'test' and {which}
        order by all limit 1
    )
"""


@pytest.mark.parametrize(
    ("tamper", "which", "metrics"),
    [
        (
            "update ml.metrics set value = value + 1e-8 where model_name = 'ncf' "
            "and fold = 'validation' and segment = 'all' and metric = 'precision@10'",
            "",
            {"precision@10"},
        ),
        (
            "delete from ml.metrics where model_name = 'ease' and fold = 'test' "
            "and segment = 'all' and metric = 'conversions_top_decile'",
            "",
            {"brier_score", "lift_top_decile"},
        ),
        (
            "update ml.holdout_predictions set probability = probability / 2 where",
            "is_positive and candidate_rank = 1",
            {"brier_score", "mean_probability"},
        ),
        (
            "update ml.holdout_predictions set mid_rank = mid_rank + 1 where",
            "is_positive",
            {"auc"},
        ),
        (
            "update ml.holdout_predictions set is_positive = false where",
            "is_positive and candidate_rank = 1",
            {"ndcg@10", "precision@10", "map@10", "positive_rate", "brier_score"},
        ),
        (
            "delete from ml.holdout_predictions where",
            "not is_positive and candidate_rank <= 20",
            {"positive_rate", "mean_probability"},
        ),
    ],
    ids=["figure", "lost figure", "probability", "mid-rank", "outcome", "lost prediction"],
)
def test_whatever_is_tampered_with_fails_the_audit(
    trained_copy: Path, tamper: str, which: str, metrics: set[str]
) -> None:
    execute(trained_copy, tamper + (ONE_PAIR.format(which=which) if which else ""))
    found = {row["metric"] for row in failing_rows(trained_copy, AUDIT)}
    assert metrics <= found
