"""The memory of a child is its own, however large its parent is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ml.processes import MemoryWatch, end_with_parent, peak_memory_mib

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the system tells nothing of its processes"
)


def test_a_child_of_a_large_process_is_as_large_as_it_is() -> None:
    mine = b"x" * (400 << 20)
    program = "held = b'x' * (100 << 20); import time; time.sleep(0.5)"
    child = subprocess.Popen([sys.executable, "-c", program], preexec_fn=end_with_parent)
    with MemoryWatch(child.pid) as watch:
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
    assert len(mine) == 400 << 20
    # What the system tells after the end is of the parent, where that is larger.
    assert usage.ru_maxrss / 1024 > 400
    assert watch.peak_mib is not None
    assert 100 < watch.peak_mib < 200


def test_a_process_that_has_ended_has_no_memory() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert peak_memory_mib(child.pid) is None
    own = peak_memory_mib()
    assert own is not None
    assert own > 10
