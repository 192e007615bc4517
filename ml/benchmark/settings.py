"""Settings of the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

PEERS_PYTHON: Final = Path(".peers/venv/bin/python")


class BenchmarkSettings(BaseModel):
    """Settings of ``cross-sell benchmark``; the defaults take three quarters of an hour.

    Parameters
    ----------
    speed_epochs : int, default 10
        Passes over the records that a training time counts: the least that the study's other
        table has.
    speed_seconds : float, default 25
        Time for one model at one size. What takes longer is measured over fewer epochs and
        scaled up, which a note then says; what takes less is repeated.
    speed_repeats : int, default 5
        Most repeats of one training.
    ratio_epochs : int, default 30
        Epochs that NCF and RecBole's NeuMF train beside each other.
    ratios_repeats : int, default 5
        Turns of each way that the ratios are taken over; one more warms up.
    epochs_seeds : int, default 3
        Worlds or splits, each with its own seed, behind the epochs table.
    trials : int, default 6
        Finished trials per model that the trials table wants at least; ``cross-sell tune``
        runs more.
    trials_minutes : float, default 2
        Per model, for what is missing of them.
    leave_one_out_minutes : float, default 30
        For all models of one folder, tests included; ``--minutes`` has the last word.
    data_name : str, default 'complete-journey'
        What the tables call the warehouse's data. Set it when you bring your own.
    ablation_patterns : tuple of str, default empty
        Feature names to take away, one variant each, with ``*`` and ``?`` as in a shell.
    peers_python : Path, default ``.peers/venv/bin/python``
        Interpreter of the other libraries' own environment; relative to the project's root.
    peers_seconds : float, default 600
        Time after which one library is given up.
    scale_clients : tuple of int, default 100,000, 300,000 and 1,000,000
        Sizes at which the whole job is run.
    scale_services, scale_partners : int, default 1,000 and 10
        Of each of these worlds.
    scale_events_per_client : float, default 58
        So that a million clients leave 50 million rows in a year.
    scale_sample_budget : int, default 5,000,000
        ``sample_budget`` of the models that have one: owned pairs that a training visits.
    scale_quality_clients : int, default 100,000
        The size at which those models also learn without the budget, to compare quality.
    scale_memory_gib : float, default 12
        Of a command with all its children; one that takes more is ended.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed_epochs: int = Field(default=10, ge=1)
    speed_seconds: float = Field(default=25.0, gt=0)
    speed_repeats: int = Field(default=5, ge=1)
    ratio_epochs: int = Field(default=30, ge=1)
    ratios_repeats: int = Field(default=5, ge=1)
    epochs_seeds: int = Field(default=3, ge=1)
    trials: int = Field(default=6, ge=1)
    trials_minutes: float = Field(default=2.0, gt=0)
    leave_one_out_minutes: float = Field(default=30.0, gt=0)
    data_name: str = "complete-journey"
    ablation_patterns: tuple[str, ...] = ()
    peers_python: Path = PEERS_PYTHON
    peers_seconds: float = Field(default=600.0, gt=0)
    scale_clients: tuple[int, ...] = (100_000, 300_000, 1_000_000)
    scale_services: int = Field(default=1_000, ge=1)
    scale_partners: int = Field(default=10, ge=1)
    scale_events_per_client: float = Field(default=58.0, gt=0)
    scale_sample_budget: int = Field(default=5_000_000, ge=1)
    scale_quality_clients: int = Field(default=100_000, ge=1)
    scale_memory_gib: float = Field(default=12.0, gt=0)
