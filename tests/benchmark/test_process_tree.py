"""What a command and its children cost, on real processes."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ml.benchmark.process_tree import (
    BYTES_PER_GIB,
    CommandFailedError,
    Usage,
    run_measured,
    tree_memory,
)

MIB = 2**20


def run(tmp_path: Path, program: str, memory_gib: float = 4.0) -> Usage:
    return run_measured(
        [sys.executable, "-c", textwrap.dedent(program)],
        folder=tmp_path,
        environment=os.environ,
        log=tmp_path / "log",
        memory_gib=memory_gib,
    )


def test_memory_and_time_of_children_count(tmp_path: Path) -> None:
    child = "held = b'x' * (150 << 20); import time; time.sleep(1.5)"
    mine = b"x" * (1 << 30)
    used = run(
        tmp_path,
        f"""
        import subprocess, sys
        held = b'x' * (150 << 20)
        busy = sum(range(10_000_000))
        subprocess.run([sys.executable, "-c", {child!r}], check=True)
        """,
    )
    # Two processes of 150 MiB each at the same time, and little beside: nothing of this one.
    assert 300 * MIB < used.peak_memory_gib * BYTES_PER_GIB < 400 * MIB
    assert len(mine) == 1 << 30
    assert used.seconds >= 1.5
    assert 0.05 < used.cpu_seconds < used.seconds * 4


def test_a_failure_is_told_by_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"^error: no such table \(all it printed: "):
        run(tmp_path, "print('working'); print('error: no such table'); raise SystemExit(2)")
    with pytest.raises(CommandFailedError, match="it printed nothing"):
        run(tmp_path, "raise SystemExit(1)")


def test_a_command_that_takes_too_much_is_ended(tmp_path: Path) -> None:
    started = time.perf_counter()
    with pytest.raises(CommandFailedError, match=r"0\.1 GiB are allowed"):
        run(tmp_path, "held = b'x' * (200 << 20); import time; time.sleep(60)", memory_gib=0.1)
    assert time.perf_counter() - started < 30


def test_a_process_that_has_ended_has_no_memory() -> None:
    assert tree_memory(2**22 + 1) == 0
    assert tree_memory(os.getpid()) > 10 * MIB
