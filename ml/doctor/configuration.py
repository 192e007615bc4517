"""Settings: the file, the environment, and what they make together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ml.doctor.finding import Finding, fail, ok, warn
from ml.errors import CrossSellError

if TYPE_CHECKING:
    from ml.settings import Settings

AREA: Final = "settings"
SECRET: Final = "CROSS_SELL_HASH_SECRET"
SHORTEST_SECRET: Final = 16


def check_settings(warehouse: Path | None) -> tuple[Settings | None, list[Finding]]:
    """Load the settings as every command does.

    Parameters
    ----------
    warehouse : Path or None
        The command's option.

    Returns
    -------
    Settings or None
        None where there are none that can be used.
    list of Finding
    """
    try:
        # A broken installation may lack what settings are made with.
        from ml.environment import given_variables
        from ml.settings import SETTINGS_FILE, load_settings
    except ImportError as error:
        return None, [fail(AREA, "values", f"cannot be loaded: {error}", "run 'make setup'")]
    try:
        settings = load_settings(warehouse=warehouse)
    except CrossSellError as error:
        remedy = f"mend {SETTINGS_FILE.name}, tuned.toml or the environment"
        return None, [fail(AREA, "values", str(error), remedy)]
    source = SETTINGS_FILE.name if SETTINGS_FILE.exists() else "defaults and environment"
    findings = [ok(AREA, "values", f"from {source}; warehouse {settings.warehouse_file}")]
    count = len(given_variables())
    variables = ok(AREA, "environment", f"{count} variables, all known")
    return settings, [*findings, variables, _secret()]


def _secret() -> Finding:
    """Whether files with e-mail addresses, phones or loyalty ids could be loaded."""
    value = os.environ.get(SECRET)
    if value is None:
        return ok(AREA, "hash secret", "not set; needed for files with e-mail, phone or loyalty id")
    if len(value) < SHORTEST_SECRET:
        return warn(
            AREA,
            "hash secret",
            f"{SECRET} is too short to be used",
            f"set {SHORTEST_SECRET} characters or more, the same for every load",
        )
    return ok(AREA, "hash secret", "set")
