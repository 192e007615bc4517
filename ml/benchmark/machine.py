"""What a benchmark ran on; names no host, no user and no path."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final, TypedDict

from ml.parallel import usable_cores

_CPU_INFO: Final = Path("/proc/cpuinfo")
_BYTES_PER_GIB: Final = 2**30


class Machine(TypedDict):
    """The facts that timings depend on.

    ``cores`` are those that this process may use, ``memory_gib`` is the machine's own.
    """

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str


def describe_machine() -> Machine:
    """Describe the machine that this process runs on."""
    return {
        "cpu": _cpu_model(),
        "cores": usable_cores(),
        "memory_gib": round(_memory_bytes() / _BYTES_PER_GIB, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _cpu_model() -> str:
    try:
        for line in _CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
