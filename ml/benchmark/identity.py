"""How right and how complete clients are, on a simulated world whose persons are known.

Pairs of records are counted: *precision* is the share of the pairs that SQL joined to one client
and that are one person, *recall* the share of the pairs of one person that it joined.
"""

from __future__ import annotations

from typing import Final

from ml import contracts
from ml.benchmark.results import BenchmarkResult
from ml.benchmark.runner import Measured
from ml.errors import InputError
from ml.progress import Progress
from ml.settings import Settings
from ml.warehouse import connect, count_identities, existing_columns

CASE: Final = "client records"
RULES: Final = "shared keys"


def measure_identity(settings: Settings, progress: Progress) -> Measured:
    """Compare the clients of a built simulated warehouse with its persons.

    Parameters
    ----------
    settings : Settings
    progress : Progress

    Returns
    -------
    Measured
        Pairwise precision and recall, and how many records, clients and persons there are.

    Raises
    ------
    InputError
        The warehouse holds no simulated world, or was not built since.
    """
    with (
        progress.step("compare with the truth") as step,
        connect(
            settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
        ) as connection,
    ):
        needed = (contracts.TRUTH_IDENTITIES, contracts.CLIENT_IDENTITIES)
        missing = [t for t in needed if not existing_columns(connection, t)]
        if missing:
            raise InputError(
                f"{settings.warehouse_file} has no {missing[0].qualified_name}: run "
                "'cross-sell load simulated' and 'cross-sell build' first"
            )
        counts = count_identities(connection)
        if not counts.records:
            raise InputError("no record is in the truth: run 'cross-sell build' first")
        step.outcome = f"{counts.records:,} records"
    figures = {
        "precision": counts.precision,
        "recall": counts.recall,
        "records": counts.records,
        "clients": counts.clients,
        "persons": counts.persons,
        "largest_client": counts.largest_client,
    }
    return Measured(
        [
            BenchmarkResult(CASE, RULES, metric, None if value is None else float(value))
            for metric, value in figures.items()
        ],
        {},
    )
