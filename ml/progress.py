"""Steps of a job: shown while they run, timed, and their peak memory noted."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from ml import interruptions, logs, processes

_CLEAR_REFS: Final = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Step:
    """What one finished step cost.

    Parameters
    ----------
    name : str
    seconds : float
        Wall time.
    peak_memory_mib : float
        Largest resident memory of the process that did the work, MiB.
    cpu_seconds : float
        User and system time of all threads, and of child processes that ended meanwhile.
    """

    name: str
    seconds: float
    peak_memory_mib: float
    cpu_seconds: float = 0.0


def _reset_peak() -> None:
    # 5 resets the high-water mark (Linux); elsewhere the peak stays that of the whole run.
    try:
        _CLEAR_REFS.write_text("5")
    except OSError:
        return


def peak_memory_mib() -> float:
    """Peak resident memory of this process since the last step began, MiB."""
    found = processes.peak_memory_mib()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if found is None else found


def _cpu_seconds() -> float:
    """User and system time so far, of this process and of its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class RunningStep:
    """Handle of the step that runs now; the job tells it what it is at."""

    def __init__(self, title: str, status: Status | None) -> None:
        self._title = title
        self._status = status
        self.outcome = ""
        self.child_peak_memory_mib: float | None = None

    def update(self, text: str) -> None:
        """Say what the step is at."""
        interruptions.look()
        if self._status is not None:
            self._status.update(f"{escape(self._title)} [dim]{escape(text)}[/dim]")


@dataclass
class Progress:
    """Shows steps on a console and keeps what they cost.

    Parameters
    ----------
    console : rich.console.Console
    steps : list of Step
        Finished ones, in order.
    """

    console: Console
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[RunningStep]:
        """Time a step; a terminal shows a spinner, a log gets a line when it is done."""
        interruptions.look()
        _reset_peak()
        start, cpu_start = time.perf_counter(), _cpu_seconds()
        try:
            if self.console.is_terminal and not logs.is_json():
                with self.console.status(escape(name), spinner="dots") as status:
                    running = RunningStep(name, status)
                    yield running
            else:
                running = RunningStep(name, None)
                yield running
            interruptions.look()
        except BaseException:
            interruptions.delivered()
            logs.error("step_failed", step=name, seconds=time.perf_counter() - start)
            raise
        seconds = time.perf_counter() - start
        peak = (
            peak_memory_mib()
            if running.child_peak_memory_mib is None
            else running.child_peak_memory_mib
        )
        self.steps.append(Step(name, seconds, peak, _cpu_seconds() - cpu_start))
        self._tell(self.steps[-1], running.outcome)

    def _tell(self, step: Step, outcome: str) -> None:
        if logs.is_json():
            logs.info(
                "step",
                step=step.name,
                seconds=step.seconds,
                cpu_seconds=step.cpu_seconds,
                peak_memory_mib=step.peak_memory_mib,
                outcome=outcome,
            )
            return
        self.console.print(
            f"[green]✓[/green] {escape(step.name):<26} [cyan]{step.seconds:6.1f} s[/cyan]"
            f" [dim]{step.peak_memory_mib:6,.0f} MiB[/dim]  {escape(outcome)}",
            highlight=False,
            soft_wrap=True,
        )

    def note(self, text: str) -> None:
        """Say something of the ordinary course that a person may wonder about."""
        if logs.is_json():
            logs.info("note", message=text)
        else:
            self.console.print(f"  [dim]{escape(text)}[/dim]", soft_wrap=True)

    def warn(self, heading: str, text: str) -> None:
        """Say what somebody should look at; the job goes on."""
        if logs.is_json():
            logs.warning("warning", message=f"{heading} {text}")
        else:
            self.console.print(f"[yellow]{escape(heading)}[/yellow] {escape(text)}", soft_wrap=True)
