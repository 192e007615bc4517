"""Run dbt as a process of its own, so that its hold on the warehouse ends with it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from ml.errors import TransformError
from ml.processes import MemoryWatch, end_with_parent
from ml.progress import RunningStep
from ml.project_vars import check_vars
from ml.settings import PROJECT_ROOT, Settings

DBT_PROJECT: Final = PROJECT_ROOT / "dbt_project"
_NODE_EVENTS: Final = {
    "LogModelResult",
    "LogTestResult",
    "LogSeedResult",
    "LogSnapshotResult",
    "LogNodeNoOpResult",
    "LogFreshnessResult",
}

MEMORY_VARIABLE: Final = "CROSS_SELL_MEMORY_LIMIT"
TEMP_VARIABLE: Final = "CROSS_SELL_TEMP_DIRECTORY"
# In DuckDB's words; what has run out first, since a full disk is told as a lack of memory too.
_SHORTAGES: Final = (
    (
        re.compile(r"max_temp_directory_size|no space left on device", re.IGNORECASE),
        f"the disk is full: make room, or let {TEMP_VARIABLE} name a folder on a larger one",
    ),
    (
        re.compile(r"out of memory", re.IGNORECASE),
        f"DuckDB needs more memory: raise {MEMORY_VARIABLE}, for instance to 8GB",
    ),
)


@dataclass
class DbtOutcome:
    """What a dbt command did.

    Parameters
    ----------
    done : int
        Nodes finished.
    warnings, errors : list of str
        dbt's own words.
    """

    done: int = 0
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def _events(lines: IO[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            # What dbt prints before its logger is set up.
            event = {"info": {"name": "", "level": "error", "msg": line.rstrip()}, "data": {}}
        if isinstance(event, dict) and "info" in event:
            yield event


def _take(event: dict[str, Any], outcome: DbtOutcome, step: RunningStep) -> None:
    info, data = event["info"], event.get("data") or {}
    text = str(info.get("msg", "")).strip()
    if info["name"] in _NODE_EVENTS:
        outcome.done += 1
        name = (data.get("node_info") or {}).get("node_name", "")
        step.update(f"{data.get('index', outcome.done)}/{data.get('total', '?')} {name}")
    if info["level"] == "error" and text:
        outcome.errors.append(text)
    elif info["level"] == "warn" and text and info["name"] not in _SAID_ALREADY:
        outcome.warnings.append(_warning(info["name"], data, text))


# dbt tells of a test that warns three times: as it ends, and in two lines at the end of all.
_SAID_ALREADY: Final = frozenset({"RunResultWarning", "RunResultWarningMessage"})


def _warning(event: str, data: dict[str, Any], text: str) -> str:
    if event != "LogTestResult":
        return text
    name = data["name"]
    return (
        f"{name}: {data['num_failures']} rows; "
        f"'dbt show --project-dir dbt_project -s {name}' lists them"
    )


def _one_line(errors: Sequence[str]) -> str:
    """The line of dbt's errors that tells a person most."""
    lines = [line.strip() for text in errors for line in text.splitlines() if line.strip()]
    # Progress lines ("3 of 9 ERROR ...") and headings say where, the others say what.
    telling = [
        line
        for line in lines
        if not line.startswith(("Encountered an error", "Failure in", "Completed with", "Done."))
        and " of " not in line[:12]
        and not line.endswith("Error")
        and "compiled code at" not in line
    ]
    headings = [line for line in lines if line.startswith("Failure in")]
    parts = [*headings[:1], *telling[:2]]
    return " | ".join(parts) or (lines[0] if lines else "no message")


def remedy(errors: Sequence[str]) -> str | None:
    """What to do where memory or disk ran out; None where something else went wrong.

    Parameters
    ----------
    errors : sequence of str
        dbt's own words.
    """
    text = "\n".join(errors)
    return next((advice for shortage, advice in _SHORTAGES if shortage.search(text)), None)


def target_path() -> Path:
    """Where dbt keeps its parse of the project and what it compiled."""
    return Path(os.environ.get("DBT_TARGET_PATH", DBT_PROJECT / "target"))


def _as_dbt_knows(warehouse: Path) -> tuple[Path, str]:
    """The folder to run dbt in, and the warehouse's path from there.

    dbt parses the project anew where the connection is another one than that of the parse it kept,
    and the path is part of it. A path from the project's root is what a person's own dbt has; of a
    warehouse elsewhere, the file's name is the same wherever it lies.
    """
    if warehouse.is_relative_to(PROJECT_ROOT):
        return PROJECT_ROOT, str(warehouse.relative_to(PROJECT_ROOT))
    return warehouse.parent, warehouse.name


def run_dbt(settings: Settings, arguments: Sequence[str], step: RunningStep) -> DbtOutcome:
    """Run one dbt command on this project's warehouse.

    Parameters
    ----------
    settings : Settings
    arguments : sequence of str
        ``["build", "--selector", "after_training"]`` for instance.
    step : RunningStep
        Shown which node is done.

    Returns
    -------
    DbtOutcome

    Raises
    ------
    InputError
        The project's file names a var that nobody reads.
    TransformError
        dbt failed; the message has its first telling line and where the whole log is.
    """
    check_vars(DBT_PROJECT)
    settings.folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "--log-format",
        "json",
        "--no-use-colors",
        *arguments,
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(PROJECT_ROOT),
    ]
    if "--vars" in arguments:
        # Vars are part of what dbt parsed: those of one command leave the usual parse alone.
        command += ["--target-path", str(target_path() / "vars")]
    folder, name = _as_dbt_knows(settings.warehouse_file)
    outcome = DbtOutcome()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "CROSS_SELL_WAREHOUSE": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=end_with_parent,
        )
    except FileNotFoundError:
        raise TransformError(f"{command[0]} is not installed: run 'make setup'") from None
    assert process.stdout is not None
    try:
        with MemoryWatch(process.pid) as watch:
            for event in _events(process.stdout):
                _take(event, outcome, step)
            process.wait()
        step.child_peak_memory_mib = watch.peak_mib
    finally:
        # Interrupted: dbt must not go on alone with the warehouse.
        if process.poll() is None:
            process.terminate()
            process.wait()
    if process.returncode != 0:
        advice = remedy(outcome.errors)
        raise TransformError(
            f"dbt {arguments[0]} failed: {_one_line(outcome.errors)} "
            f"{f'- {advice} ' if advice else ''}"
            f"(whole log: {Path(os.environ.get('DBT_LOG_PATH', DBT_PROJECT / 'logs')) / 'dbt.log'})"
        )
    step.outcome = f"{outcome.done} nodes" + (
        f", {len(outcome.warnings)} warnings" if outcome.warnings else ""
    )
    return outcome
