"""Which model is chosen on validation, and what is said of it."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from ml.adjustment import Adjustment
from ml.champion import best_on_validation, crown
from ml.evaluation.calibration import Calibrator
from ml.evaluation.figures import MetricRow
from ml.evaluation.protocol import Evaluation
from ml.models.base import Recommender
from ml.ranking import LabelRanks
from ml.trials import CHAMPION_METRIC, Fitted, Trial

Values = npt.NDArray[np.float64]
CLIENTS = 400
NOISE = np.random.default_rng(0).normal(0, 0.1, CLIENTS)
# Standard error of what `ahead` adds.
ERROR = 0.02 / np.sqrt(CLIENTS - 1)


def evaluation(values: Values) -> Evaluation:
    known = values[~np.isnan(values)]
    mean = float(known.mean()) if len(known) else None
    row = cast(MetricRow, _Row(mean))
    return Evaluation((row,), cast(LabelRanks, None), {CHAMPION_METRIC: values})


class _Row:
    """What an evaluation looks a figure up by."""

    def __init__(self, value: float | None) -> None:
        self.metric, self.segment, self.value = CHAMPION_METRIC, "all", value


def fitted(values: Values) -> Fitted:
    model, calibrator = cast(Recommender, None), cast(Calibrator, None)
    return Fitted(model, [], 0.0, Adjustment(), calibrator, evaluation(values))


def ahead(errors: float) -> Values:
    """Values whose mean lies so many standard errors of the difference above those of NOISE."""
    wiggle = np.where(np.arange(CLIENTS) % 2, 0.02, -0.02)
    found: Values = NOISE + wiggle + errors * ERROR
    return found


@pytest.mark.parametrize(
    ("leads", "chosen"),
    [
        # The best by far.
        ({"popularity": -40.0, "ease": -20.0, "lightfm": 20.0, "ncf": 40.0}, "ncf"),
        # Of learned models the best: none is simpler.
        ({"popularity": -40.0, "ease": -20.0, "lightfm": 0.0, "ncf": 0.1}, "ncf"),
        # A learned model that does not beat the best baseline significantly does not serve.
        ({"popularity": -40.0, "ease": 0.0, "lightfm": 1.5, "ncf": 1.9}, "ease"),
        ({"popularity": -40.0, "ease": 0.0, "lightfm": -30.0, "ncf": 2.1}, "ncf"),
        # The same among baselines.
        ({"popularity": 0.0, "ease": 0.9, "ncf": -20.0}, "popularity"),
        ({"ncf": 0.0}, "ncf"),
    ],
)
def test_chance_decides_for_the_simpler(leads: dict[str, float], chosen: str) -> None:
    models = {}
    for name, errors in leads.items():
        models[name] = fitted(ahead(errors) if errors else NOISE)
    assert best_on_validation(models) == chosen
    # Not by the order in which they come.
    assert best_on_validation(dict(reversed(models.items()))) == chosen


def test_without_labels_the_simplest_is_chosen() -> None:
    nothing = np.full(CLIENTS, np.nan)
    assert best_on_validation({n: fitted(nothing) for n in ("ncf", "ease")}) == "ease"


def test_what_is_said_of_a_baseline_that_serves() -> None:
    def trial(name: str, values: Values) -> Trial:
        found = evaluation(values)
        calibrator = cast(Calibrator, None)
        return Trial(name, [], 1, 0.0, Adjustment(), calibrator, found, found)

    trials = [trial("ease", np.full(CLIENTS, 0.5)), trial("ncf", np.full(CLIENTS, 0.51))]
    told = crown("ease", trials, []).reason
    assert told.startswith(f"{CHAMPION_METRIC} 0.5000 on validation; ncf reached 0.5100")
    assert "A baseline serves: no learned model beats it significantly." in told
    assert crown("ncf", trials, []).reason.startswith(f"Best {CHAMPION_METRIC} on validation")
