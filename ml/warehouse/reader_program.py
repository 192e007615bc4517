"""A reader of releases, run as a program: by any DuckDB from 1.1 on, or by pyarrow alone.

It reads until a file appears, and prints one line of JSON: reads, errors, mixtures, and when it
first saw each run. It imports nothing of this project, so old interpreters' packages suffice.

    python reader_program.py KIND FOLDER STOP_FILE
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

_QUERY = (
    "select offers.run_id, count(distinct comparison.run_id), min(comparison.run_id), count(*) "
    "from cross_sell_scores as offers "
    "cross join (select distinct run_id from model_comparison) as comparison group by all"
)
_PAUSE_SECONDS = 0.05


class MixtureError(Exception):
    """A query saw more than one release."""


def _one_run(rows: list[tuple[str, int, str, int]]) -> str:
    if len(rows) != 1 or rows[0][1] != 1 or rows[0][0] != rows[0][2]:
        raise MixtureError(str(rows)[:200])
    return rows[0][0]


def _duckdb_reader(folder: Path, is_long_lived: bool) -> Callable[[], str]:
    import duckdb

    path = str(folder / "serving.duckdb")
    kept = duckdb.connect(path, read_only=True) if is_long_lived else None

    def read() -> str:
        if kept is not None:
            return _one_run(kept.execute(_QUERY).fetchall())
        connection = duckdb.connect(path, read_only=True)
        try:
            return _one_run(connection.execute(_QUERY).fetchall())
        finally:
            connection.close()

    return read


def _parquet_reader(folder: Path) -> Callable[[], str]:
    import pyarrow.parquet as pq

    def read() -> str:
        table = pq.read_table(folder / "current" / "cross_sell_scores.parquet", columns=["run_id"])
        runs = table.column("run_id").unique().to_pylist()
        if len(runs) != 1:
            raise MixtureError(str(runs)[:200])
        return str(runs[0])

    return read


def main() -> None:
    """Read until told to stop."""
    kind, folder, stop = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    read = _parquet_reader(folder) if kind == "parquet" else _duckdb_reader(folder, kind == "long")
    reads, mixtures, errors = 0, 0, []
    seen: dict[str, float] = {}
    sys.stdout.write("reading\n")
    sys.stdout.flush()
    while not stop.exists():
        try:
            started_at = time.time()
            run = read()
            seen.setdefault(run, started_at)
        except MixtureError as error:
            mixtures += 1
            errors.append(f"mixture: {error}")
        except Exception as error:
            errors.append(str(error)[:300])
        reads += 1
        time.sleep(_PAUSE_SECONDS)
    found = {"reads": reads, "mixtures": mixtures, "errors": errors, "seen": seen}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
