"""How often the choice of the champion errs, on each date as training makes it, without blends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.backtest.cycle import Cycle
from ml.benchmark.results import BenchmarkResult
from ml.champion import best_on_validation
from ml.evaluation.protocol import Evaluation
from ml.evaluation.significance import SIGNIFICANT, standard_error
from ml.progress import Progress
from ml.settings import Settings
from ml.trials import fit_on_validation, test

CHAMPION: Final = "champion"
ERRORS: Final = "share_of_errors"


@dataclass(frozen=True)
class Chosen:
    """The champion of a date, and what every model then reached.

    Parameters
    ----------
    name : str
    evaluations : mapping of str to Evaluation
        Of all models, on the horizon after the date.
    """

    name: str
    evaluations: Mapping[str, Evaluation]

    @property
    def better(self) -> dict[str, float]:
        """Leads of the models that then did significantly better, on paired clients."""
        metric = self.evaluations[self.name].choice_metric
        own = self.evaluations[self.name].per_client[metric]
        found = {}
        for name, evaluation in self.evaluations.items():
            lead = evaluation.per_client[metric] - own
            lead = lead[~np.isnan(lead)]
            if len(lead) and lead.mean() > SIGNIFICANT * standard_error(lead) > 0:
                found[name] = float(lead.mean())
        return found


def choose_champion(cycle: Cycle, settings: Settings, progress: Progress) -> Chosen:
    """Choose on what was known by the date, then see what every model did after it.

    Parameters
    ----------
    cycle : Cycle
    settings : Settings
        Its models compete.
    progress : Progress

    Returns
    -------
    Chosen
    """
    fitted = {
        name: fit_on_validation(name, settings, cycle.past, progress) for name in settings.models
    }
    evaluations = {
        name: test(name, fitted[name], settings, cycle.present, progress).test
        for name in settings.models
    }
    return Chosen(best_on_validation(fitted), evaluations)


def champion_results(
    cases: Sequence[str], found: Sequence[Chosen], all_dates: str
) -> list[BenchmarkResult]:
    """What the champion reached on each date, and on how many another did better.

    Parameters
    ----------
    cases : sequence of str
        The dates.
    found : sequence of Chosen
        On each.
    all_dates : str
        What the tables call all of them together.

    Returns
    -------
    list of BenchmarkResult
    """
    results = []
    for case, chosen in zip(cases, found, strict=True):
        better = chosen.better
        leads = ", ".join(f"{name} does better by {lead:.4f}" for name, lead in better.items())
        reached = chosen.evaluations[chosen.name]
        metric = reached.choice_metric
        [row] = [row for row in reached.rows if (row.metric, row.segment) == (metric, "all")]
        results += [
            BenchmarkResult(
                case, CHAMPION, metric, row.value, row.ci_low, row.ci_high,
                row.client_count, note=f"{chosen.name}; {leads or 'none does better'}",
            ),
            BenchmarkResult(case, CHAMPION, ERRORS, float(bool(better))),
        ]  # fmt: skip
    errors = sum(bool(chosen.better) for chosen in found)
    note = f"another model then did significantly better on {errors} of {len(found)} dates"
    return [
        *results,
        BenchmarkResult(
            all_dates, CHAMPION, ERRORS, errors / len(found), sample_count=len(found), note=note
        ),
    ]
