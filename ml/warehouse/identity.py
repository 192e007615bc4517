"""How right and how complete the clients are that SQL made of records, against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ml.warehouse.connection import Connection

# Pairs by group sizes, n (n - 1) / 2: the pairs themselves would be many times the records.
_COUNTS: Final = """
with found as (
    select identities.client_id, truth.person_index, count(*) as n
    from core.client_identities as identities
    inner join simulated_truth.identities as truth
        on identities.partner_client_id = truth.client_id
        and identities.source_partner_id is not distinct from truth.source_partner_id
    group by identities.client_id, truth.person_index
),
clients as (select sum(n) as n from found group by client_id),
persons as (select sum(n) as n from found group by person_index)
select
    (select coalesce(sum(n), 0)::bigint from found),
    (select count(*) from clients),
    (select count(*) from persons),
    (select coalesce(max(n), 0)::bigint from clients),
    (select coalesce(sum(n * (n - 1) / 2), 0)::bigint from clients),
    (select coalesce(sum(n * (n - 1) / 2), 0)::bigint from persons),
    (select coalesce(sum(n * (n - 1) / 2), 0)::bigint from found)
"""


@dataclass(frozen=True)
class IdentityCounts:
    """Records that are in both, as clients and as persons.

    Parameters
    ----------
    records, clients, persons : int
    largest_client : int
        Its number of records.
    joined_pairs : int
        Pairs of records of one client.
    true_pairs : int
        Pairs of records of one person.
    right_pairs : int
        Pairs that are both.
    """

    records: int
    clients: int
    persons: int
    largest_client: int
    joined_pairs: int
    true_pairs: int
    right_pairs: int

    @property
    def precision(self) -> float | None:
        """Share of the joined pairs that are one person; None where nothing is joined."""
        return self.right_pairs / self.joined_pairs if self.joined_pairs else None

    @property
    def recall(self) -> float | None:
        """Share of the pairs of one person that are joined; None where there are none."""
        return self.right_pairs / self.true_pairs if self.true_pairs else None


def count_identities(connection: Connection) -> IdentityCounts:
    """Compare ``core.client_identities`` with a simulated world's truth."""
    [row] = connection.execute(_COUNTS).fetchall()
    return IdentityCounts(*row)
