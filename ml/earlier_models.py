"""Warm starts of a training run: where earlier runs left off, what was decided, what is left.

Beside the saved champion each run leaves, of every model that can go on, what it had learned at
each fold's cutoff. A fold starts from the newest of them that has seen nothing of what the fold
holds out: one whose cutoff is not after the fold's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ml import contracts
from ml.checkpoints import Checkpoints
from ml.contracts import Columns, Table, arrow_table
from ml.dataset import Fold
from ml.errors import InputError, ModelError
from ml.models.base import FittedModel
from ml.models.learned import Adaptable, Learned, load_learned, save_learned
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import Fitted, fit_on_validation, model_settings
from ml.warm_start import WarmChoice, choose_start

STARTS_FOLDER: Final = "starts"
AUTO: Final = "auto"
NEVER: Final = "never"
QUESTION: Final = "warm_start"
WARM: Final = "warm"
COLD: Final = "cold"
_DESCRIPTION: Final = "start.json"


def parse_warm_from(text: str | None) -> str | None:
    """The setting ``warm_start`` that an option asks for; None where it was not given."""
    words = {None: None, "latest": AUTO, "none": NEVER}
    if text not in words:
        raise InputError(f"--warm-from: 'latest' or 'none' is wanted, got '{text}'")
    return words[text]


class EarlierModels:
    """Chooses between warm and cold, and keeps what the next run may start from.

    With the setting ``warm_start = "never"`` everything is cold and nothing is kept.

    Parameters
    ----------
    settings : Settings
    folder : Path
        Where runs save their models, a folder each.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._is_on = settings.warm_start == AUTO
        self._choices: dict[str, WarmChoice] = {}
        self._kept: dict[tuple[str, str], tuple[datetime, Learned]] = {}

    def fit(
        self,
        name: str,
        fold: Fold,
        progress: Progress,
        checkpoints: Checkpoints | None = None,
    ) -> Fitted:
        """Fit on validation, cold and, where there is a start, warm; the one that is used."""
        fitted = fit_on_validation(name, self._settings, fold, progress, checkpoints=checkpoints)
        if self._is_on and isinstance(fitted.model, Adaptable):
            start = self._newest(name, fold)
            choice = choose_start(name, fitted, start, self._settings, fold, progress, checkpoints)
            self._choices[name] = choice
            progress.console.print(f"  [dim]{name} {choice.reason}[/dim]", soft_wrap=True)
            fitted = choice.warm or fitted
            self.keep(name, fold)(fitted.model)
        return fitted

    def start(self, name: str, fold: Fold) -> Learned | None:
        """What a refit goes on from; None where the model is fitted from nothing."""
        choice = self._choices.get(name)
        return self._newest(name, fold) if choice is not None and choice.warm else None

    def keep(self, name: str, fold: Fold) -> Callable[[FittedModel], None]:
        """Make a listener that keeps what a model fitted on a fold has learned."""

        def listen(model: FittedModel) -> None:
            if self._is_on and isinstance(model, Adaptable) and model.learned is not None:
                self._kept[name, fold.name] = (fold.cutoff_at, model.learned)

        return listen

    def save(self, run_folder: Path) -> None:
        """Write what is kept, for the next run to start from."""
        for (name, fold_name), (cutoff_at, learned) in self._kept.items():
            folder = run_folder / STARTS_FOLDER / f"{name}-{fold_name}"
            save_learned(folder, learned)
            (folder / _DESCRIPTION).write_text(json.dumps(self._description(name, cutoff_at)))

    def decisions(self, run_id: str) -> list[tuple[Table, pa.Table]]:
        """Rows of ``ml.decisions``: one per model that there was a choice for."""
        moment = datetime.now(UTC).replace(tzinfo=None)
        rows = [
            {
                Columns.DECISION_ID: f"{run_id}-{QUESTION}-{name}",
                Columns.DECIDED_AT: moment,
                Columns.QUESTION: QUESTION,
                Columns.CHOICE: COLD if choice.warm is None else WARM,
                Columns.REASON: f"{name} {choice.reason}.",
                Columns.RUN_ID: run_id,
                Columns.NUMBERS_JSON: json.dumps(_numbers(name, choice)),
            }
            for name, choice in self._choices.items()
        ]
        if not rows:
            return []
        columns = {name: [row[name] for row in rows] for name in contracts.DECISIONS.column_names}
        return [(contracts.DECISIONS, arrow_table(contracts.DECISIONS, columns))]

    def _description(self, name: str, cutoff_at: datetime) -> dict[str, Any]:
        own = model_settings(self._settings, name)
        return {
            Columns.CUTOFF_AT: cutoff_at.isoformat(),
            "settings": None if own is None else own.model_dump(mode="json"),
        }

    def _newest(self, name: str, fold: Fold) -> Learned | None:
        """The newest start that has seen nothing from the fold's cutoff on, of these settings."""
        wanted = self._description(name, fold.cutoff_at)
        found: list[tuple[datetime, str, Path]] = []
        for path in self._folder.glob(f"*/{STARTS_FOLDER}/{name}-*/{_DESCRIPTION}"):
            try:
                description = json.loads(path.read_text())
                cutoff_at = datetime.fromisoformat(description[Columns.CUTOFF_AT])
                is_fit = description["settings"] == wanted["settings"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if is_fit and cutoff_at <= fold.cutoff_at:
                found.append((cutoff_at, str(path.parent), path.parent))
        for _, _, folder in sorted(found, reverse=True):
            try:
                return load_learned(folder)
            except ModelError:
                continue
        return None


def _numbers(name: str, choice: WarmChoice) -> dict[str, Any]:
    numbers: dict[str, Any] = {Columns.MODEL_NAME: name, "warm_seconds": choice.seconds}
    if choice.comparison is not None:
        numbers |= {
            Columns.DIFFERENCE: choice.comparison.difference,
            Columns.CI_LOW: choice.comparison.low,
            Columns.CI_HIGH: choice.comparison.high,
            Columns.P_VALUE: choice.comparison.p_value,
            Columns.CLIENT_COUNT: choice.comparison.client_count,
        }
    return numbers
