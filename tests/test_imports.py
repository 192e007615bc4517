"""What a command loads: the libraries that learn only where something is learned or scored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ml.settings import PROJECT_ROOT
from tests.commands import environment
from tests.sources.files.feeds import SECRET

LEARNING = {"torch", "lightfm", "scipy", "optuna"}
LOADED = """
import sys
from ml.cli import app
sys.argv = ["cross-sell", *sys.argv[1:]]
try:
    app()
finally:
    print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded_by(warehouse: Path, *arguments: str) -> set[str]:
    """Top-level packages that a command has imported when it ends."""
    result = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=PROJECT_ROOT,
        env=environment(warehouse, CROSS_SELL_HASH_SECRET=SECRET),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stderr.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments",
    [("recommend", "C001"), ("releases",), ("doctor",), ("rollback", "--help")],
    ids=" ".join,
)
def test_who_only_looks_loads_nothing_that_learns(
    trained_world: Path, arguments: tuple[str, ...]
) -> None:
    assert not loaded_by(trained_world, *arguments) & LEARNING


@pytest.mark.parametrize(
    "source",
    [
        ("files", str(PROJECT_ROOT / "examples" / "landing")),
        ("simulated", "--clients", "200", "--services", "20", "--partners", "2", "--days", "100"),
    ],
    ids=lambda source: source[0],
)
def test_loading_learns_nothing(tmp_path: Path, source: tuple[str, ...]) -> None:
    loaded = loaded_by(tmp_path / "warehouse.duckdb", "load", *source)
    assert not loaded & {"torch", "lightfm", "optuna"}


def test_what_learns_is_seen(built_copy: Path) -> None:
    """The test can fail: a training does load them."""
    assert loaded_by(built_copy, "train") >= {"torch", "lightfm"}
