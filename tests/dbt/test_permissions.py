"""What could not be read permits nothing: from partners' files to who may be offered what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.warehouse import connect
from tests.commands import run_cli, run_dbt

SALES = "client_id,service_id,amount,transacted_at\n"
CLIENTS = "client_id,has_marketing_consent\n"


def deliver(folder: Path, partner: str, **files: str) -> None:
    (folder / partner).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / partner / f"{name}.csv").write_text(text)


def sales(*clients: str) -> str:
    days = ("2025-01-10", "2025-02-10", "2025-03-10", "2025-04-10")
    return SALES + "".join(f"{c},yoga,10,{day}\n" for c in clients for day in days)


def rows_of(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def test_whose_consent_could_not_be_read_is_offered_nothing(tmp_path: Path) -> None:
    warehouse, landing = tmp_path / "warehouse.duckdb", tmp_path / "landing"
    # Delivers clients that were read; a later file of them is refused below.
    deliver(landing, "gym", transactions=sales("a", "b"), clients=f"{CLIENTS}a,yes\nb,no\n")
    # Delivers none.
    deliver(landing, "spa", transactions=sales("c"))
    loaded = run_cli(warehouse, "load", "files", str(landing))
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    deliver(landing, "gym", clients_2="client_id,what_is_this\na,no\n")
    # All that came of clients, services and partners is refused.
    deliver(
        landing, "shop", transactions=sales("d"), clients="client_id,what\nd,no\n",
        services="service_id,what\nyoga,18\n",
    )  # fmt: skip
    deliver(landing, "mill", transactions=sales("e"), partners="partner_id,what\nmill,no\n")
    refused = run_cli(warehouse, "load", "files", str(landing))
    assert refused.returncode == 2, refused.stdout + refused.stderr
    built = run_dbt(
        warehouse, "run", "-s", "+ineligible_clients", "+ineligible_services",
        "--vars", "{unknown_consent_is_consent: true}",
    )  # fmt: skip
    assert built.returncode == 0, built.stdout[-4000:]
    assert rows_of(
        warehouse,
        "select client_id, reason from learning.ineligible_clients "
        "inner join core.dim_clients using (client_idx) where fold = 'serving' order by all",
    ) == [
        ("gym:a", "consent_unreadable"),
        ("gym:b", "consent_unreadable"),
        ("gym:b", "no_consent"),
        ("shop:d", "consent_unreadable"),
    ]
    assert rows_of(
        warehouse,
        "select service_id, reason from learning.ineligible_services "
        "inner join core.dim_services using (service_idx) where fold = 'serving' order by all",
    ) == [("mill:yoga", "partner_inactive"), ("shop:yoga", "limits_unreadable")]
