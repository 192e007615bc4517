"""The true probabilities of a built simulated warehouse, in the order of its marts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from ml import contracts
from ml.contracts import Columns
from ml.dataset import FloatArray, Fold, IntArray
from ml.errors import InputError
from ml.fold_building import Marts
from ml.settings import Settings
from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.tastes import Floats, Ints, draw_services
from ml.sources.simulated.truth import LabelWindow, open_log_chance
from ml.warehouse import connect, existing_columns, read_table

_US_PER_DAY = 86_400_000_000


@dataclass(frozen=True)
class Oracle:
    """Scores pairs by their true probability.

    Parameters
    ----------
    persons : ndarray of float64, (n_clients, n_factors)
        Factors of each client's person, as at the cutoff.
    services : ndarray of float64, (n_services, n_factors)
    new_mass, hidden_mass : ndarray of float64, (n_services,)
        As in :class:`LabelWindow`, in the marts' order.
    open_chance : csr_matrix, (n_clients, n_services)
        Sum of ``-ln(1 - q)`` over the open intents.
    """

    persons: Floats
    services: Floats
    new_mass: Floats
    hidden_mass: Floats
    open_chance: sparse.csr_matrix

    def score(self, clients: IntArray) -> FloatArray:
        """Probability given all that history shows, (n,) -> (n, n_services)."""
        exponent = self._rate(clients) * self.new_mass + self.open_chance[clients].toarray()
        scores: FloatArray = (-np.expm1(-exponent)).astype(np.float32)
        return scores

    def score_without_web(self, clients: IntArray) -> FloatArray:
        """Probability given purchases alone, (n,) -> (n, n_services)."""
        exponent = self._rate(clients) * (self.new_mass + self.hidden_mass)
        scores: FloatArray = (-np.expm1(-exponent)).astype(np.float32)
        return scores

    def _rate(self, clients: IntArray) -> Floats:
        rate: Floats = np.exp(self.persons[clients] @ self.services.T)
        return rate


def read_oracle(settings: Settings, marts: Marts, fold: Fold) -> Oracle:
    """Read the truth of a simulated world for the clients and services of its marts.

    Raises
    ------
    InputError
        The warehouse holds no simulated world, or the fold is not the one whose truth it keeps.
    """
    with connect(
        settings.warehouse_file, read_only=True, wait_seconds=settings.lock_wait_seconds
    ) as connection:
        if not existing_columns(connection, contracts.TRUTH_WORLDS):
            raise InputError(
                f"{settings.warehouse_file} has no simulated world: run "
                "'cross-sell load simulated --one-id' and 'cross-sell build' first"
            )
        [world] = read_table(connection, contracts.TRUTH_WORLDS).to_pylist()
        names = read_table(connection, contracts.TRUTH_SERVICES)
        factors = read_table(connection, contracts.TRUTH_PERSON_FACTORS)
        identities = read_table(connection, contracts.TRUTH_IDENTITIES)
        intents = read_table(
            connection, contracts.TRUTH_OPEN_INTENTS, where={Columns.FOLD: fold.name}
        )
    drawn = WorldSettings(**json.loads(world[Columns.SETTINGS_JSON]))
    start, day = world[Columns.STARTED_AT], drawn.cutoff_days[fold.name]
    if fold.cutoff_at != start + timedelta(days=day):
        raise InputError(
            f"the {fold.name} fold begins {fold.cutoff_at}, the truth is kept for a window that "
            f"begins {start + timedelta(days=day)}: build with horizon_days 30 and no as_of"
        )
    services = draw_services(drawn)
    window = LabelWindow.of(drawn, services, day)
    order = _places(marts.service_ids, _scoped_ids(names, Columns.SERVICE_ID), "service")
    number = names.column(Columns.SERVICE_NUMBER).to_numpy()[order]
    record = _places(marts.client_ids, _scoped_ids(identities, Columns.CLIENT_ID), "client")
    person = identities.column(Columns.PERSON_INDEX).to_numpy()[record]

    place = intents.column(Columns.SERVICE_NUMBER).to_numpy()
    intended = intents.column(Columns.INTENDED_AT).to_numpy()
    age = (np.datetime64(fold.cutoff_at, "us") - intended).astype(np.int64) / _US_PER_DAY
    chance = -open_log_chance(drawn, services.conversion[place], age)
    by_person = sparse.csr_matrix(
        (chance, (intents.column(Columns.PERSON_INDEX).to_numpy(), place)),
        shape=(drawn.clients, drawn.services),
    )
    return Oracle(
        _person_factors(factors, drawn.clients)[person],
        services.factors[number],
        window.new_mass[number],
        window.hidden_mass[number],
        by_person[person][:, number].tocsr(),
    )


def _person_factors(table: pa.Table, count: int) -> Floats:
    """Factors as they are since the drift."""
    factor = table.column(Columns.FACTOR_NUMBER).to_numpy()
    person = table.column(Columns.PERSON_INDEX).to_numpy()
    epoch = table.column(Columns.EPOCH_NUMBER).to_numpy()
    value = table.column(Columns.VALUE).to_numpy()
    found = np.zeros((count, int(factor.max()) + 1))
    # Those who changed have a row of the later epoch, which comes after.
    for number in np.unique(epoch):
        rows = epoch == number
        found[person[rows], factor[rows]] = value[rows]
    return found


def _scoped_ids(table: pa.Table, column: str) -> pa.ChunkedArray:
    """Ids as staging has them: behind the partner whose own they are."""
    scope, own = table.column(Columns.SOURCE_PARTNER_ID), table.column(column)
    return pc.coalesce(pc.binary_join_element_wise(scope, own, ":"), own)


def _places(wanted: pa.ChunkedArray, known: pa.ChunkedArray, what: str) -> Ints:
    places = pc.index_in(wanted, value_set=known.combine_chunks())
    if places.null_count:
        raise InputError(
            f"the marts have a {what} that the simulated world has not: run 'cross-sell build'"
        )
    found: Ints = places.to_numpy().astype(np.int64)
    return found
