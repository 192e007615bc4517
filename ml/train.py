"""The job: fit, calibrate, evaluate, choose a champion, score, write.

Hyper-parameters, early stopping, calibration and the choice of the champion rest on the validation
fold alone. Every model is then refitted up to the test fold's cutoff and measured once on
its labels; the champion is refitted and calibrated on everything and scores every client.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ml import contracts, logs
from ml.adjustment import scorer
from ml.blending import BLEND
from ml.champion import Champion, best_on_validation, crown, differences
from ml.checkpoints import Checkpoints
from ml.comparisons import ModelDifference
from ml.dataset import Fold
from ml.earlier_models import EarlierModels
from ml.enough import too_little
from ml.errors import WarehouseAccessError
from ml.evaluation.calibration import Calibrator, Evidence
from ml.fingerprint import fingerprint
from ml.fold_building import Marts
from ml.marts import as_of_at, read_folds
from ml.models.base import FittedModel
from ml.models.ease import MOST_SERVICES, Ease
from ml.models.item_knn import ItemKNN
from ml.models.item_to_item import ItemToItem
from ml.offers import OFFER_SCHEMA, OfferMaker
from ml.progress import Progress, Step
from ml.releases import kept_releases
from ml.results import RunTables, run_tables
from ml.settings import Settings
from ml.spool import Spool
from ml.trials import (
    Trial,
    blend_of,
    fit_blend,
    fit_model,
    learned_fold,
    new_model,
    test,
    test_blend,
)
from ml.warehouse import append_tables, connect

MODELS_FOLDER: Final = "models"
CALIBRATOR_FILE: Final = "calibrator.json"
ADJUSTMENT_FILE: Final = "adjustment.json"


@dataclass(frozen=True)
class Run:
    """What one training run found and wrote.

    Parameters
    ----------
    run_id : str
        Starts with the time, so that runs sort.
    as_of_at, started_at, finished_at : datetime
        UTC.
    trials : list of Trial
        In the settings' order.
    champion : Champion
    comparisons : list of ModelDifference
        Of all pairs of models.
    offer_count : int
    model_folder : Path
        The saved champion and its calibrator.
    """

    run_id: str
    as_of_at: datetime
    started_at: datetime
    finished_at: datetime
    trials: list[Trial]
    champion: Champion
    comparisons: list[ModelDifference]
    offer_count: int
    model_folder: Path

    @property
    def champion_trial(self) -> Trial:
        """What the champion reached."""
        return next(trial for trial in self.trials if trial.name == self.champion.name)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def train(settings: Settings, progress: Progress) -> Run:
    """Run the whole job on built marts.

    Parameters
    ----------
    settings : Settings
    progress : Progress

    Returns
    -------
    Run

    Raises
    ------
    InputError
        Marts that are missing, empty or not as contracted.
    ModelError
        A model that does not exist, or whose scores are not finite.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened; nothing was written.
    """
    started_at = _now()
    run_id = f"{started_at:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    logs.bind(run_id=run_id)
    first_step = len(progress.steps)
    with progress.step("read marts") as step:
        marts, folds = read_folds(settings, step)
    earlier = EarlierModels(settings, settings.folder / MODELS_FOLDER)
    checkpoints = Checkpoints(settings, progress)
    trials, comparisons, champion, calibrator = _compete(
        settings, folds, earlier, checkpoints, progress
    )
    chosen = next(trial for trial in trials if trial.name == champion.name)
    chosen = replace(chosen, calibrator=calibrator)
    serving = folds[contracts.FOLD_SERVING]
    with Spool(settings.folder, OFFER_SCHEMA) as spool:
        model, chosen = _serve(
            run_id, chosen, trials, serving, marts, spool, settings, earlier, checkpoints, progress
        )
        with progress.step("write results") as step:
            offers = spool.rows()
            run = Run(
                run_id,
                as_of_at(marts),
                started_at,
                _now(),
                trials,
                champion,
                comparisons,
                len(offers),
                _save(model, chosen, settings, run_id, earlier),
            )
            tables = run_tables(run, offers, marts, folds, settings)
            _write(settings, tables, progress.steps[first_step:], run_id, earlier)
            step.outcome = f"{tables.row_count:,} rows"
    checkpoints.clear()
    return run


def _compete(
    settings: Settings,
    folds: dict[str, Fold],
    earlier: EarlierModels,
    checkpoints: Checkpoints,
    progress: Progress,
) -> tuple[list[Trial], list[ModelDifference], Champion, Calibrator]:
    """Fit and calibrate every model on validation, measure each on test, choose one.

    The champion is then calibrated on both folds: what was measured was learned from one.
    """
    validation, testing = folds[contracts.FOLD_VALIDATION], folds[contracts.FOLD_TEST]
    _tell_of_other_data(settings, validation, progress)
    cause = too_little(validation)
    if cause:
        progress.warn("too little to choose on:", f"{cause}: the best baseline serves")
    names = _competing(settings, testing, progress)
    fitted = {name: earlier.fit(name, validation, progress, checkpoints) for name in names}
    blended = fit_blend(fitted, settings, validation, progress)
    competing = {**fitted, BLEND: blended} if blended else fitted
    winner = best_on_validation(competing)
    needed = {winner, *(blended.model.choices if blended else ())}
    refitted: dict[str, FittedModel] = {}

    def keep(name: str) -> Callable[[FittedModel], None]:
        for_later = earlier.keep(name, testing)

        def listen(model: FittedModel) -> None:
            for_later(model)
            if name in needed:
                refitted[name] = model

        return listen

    trials = [
        test(
            name, fitted[name], settings, testing, progress,
            earlier.start(name, testing), keep(name), checkpoints,
        )
        for name in names
    ]  # fmt: skip
    if blended:
        refitted[BLEND] = blend_of(blended.model, trials, refitted, testing)
        trials.append(test_blend(blended, refitted[BLEND], settings, testing, progress))
    with progress.step(f"calibrate {winner} on both folds"):
        best = competing[winner]
        seen = [(best.model, validation), (refitted[winner], testing)]
        calibrator = Calibrator.fit_on(
            [
                Evidence.of(scorer(model, fold, best.adjustment), fold, None, settings.block_size)
                for model, fold in seen
                if fold is validation or len(fold.labelled_clients)
            ]
        )
    with progress.step("compare models") as step:
        comparisons = differences(trials, settings)
        champion = crown(winner, trials, comparisons, cause)
        step.outcome = f"{winner} is chosen on validation"
    return trials, comparisons, champion, calibrator


def _competing(settings: Settings, fold: Fold, progress: Progress) -> list[str]:
    """Models that are fitted, without those that the catalogue is too large for."""
    names = list(settings.models)
    if Ease.name in names and fold.n_services > MOST_SERVICES:
        progress.warn(
            f"{Ease.name} is left out:",
            f"{fold.n_services:,} services are more than {MOST_SERVICES:,}, and its memory grows "
            "with their square",
        )
        names.remove(Ease.name)
    return names


def _serve(
    run_id: str,
    chosen: Trial,
    trials: list[Trial],
    fold: Fold,
    marts: Marts,
    spool: Spool,
    settings: Settings,
    earlier: EarlierModels,
    checkpoints: Checkpoints,
    progress: Progress,
) -> tuple[FittedModel, Trial]:
    """Refit the champion on everything and spool the best candidates of every eligible client."""
    name, by_name = chosen.name, {trial.name: trial for trial in trials}
    model: FittedModel
    models: dict[str, FittedModel] = {}
    for member in chosen.choices if name == BLEND else (name,):
        with progress.step(f"refit {member} on everything") as step:
            models[member], _ = fit_model(
                member,
                settings,
                fold,
                start=earlier.start(member, fold),
                epochs=by_name[member].best_epoch,
                tell=step.update,
                checkpoints=checkpoints,
            )
        earlier.keep(member, fold)(models[member])
    model = blend_of(chosen, trials, models, fold) if name == BLEND else models[name]
    with progress.step("offers for every client") as step:
        item_to_item = _item_to_item([*models.values()], fold, settings)
        score = scorer(model, fold, chosen.adjustment)
        calibrator = chosen.calibrator.moved_to(score, fold, settings.block_size)
        maker = OfferMaker(run_id, name, _now(), fold, marts, calibrator, item_to_item)
        clients = fold.eligible_clients
        count = 0
        for batch in maker.offers(
            score,
            clients,
            settings.offers_per_client,
            settings.block_size,
            step.update,
        ):
            spool.append(batch)
            count += len(batch)
        step.outcome = f"{count:,} for {len(clients):,} clients{calibrator.change}"
    return model, replace(chosen, calibrator=calibrator)


def _tell_of_other_data(settings: Settings, validation: Fold, progress: Progress) -> None:
    """Tuned settings hold for the data they were found on; on other data, tuning may find more."""
    data = fingerprint(validation) if settings.tuned else None
    for name, provenance in settings.tuned.items():
        if name in settings.models and provenance.data != data:
            progress.warn(
                f"{name} was tuned on other data",
                f"({provenance.saved_at:%Y-%m-%d}): 'cross-sell tune' tunes it on this",
            )


def _item_to_item(models: Sequence[FittedModel], fold: Fold, settings: Settings) -> ItemToItem:
    """A linear model on everything, the champion or a part of it if it is one: tells reasons."""
    # Reasons speak of what a client has, not of what it looked at.
    if learned_fold(fold, settings) is fold:
        for model in models:
            if isinstance(model, ItemToItem):
                return model
    is_large = fold.n_services > MOST_SERVICES
    teller = new_model(settings, ItemKNN.name if is_large else Ease.name)
    assert isinstance(teller, ItemToItem)
    teller.fit(fold)
    return teller


def _save(
    model: FittedModel, chosen: Trial, settings: Settings, run_id: str, earlier: EarlierModels
) -> Path:
    """Keep the champion on disk, and the newest few before it."""
    models = settings.folder / MODELS_FOLDER
    folder = models / run_id
    try:
        model.save(folder)
        earlier.save(folder)
        (folder / CALIBRATOR_FILE).write_text(json.dumps(chosen.calibrator.to_dict()))
        (folder / ADJUSTMENT_FILE).write_text(json.dumps(asdict(chosen.adjustment)))
        prune_models(settings)
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot save the model in {models}: {error.strerror}; nothing of this run is written"
        ) from None
    return folder


def prune_models(settings: Settings) -> None:
    """Remove all but the newest saved champions, and those whose offers a kept release holds."""
    in_use = {release.run_id for release in kept_releases(settings)}
    saved = sorted(path for path in (settings.folder / MODELS_FOLDER).iterdir() if path.is_dir())
    for old in saved[: -settings.models_kept]:
        if old.name not in in_use:
            shutil.rmtree(old, ignore_errors=True)


def _write(
    settings: Settings, tables: RunTables, steps: list[Step], run_id: str, earlier: EarlierModels
) -> None:
    """Append all rows of a run in one transaction: it is visible whole or not at all."""
    with connect(
        settings.warehouse_file, read_only=False, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        append_tables(connection, [*earlier.decisions(run_id), *tables.with_steps(steps, run_id)])
