"""Policies over two dates of a small world, without a warehouse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from io import StringIO

import numpy as np
import pytest
from rich.console import Console
from scipy import sparse

from ml.backtest.cycle import Cycle
from ml.backtest.measure import _of_date, _over_all, _recovered, _regained
from ml.backtest.policies import POLICIES, AlwaysCold, NeverRetrain, Offered, Trainer, WarmOnDrift
from ml.backtest.settings import BacktestSettings
from ml.dataset import Fold
from ml.evaluation.figures import MetricRow
from ml.evaluation.protocol import evaluate
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
    dates = [c.date for c in cycles]
    results += _over_all(found) + _regained(dates, found)
    results += _recovered(dates, found, month, dates[1])
    assert len({r.key for r in results}) == len(results)
    assert {r.metric for r in results} >= {"ndcg@10", "auc", "calibration_error", "hits"}


def flipped(world: Fold) -> Fold:
    """The same clients with the other taste: what they have and take up is a service further."""

    def moved(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        return sparse.csr_matrix(np.roll(matrix.toarray(), 1, axis=1))

    assert world.adoption_age is not None
    return replace(
        world,
        interactions=moved(world.interactions),
        labels=moved(world.labels),
        ineligible_pairs=moved(world.ineligible_pairs),
        adoption_age=moved(world.adoption_age),
    )


@pytest.mark.parametrize("is_drifting", [False, True])
def test_a_lead_that_is_lost_calls_for_a_training(is_drifting: bool) -> None:
    settings = Settings(
        lightfm=QUICK,
        bootstrap_samples=50,
        threads=1,
        backtest=BacktestSettings(drift_calibration_error=1),
    )
    world, month = named(two_tastes()), timedelta(days=30)
    policy = WarmOnDrift(Trainer("lightfm", settings, Progress(Console(file=StringIO()))))
    policy.at(Cycle(world.cutoff_at + month, world, replace(world, cutoff_at=world.cutoff_at)))
    then = replace(flipped(world) if is_drifting else world, cutoff_at=world.cutoff_at + month)
    present = replace(then, cutoff_at=then.cutoff_at + month)
    found = policy.at(Cycle(present.cutoff_at, then, present))
    assert (found.trained != "no") == is_drifting
    assert ("lead over ease fell" in found.note) == is_drifting
    later = replace(present, cutoff_at=present.cutoff_at + month)
    after = policy.at(Cycle(later.cutoff_at, present, later))
    assert (after.trained != "no") == is_drifting
    assert ("more is known" in after.note) == is_drifting


def test_what_is_recovered_counts_from_the_level_before_the_drift() -> None:
    world = two_tastes()
    nobody = evaluate(lambda clients: np.zeros((len(clients), world.n_services), np.float32), world)
    dates = [datetime(2024, month, 1) for month in (1, 3, 5, 7)]

    def offered(value: float) -> Offered:
        row = MetricRow("all", "ndcg@10", value, None, None, 100)
        return Offered(replace(nobody, rows=(row,)), "no", 0.0)

    never, adapted = (0.3, 0.31, 0.2, 0.1), (0.3, 0.35, 0.29, 0.28)
    found = [
        {NeverRetrain.name: offered(n), AlwaysCold.name: offered(a), WarmOnDrift.name: offered(a)}
        for n, a in zip(never, adapted, strict=True)
    ]
    # Offers of the second date are observed past the drift: they are no level before it.
    results = _recovered(dates, found, timedelta(days=30), datetime(2024, 3, 20))
    assert [(r.case_name, round(r.value or 0, 3)) for r in results] == [
        ("2024-05-01", 0.9),
        ("2024-07-01", 0.9),
    ]
    assert _recovered(dates, found, timedelta(days=30), None) == []
