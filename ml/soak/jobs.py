"""The jobs of a trial, as processes of their own on a small simulated world."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.errors import CrossSellError
from ml.settings import PROJECT_ROOT

LOAD: Final = "load"
BUILD: Final = "build"
TRAIN: Final = "train"
BUILD_OFFERS: Final = "build offers"
PUBLISH: Final = "publish"

# Small enough that a whole pass takes a minute, large enough that every step has work.
_WORLD: Final = (
    "--clients", "300", "--services", "24", "--partners", "3", "--days", "120",
    "--events-per-client", "30",
)  # fmt: skip
STAGES: Final[dict[str, tuple[str, ...]]] = {
    LOAD: ("load", "simulated", *_WORLD),
    BUILD: ("build", "--selector", "raw_to_learning"),
    TRAIN: ("train",),
    BUILD_OFFERS: ("build", "--selector", "after_training"),
    PUBLISH: ("publish",),
}


class TrialError(CrossSellError):
    """What a trial is there to find: something was lost, mixed, broken or stuck."""

    exit_code = 8


@dataclass(frozen=True)
class World:
    """Where a trial happens.

    Parameters
    ----------
    folder : Path
        Its own, and empty at first.
    """

    folder: Path

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.folder / "warehouse.duckdb"

    def start(self, stage: str) -> subprocess.Popen[str]:
        """Start a stage as the head of a group of processes."""
        log = (self.folder / "jobs.log").open("a")
        with log:
            log.write(f"--- {stage}\n")
            log.flush()
            return subprocess.Popen(
                [sys.executable, "-m", "ml", *STAGES[stage]],
                cwd=PROJECT_ROOT,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def complete(self, stage: str) -> float:
        """Run a stage to its end; return the seconds it took.

        Raises
        ------
        TrialError
            It failed.
        """
        start = time.monotonic()
        process = self.start(stage)
        try:
            code = process.wait()
        except BaseException:
            kill(process)
            raise
        if code != 0:
            last = (self.folder / "jobs.log").read_text().strip().splitlines()[-1]
            raise TrialError(f"'{stage}' failed with {code}: {last}")
        return time.monotonic() - start

    def _environment(self) -> dict[str, str]:
        return {
            "DBT_TARGET_PATH": str(self.folder / "target"),
            "DBT_LOG_PATH": str(self.folder / "logs"),
            **os.environ,
            "CROSS_SELL_WAREHOUSE": str(self.warehouse),
            "CROSS_SELL_MODELS": '["popularity", "ease"]',
            "CROSS_SELL_BOOTSTRAP_SAMPLES": "50",
            "CROSS_SELL_PUBLISH_LEAD_SECONDS": "0.5",
        }


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a stage with all that it has started (SIGKILL)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
