"""Ctrl-C and SIGTERM end a command also where a library loses the exception."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from rich.console import Console

from ml.interruptions import Terminated, delivered, listen, look
from ml.progress import Progress

SIGNALS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


class Careless:
    """Python clears what a destructor raises, as C code does with an attribute's lookup."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of before come back."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    listen()
    yield
    delivered()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def progress() -> Progress:
    return Progress(Console(quiet=True))


lost = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@lost
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_lost_exception_is_raised_where_the_step_ends(
    progress: Progress, number: signal.Signals
) -> None:
    went_on = False
    with pytest.raises(SIGNALS[number]), progress.step("train"):
        Careless(number)
        went_on = True
    assert went_on
    assert not progress.steps


@lost
def test_or_at_the_next_epoch(progress: Progress) -> None:
    with pytest.raises(KeyboardInterrupt), progress.step("train") as running:
        Careless(signal.SIGINT)
        running.update("epoch 2")
        pytest.fail("the epoch went on")


def test_it_is_raised_once(progress: Progress) -> None:
    with pytest.raises(KeyboardInterrupt), progress.step("train"):
        signal.raise_signal(signal.SIGINT)
    # What tidies up may have steps of its own.
    with progress.step("tidy up"):
        look()
    assert [step.name for step in progress.steps] == ["tidy up"]


def test_an_ignored_interrupt_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listen()
    signal.raise_signal(signal.SIGINT)
    look()
