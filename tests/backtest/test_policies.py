"""Policies over two dates of a small world, without a warehouse."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO

from rich.console import Console

from ml.backtest.cycle import Cycle
from ml.backtest.measure import _of_date, _over_all, _regained
from ml.backtest.policies import POLICIES, Trainer
from ml.backtest.settings import BacktestSettings
from ml.models.lightfm_settings import LightFMSettings
from ml.progress import Progress
from ml.settings import Settings
from tests.models.folds import two_tastes
from tests.models.test_learned import named

QUICK = LightFMSettings(factors=4, members=1, max_epochs=3)


def test_one_training_serves_the_first_date_and_drift_trains_on_the_second() -> None:
    settings = Settings(
        lightfm=QUICK,
        bootstrap_samples=50,
        threads=1,
        backtest=BacktestSettings(drift_calibration_error=1e-9),
    )
    world, month = named(two_tastes()), timedelta(days=30)
    cycles = []
    for i in (1, 2):
        date = world.cutoff_at + i * month
        past, present = replace(world, cutoff_at=date - month), replace(world, cutoff_at=date)
        cycles.append(Cycle(date, past, present))
    trainer = Trainer("lightfm", settings, Progress(Console(file=StringIO())))
    policies = [policy(trainer) for policy in POLICIES]
    found = [{policy.name: policy.at(cycle) for policy in policies} for cycle in cycles]
    first, second = found
    values = {one.evaluation.value("ndcg@10") for one in first.values()}
    assert len(values) == 1
    assert second["never retrain"].trained == "no"
    assert second["never retrain"].evaluation.value("ndcg@10") in values
    assert second["always cold"].trained == "cold"
    assert second["warm on drift"].trained in ("warm", "cold")
    assert "warm minus cold" in second["warm on drift"].note

    results = [r for c, o in zip(cycles, found, strict=True) for r in _of_date(c, o, settings)]
    results += _over_all(found) + _regained([c.date for c in cycles], found)
    assert len({r.key for r in results}) == len(results)
    assert {r.metric for r in results} >= {"ndcg@10", "auc", "calibration_error", "hits"}
