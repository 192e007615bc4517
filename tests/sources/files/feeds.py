"""Small landing folders for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from ml.contracts import Table
from ml.progress import Progress
from ml.settings import Settings
from ml.sources.files.load import load_files
from ml.sources.files.outcome import FileOutcome
from ml.sources.files.report import told_refusals
from ml.warehouse import connect, read_table

HEADER = "transaction_id,client_id,service_id,quantity,amount,transacted_at"
SECRET = "a-secret-of-the-tests"


def sale(number: int, **changes: object) -> str:
    """A line of a transactions file."""
    fields = {
        "transaction_id": f"T{number}",
        "client_id": f"00{number % 7}",
        "service_id": f"S{number % 3}",
        "quantity": "1",
        "amount": f"{number}.50",
        "transacted_at": f"2024-03-{number % 28 + 1:02d} 10:00:00",
    }
    return ",".join(str(v) for v in {**fields, **changes}.values())


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """A file of the landing folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def load(
    folder: Path, warehouse: Path, *, is_check: bool = False, most_rejected_share: float = 0.05
) -> dict[str, FileOutcome]:
    """Load a landing folder; outcomes by file."""
    settings = Settings(warehouse=warehouse, most_rejected_share=most_rejected_share)
    progress = Progress(Console(quiet=True))
    return {o.name: o for o in load_files(settings, folder, progress, is_check=is_check)}


def check_what_is_told(outcomes: dict[str, FileOutcome]) -> None:
    """What a command ends with where a file was refused, and with that alone."""
    problem = told_refusals(list(outcomes.values()), "the others are loaded")
    refused = [name for name, outcome in outcomes.items() if outcome.status == "refused"]
    if not refused:
        assert problem is None
        return
    assert problem is not None
    assert problem.startswith(f"{len(refused)} of {len(outcomes)} files refused")
    assert any(name in problem for name in refused)


def rows(warehouse: Path, table: Table) -> list[dict[str, Any]]:
    """All rows of a raw table."""
    with connect(warehouse, read_only=True, wait_seconds=5) as connection:
        found: list[dict[str, Any]] = read_table(connection, table).to_pylist()
        return found
