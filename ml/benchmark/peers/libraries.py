"""Which libraries stand beside ours, and what each may choose on validation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final

from ml.benchmark.peers.jobs import Job
from ml.settings import PROJECT_ROOT, Settings

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Library:
    """A library's model and its budget.

    Parameters
    ----------
    name : str
        As the tables have it.
    script, kind : str
        Which program, and which model in it.
    grid : tuple of mapping
        Settings to choose among by NDCG@10 on validation; the chosen one is fitted anew on
        the test fold's interactions.
    is_own : bool
        Whether it runs on this project's interpreter.
    stops_itself : bool
        Whether it has early stopping of its own: the epochs are then what it chose on a part
        of the validation fold's interactions.
    """

    name: str
    script: str
    kind: str = ""
    grid: tuple[Options, ...] = field(default_factory=tuple)
    is_own: bool = False
    stops_itself: bool = False

    def job(self, settings: Settings) -> Job:
        """What is asked of it."""
        peers = PROJECT_ROOT / settings.benchmark.peers_python
        return Job(
            Path(sys.executable) if self.is_own else peers,
            self.script,
            self.kind,
            settings.seed,
            settings.threads,
            settings.benchmark.peers_seconds,
        )


def _every(**values: tuple[Any, ...]) -> tuple[Options, ...]:
    return tuple(dict(zip(values, found, strict=True)) for found in product(*values.values()))


FACTORS: Final = 64

LIBRARIES: Final = (
    Library(
        "lightfm (bare)",
        "bare_lightfm",
        grid=_every(epochs=(3, 5, 10, 20)),
        is_own=True,
    ),
    Library(
        "implicit-als",
        "implicit_models",
        "als",
        _every(
            factors=(16, 32, FACTORS),
            iterations=(15,),
            regularization=(1.0, 10.0),
            alpha=(0.5, 2.0),
        ),
    ),
    Library(
        "implicit-bpr",
        "implicit_models",
        "bpr",
        _every(
            factors=(FACTORS,),
            iterations=(25, 100),
            learning_rate=(0.01, 0.03),
            regularization=(0.01, 0.1),
        ),
    ),
    Library(
        "recbole-neumf",
        "recbole_neumf",
        grid=(
            {
                "mf_embedding_size": FACTORS,
                "mlp_embedding_size": FACTORS,
                "mlp_hidden_size": [128, 64, 32],
                "train_batch_size": 2048,
                "train_neg_sample_args": {
                    "distribution": "uniform",
                    "sample_num": 4,
                    "dynamic": False,
                },
                # Looked at every second epoch, stopped after four without a gain.
                "eval_step": 2,
                "stopping_step": 2,
            },
        ),
        stops_itself=True,
    ),
)
