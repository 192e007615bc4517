"""The vars that a run's marts were built with, and what of them keeps two runs apart."""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa

from ml.contracts import Columns

VARS: Final = "vars"
"""Where they stand in a run's settings."""

MEASURED_WITH: Final = "measured_with"
OTHERS: Final = "others"


def vars_of(build_vars: pa.Table) -> dict[str, dict[str, Any]]:
    """Vars by whether they change what is measured, as a run's settings hold them."""
    found: dict[str, dict[str, Any]] = {MEASURED_WITH: {}, OTHERS: {}}
    for row in build_vars.to_pylist():
        part = MEASURED_WITH if row[Columns.CHANGES_MEASURES] else OTHERS
        found[part][row[Columns.VAR_NAME]] = json.loads(row[Columns.VALUE_JSON])
    return found


def measured_otherwise(run: dict[str, Any], other: dict[str, Any]) -> str:
    """How two runs differ in what changes measures; empty where they do not.

    Parameters
    ----------
    run, other : dict
        Rows of ``ml.runs``.

    Returns
    -------
    str
        As ``horizon_days is 14, was 30``; of runs of earlier versions, which kept no vars,
        nothing is known and nothing is said.
    """
    now, before = _measured_with(run), _measured_with(other)
    if not now or not before:
        return ""
    return ", ".join(
        f"{name} is {json.dumps(now.get(name))}, was {json.dumps(before.get(name))}"
        for name in sorted(now.keys() | before.keys())
        if now.get(name) != before.get(name)
    )


def _measured_with(run: dict[str, Any]) -> dict[str, Any]:
    settings = json.loads(run[Columns.SETTINGS_JSON] or "{}")
    found: dict[str, Any] = settings.get(VARS, {}).get(MEASURED_WITH, {})
    return found
