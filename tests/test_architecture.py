"""The doors of the house plan that stay shut."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml import contracts
from ml.settings import PROJECT_ROOT

ML = PROJECT_ROOT / "ml"
FILES = sorted(path.relative_to(PROJECT_ROOT) for path in ML.rglob("*.py"))
SQL = re.compile(
    r"^\s*(select\s.+\sfrom\s|insert\s+into\s|create\s+(or\s+replace\s+)?(table|view|schema)\s"
    r"|delete\s+from\s|update\s+\w+\s+set\s|drop\s+table|copy\s*\(|attach\s)",
    re.IGNORECASE,
)


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((PROJECT_ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reaches(path: Path, name: str) -> bool:
    return any(found == name or found.startswith(f"{name}.") for found in imports(path))


def strings(path: Path) -> Iterator[str]:
    """String constants, docstrings left out."""
    tree = ast.parse((PROJECT_ROOT / path).read_text())
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node.value  # type: ignore[attr-defined]


def inside(path: Path, folder: str) -> bool:
    return path.is_relative_to(Path("ml") / folder)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_doors_stay_shut(path: Path) -> None:
    if inside(path, "models") or inside(path, "evaluation"):
        assert not reaches(path, "ml.warehouse")
    if inside(path, "evaluation"):
        assert not reaches(path, "ml.models")
        assert not reaches(path, "torch")
    # Programs of other libraries' environments: what they import is theirs, nothing is ours.
    is_peer = inside(path, "benchmark/peers/scripts")
    if is_peer:
        assert not reaches(path, "ml")
    if path != Path("ml/models/lightfm_members.py") and not is_peer:
        assert not reaches(path, "lightfm")
    if not inside(path, "models") and not is_peer:
        assert not reaches(path, "torch")
    if not inside(path, "warehouse"):
        assert not reaches(path, "duckdb")
        assert not [text for text in strings(path) if SQL.search(text)]
    if path not in (Path("ml/cli.py"), Path("ml/__main__.py")):
        assert not reaches(path, "ml.cli")


# Words that are column names and also ordinary words of the code around them.
ORDINARY = {
    "auc", "epoch", "fold", "loss", "metric", "reason", "score", "seconds", "seed",
    "segment", "status", "step", "value", "weight", "amount", "quantity", "feature",
    "benchmark", "low", "high", "note", "lift", "gain", "bin", "difference",
    "mean_probability", "error", "kind", "measure", "moment",
    "calibration_error", "positive_rate", "ndcg",
}  # fmt: skip


# A source's own columns, and a program that old readers' environments run.
SPELL_THEIR_OWN = {"complete_journey.py", "reader_program.py"}


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if not inside(p, "contracts") and p.name not in SPELL_THEIR_OWN],
    ids=str,
)
def test_column_names_are_spelled_in_contracts_only(path: Path) -> None:
    names = {v for k, v in vars(contracts.Columns).items() if k.isupper()} - ORDINARY
    assert not names & set(strings(path))


def test_the_plain_pattern_finds_sql() -> None:
    assert SQL.search("select a from b")
    assert SQL.search("create or replace table x (y int)")
    assert not SQL.search("select the best from all of them"[0:6])
