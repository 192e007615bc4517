"""On how many dates another model would have been the better champion."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from ml.backtest.champions import CHAMPION, ERRORS, Chosen, champion_results, choose_champion
from ml.backtest.cycle import Cycle
from ml.dataset import FloatArray, IntArray
from ml.evaluation.protocol import Evaluation, evaluate
from ml.progress import Progress
from ml.settings import Settings
from tests.models.folds import two_tastes

WORLD = two_tastes()


def measured(noise: float, seed: int = 0) -> Evaluation:
    """Of a ranking that knows the labels, but for some noise."""
    table = WORLD.labels.toarray() + noise * np.random.default_rng(seed).random(WORLD.labels.shape)

    def score(clients: IntArray) -> FloatArray:
        found: FloatArray = table[clients].astype(np.float32)
        return found

    return evaluate(score, WORLD, resamples=0)


def test_an_error_is_a_significant_lead_of_another_model() -> None:
    good, bad = measured(0.1), measured(1000.0)
    right = Chosen("ease", {"popularity": bad, "ease": good, "lightfm": good})
    wrong = Chosen("popularity", {"popularity": bad, "ease": good})
    assert right.better == {}
    assert list(wrong.better) == ["ease"]
    assert wrong.better["ease"] == pytest.approx(
        good.value("ndcg@10") - bad.value("ndcg@10")  # type: ignore[operator]
    )
    results = champion_results(["May", "June"], [right, wrong], "all dates")
    found = {(r.case_name, r.metric): r for r in results}
    assert {r.model_name for r in results} == {CHAMPION}
    assert [found[case, ERRORS].value for case in ("May", "June", "all dates")] == [0.0, 1.0, 0.5]
    assert found["May", "ndcg@10"].value == good.value("ndcg@10")
    assert found["June", "ndcg@10"].note is not None
    assert "popularity; ease does better by" in found["June", "ndcg@10"].note


def test_the_choice_rests_on_what_was_known() -> None:
    """Labels after the date decide who was better, and never who is chosen."""
    settings = Settings(models=("popularity", "ease"), bootstrap_samples=10, threads=1)
    progress = Progress(Console(file=StringIO()))
    month = timedelta(days=30)
    present = replace(
        WORLD, cutoff_at=WORLD.cutoff_at + month, horizon_end_at=WORLD.horizon_end_at + month
    )
    chosen = choose_champion(Cycle(present.cutoff_at, WORLD, present), settings, progress)
    assert chosen.name == "ease"
    assert set(chosen.evaluations) == {"popularity", "ease"}
    nobody_knew = replace(present, labels=present.labels[:, ::-1].tocsr())
    other = choose_champion(Cycle(present.cutoff_at, WORLD, nobody_knew), settings, progress)
    assert other.name == "ease"
    assert other.evaluations["ease"].value("ndcg@10") != chosen.evaluations["ease"].value("ndcg@10")
