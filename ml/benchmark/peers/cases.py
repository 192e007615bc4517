"""The data on which everybody is measured, each with its own protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from pydantic import ValidationError

from ml import contracts
from ml.benchmark.candidates import candidate_monitor, evaluate_candidates
from ml.benchmark.carving import carve
from ml.benchmark.leave_one_out import leave_one_out_fold
from ml.benchmark.leave_one_out_data import read_leave_one_out
from ml.benchmark.movielens import ML_100K, prepare_ml_100k
from ml.benchmark.presets import CHOICES
from ml.benchmark.results import LEAVE_ONE_OUT, json_file
from ml.contracts import Columns
from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator, EpochQuality, Evaluation, Scores, evaluate
from ml.loading import load_source
from ml.marts import read_folds
from ml.models.settings import ModelSettings
from ml.progress import Progress
from ml.settings import Settings
from ml.transform import run_dbt
from ml.trials import model_settings

ALL: Final = "all"
MADE_UP: Final = ("wholesaler", "insurer")
"""Sources of :mod:`ml.loading` that every benchmark of other libraries draws anew."""
ML_100K_LEAVE_ONE_OUT: Final = f"{ML_100K} {LEAVE_ONE_OUT}"


@dataclass(frozen=True)
class Case:
    """Data on which everybody is measured.

    Parameters
    ----------
    learn, relearn : Fold
        What is learned from while settings and epochs are chosen, and with what was chosen.
    monitor : callable
        Measures a model that learned from ``learn``, on validation labels.
    evaluate : callable
        Measures a model that learned from ``relearn``, on the test labels: once.
    choices : mapping of str to sequence of ModelSettings
        Our models, and the settings that each may choose among.
    """

    learn: Fold
    relearn: Fold
    monitor: Callable[[Scores], EpochQuality]
    evaluate: Callable[[Scores], Evaluation]
    choices: Mapping[str, Sequence[ModelSettings | None]]


Source = Callable[[Settings, Progress], Case]
"""Makes a case, or raises an InputError where its data is not there."""


def warehouse_case(settings: Settings, progress: Progress) -> Case:
    """The warehouse's own validation and test folds, every eligible service ranked."""
    with progress.step("read marts") as step:
        _, folds = read_folds(settings, step)
    return fold_case(folds[contracts.FOLD_VALIDATION], folds[contracts.FOLD_TEST], settings)


def made_up_case(name: str, settings: Settings, progress: Progress) -> Case:
    """Folds of made-up data, loaded and built in a warehouse of its own that is gone afterwards.

    Parameters
    ----------
    name : str
        One of ``MADE_UP``.
    settings : Settings
        Those of the benchmark.
    progress : Progress
    """
    with TemporaryDirectory(prefix=f"cross-sell-{name}-") as folder:
        own = settings.model_copy(update={"warehouse": Path(folder) / "warehouse.duckdb"})
        load_source(own, name, progress)
        with progress.step(f"dbt run {name}") as step:
            run_dbt(own, ["run", "--selector", "learning"], step)
        return warehouse_case(own, progress)


def fold_case(validation: Fold, test: Fold, settings: Settings) -> Case:
    """Two folds with labels of their own; our models as the settings have them."""
    return Case(
        validation,
        test,
        EpochEvaluator(validation, settings.block_size),
        lambda model: evaluate(
            model.score,
            test,
            segments={ALL: np.ones(len(test.labelled_clients), dtype=np.bool_)},
            block_size=settings.block_size,
            resamples=settings.bootstrap_samples,
            seed=settings.seed,
        ),
        {name: (model_settings(settings, name),) for name in settings.models},
    )


def movielens_case(settings: Settings, progress: Progress) -> Case:
    """MovieLens 100K, the newest film of each user among 99 negatives.

    Validation is carved from train as the leave-one-out benchmark does it, and our models have
    its choices; where it has run before with the same seed, what it chose among them.
    """
    with progress.step("read ml-100k"):
        data = read_leave_one_out(prepare_ml_100k(settings))
        carved = carve(data, settings.seed)
        learn = leave_one_out_fold(data, carved.train)
        relearn = leave_one_out_fold(data, data.train)
        monitor = candidate_monitor(carved.validation, settings.block_size)
    return Case(
        learn,
        relearn,
        monitor,
        lambda model: evaluate_candidates(
            model,
            data.test,
            relearn.is_cold_client,
            block_size=settings.block_size,
            resamples=settings.bootstrap_samples,
            seed=settings.seed,
        ),
        {name: chosen_before(name, data.name, settings) for name in settings.models},
    )


def chosen_before(name: str, case: str, settings: Settings) -> Sequence[ModelSettings]:
    """What leave-one-out chose for a model on this data, or else all that it chooses among.

    Parameters
    ----------
    name : str
        Of the model.
    case : str
        Of the data, as that benchmark calls it.
    settings : Settings
        Another seed carves another validation split, whose choice may be another.

    Returns
    -------
    sequence of ModelSettings
    """
    choices = CHOICES[name]
    try:
        run = json.loads(json_file(settings, LEAVE_ONE_OUT).read_text())
        is_same = run["settings"]["seed"] == settings.seed and any(
            result[Columns.CASE_NAME] == case for result in run["results"]
        )
        chosen = run["settings"]["chosen"][name]["settings"]
        return (type(choices[0]).model_validate(chosen),) if is_same else choices
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return choices
