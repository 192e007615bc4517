"""Draw a world block by block, as compact numeric rows that the warehouse spells out.

Rows are named tuples of a kind (``DRAFTS`` in ``ml.warehouse.simulated``) and an Arrow table of
numbers: ids and hashes of fifty million events are made where the rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.contracts import TIMESTAMP
from ml.sources.simulated.campaigns import Campaigns, plan_campaigns, run_campaigns
from ml.sources.simulated.events import Histories, Moments, draw_process, live, web_events
from ml.sources.simulated.identities import ClientIds, draw_records, draw_registered
from ml.sources.simulated.sales import review, sell
from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.tastes import (
    PERSONS_STREAM,
    Bools,
    Floats,
    Ints,
    Persons,
    Services,
    draw_persons,
    draw_services,
)
from ml.sources.simulated.truth import (
    OPEN_FOR_DELAYS,
    LabelWindow,
    open_log_chance,
    probabilities,
)

STARTS_AT: Final = datetime(2024, 1, 1)
_PAIRS_PER_BLOCK: Final = 4_000_000
_CLIENTS_PER_BLOCK: Final = 20_000
_DAY: Final = 86_400_000_000
_NO_PARTNER: Final = -1

Draft = tuple[str, pa.Table]
Tell = Callable[[str], None]


class World:
    """A world that can be drawn again and again, always the same.

    Parameters
    ----------
    settings : WorldSettings
    """

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self.services: Services = draw_services(settings)
        self.campaigns: Campaigns = plan_campaigns(settings)
        self.windows = {
            fold: LabelWindow.of(settings, self.services, day)
            for fold, day in settings.cutoff_days.items()
        }
        self._ids = ClientIds(settings)
        self._lines = 0
        self._web_events = 0
        self._reviews = 0

    @property
    def ends_at(self) -> datetime:
        """When everything is loaded: the world's last moment."""
        return STARTS_AT + timedelta(days=self.settings.days)

    def drafts(self, tell: Tell = lambda _: None) -> Iterator[Draft]:
        """Everything, the catalogue first."""
        self._lines = self._web_events = self._reviews = 0
        yield from self._catalogue()
        # Even, so that the two of a family are never parted.
        size = max(2, min(_PAIRS_PER_BLOCK // self.settings.services, _CLIENTS_PER_BLOCK) // 2 * 2)
        for number, first in enumerate(range(0, self.settings.clients, size)):
            tell(f"{first:,} of {self.settings.clients:,} clients")
            rng = np.random.default_rng([self.settings.seed, PERSONS_STREAM, number])
            count = min(size, self.settings.clients - first)
            yield from self._block(rng, draw_persons(self.settings, first, count, rng))

    def _catalogue(self) -> Iterator[Draft]:
        settings, services = self.settings, self.services
        n = settings.services
        yield (
            "world",
            pa.table({"settings": [json.dumps(asdict(settings))], "moment": [STARTS_AT]}),
        )
        yield "partners", pa.table({"owner": np.arange(settings.partners)})
        yield (
            "services",
            pa.table(
                {
                    "partner": self._scope(services.partner),
                    "owner": services.partner,
                    "service": self._service(np.arange(n)),
                    "place": np.arange(n),
                    "category": services.category,
                    "price": services.price,
                    "repeatable": services.is_repeatable,
                    "conversion": services.conversion,
                    "wave": services.phase,
                    "launch": services.launch_day,
                    "moment": self._at(services.launch_day),
                }
            ),
        )
        position, factor = np.indices(services.factors.shape)
        yield (
            "service_factors",
            pa.table(
                {
                    "place": position.ravel(),
                    "factor": factor.ravel(),
                    "number": services.factors.ravel(),
                }
            ),
        )
        campaigns = self.campaigns
        yield (
            "campaigns",
            pa.table(
                {
                    "partner": self._scope(campaigns.partner),
                    "campaign": self._campaign(np.arange(len(campaigns))),
                    "moment": self._at(campaigns.start),
                    "until": self._at(campaigns.start + settings.effect_days),
                }
            ),
        )

    def _block(self, rng: np.random.Generator, persons: Persons) -> Iterator[Draft]:
        settings, services = self.settings, self.services
        count, n = len(persons), settings.services
        rates = (
            np.exp(persons.factors @ services.factors.T),
            np.exp(persons.later_factors @ services.factors.T),
        )
        known = draw_registered(rng, settings, count)
        everything, ones = np.arange(n), np.ones(count)
        turn = settings.days if settings.drift_day is None else settings.drift_day
        contacts, extra = run_campaigns(rng, settings, services, self.campaigns, known, rates)
        intents = Moments.joined(
            [
                draw_process(rng, settings, services, rate, everything, start * ones, days * ones)
                for rate, start, days in (
                    (rates[0], 0.0, turn),
                    (rates[1], turn, settings.days - turn),
                )
                if days > 0
            ]
            + [extra]
        )
        histories = live(rng, settings, services, intents, count)
        yield from self._seen(rng, persons, histories, rates[1])
        # Whoever looks at a service is known to its partner from then on.
        for moments in (histories.intents, histories.purchases):
            known[moments.row, services.partner[moments.column]] = True
        yield from self._clients(rng, persons, known)
        partner = self.campaigns.partner[contacts.campaign]
        yield (
            "contacts",
            pa.table(
                {
                    "partner": self._scope(partner),
                    "campaign": self._campaign(contacts.campaign),
                    "client": self._ids.number(persons.first + contacts.row, partner),
                    "person": persons.first + contacts.row,
                    "control": contacts.is_control,
                    "moment": self._at(contacts.day),
                    "response": self._at(contacts.responded_day),
                    "uplift": np.full(len(partner), settings.uplift),
                    "extra": contacts.extra_intents,
                }
            ),
        )
        yield from self._truth(persons, histories, rates[1])

    def _seen(
        self, rng: np.random.Generator, persons: Persons, histories: Histories, rate: Floats
    ) -> Iterator[Draft]:
        """What partners see: lines of receipts, web events, reviews."""
        settings, services = self.settings, self.services
        sales = sell(rng, settings, services, histories.purchases)
        columns = self._pair_columns(persons, sales.moments)
        columns["service"] = np.where(sales.is_unknown, -1, columns["service"])
        yield (
            "purchases",
            pa.table(
                columns
                | {
                    "line": self._lines + sales.number,
                    "quantity": sales.quantity,
                    "amount": sales.amount,
                    "discount": sales.discount,
                }
            ),
        )
        self._lines += len(sales.number)
        events, kinds = web_events(rng, settings, histories.intents)
        yield (
            "web_events",
            pa.table(
                self._pair_columns(persons, events)
                | {"line": self._web_events + np.arange(len(kinds)), "kind": kinds}
            ),
        )
        self._web_events += len(kinds)
        activity = persons.later_factors[:, -1:] + services.factors[:, -2]
        reviewed, rating = review(rng, settings, np.log(rate) - activity, histories.purchases)
        yield (
            "reviews",
            pa.table(
                self._pair_columns(persons, reviewed)
                | {"line": self._reviews + np.arange(len(rating)), "stars": rating}
            ),
        )
        self._reviews += len(rating)

    def _clients(self, rng: np.random.Generator, persons: Persons, known: Bools) -> Iterator[Draft]:
        records = draw_records(rng, self.settings, persons.first, known)
        person = persons.first + records.row
        # A household's choice, the same at every partner.
        consent = rng.random(len(persons))[records.row]
        yield (
            "clients",
            pa.table(
                {
                    "partner": records.partner,
                    "client": self._ids.number(person, records.partner),
                    "person": person,
                    "consent": consent,
                    "age": persons.age[records.row],
                    "area": persons.region[records.row],
                    "income": persons.income[records.row],
                    "email": records.keys[:, 0],
                    "phone": records.keys[:, 1],
                    "loyalty": records.keys[:, 2],
                }
            ),
        )

    def _truth(self, persons: Persons, histories: Histories, rate: Floats) -> Iterator[Draft]:
        settings = self.settings
        for epoch, factors in enumerate((persons.factors, persons.later_factors)):
            changed = np.flatnonzero((factors != persons.factors).any(axis=1) | (epoch == 0))
            row, factor = np.indices((len(changed), factors.shape[1]))
            yield (
                "person_factors",
                pa.table(
                    {
                        "epoch": np.full(row.size, epoch),
                        "person": persons.first + changed[row.ravel()],
                        "factor": factor.ravel(),
                        "number": factors[changed].ravel(),
                    }
                ),
            )
        for fold, window in self.windows.items():
            moments, log_chance = self._open(histories, window)
            yield (
                "open_intents",
                pa.table(
                    {
                        "stage": [fold] * len(moments),
                        "person": persons.first + moments.row,
                        "place": moments.column,
                        "moment": self._at(moments.day),
                    }
                ),
            )
            if not settings.keeps_probabilities:
                continue
            with_web, without = probabilities(rate, window, moments.row, moments.column, log_chance)
            row, column = np.nonzero(histories.first_day >= window.cutoff_day)
            yield (
                "probabilities",
                pa.table(
                    {
                        "stage": pa.repeat(fold, len(row)),
                        "person": persons.first + row,
                        "place": column,
                        "chance": with_web[row, column],
                        "unseen": without[row, column],
                    }
                ),
            )

    def _open(self, histories: Histories, window: LabelWindow) -> tuple[Moments, Floats]:
        """Intents before the cutoff, of pairs not owned then, that may still convert."""
        settings, intents = self.settings, histories.intents
        age = window.cutoff_day - intents.day
        owned = histories.first_day[intents.row, intents.column] < window.cutoff_day
        is_open = (age > 0) & (age < OPEN_FOR_DELAYS * settings.delay_days) & ~owned
        moments = intents.where(is_open)
        conversion = self.services.conversion[moments.column]
        return moments, open_log_chance(settings, conversion, age[is_open])

    def _pair_columns(self, persons: Persons, moments: Moments) -> dict[str, npt.NDArray[np.int64]]:
        partner = self.services.partner[moments.column]
        return {
            "partner": self._scope(partner),
            "client": self._ids.number(persons.first + moments.row, partner),
            "service": self._service(moments.column),
            "moment": self._at(moments.day),
        }

    def _scope(self, partner: Ints) -> Ints:
        is_noisy = self.settings.is_identity_noisy
        return partner if is_noisy else np.full(len(partner), _NO_PARTNER)

    def _service(self, position: Ints) -> Ints:
        return self.services.local[position] if self.settings.is_identity_noisy else position

    def _campaign(self, number: Ints) -> Ints:
        return self.campaigns.local[number] if self.settings.is_identity_noisy else number

    def _at(self, day: Floats) -> pa.Array:
        """Moments as timestamps; infinite days are null."""
        is_never = ~np.isfinite(day)
        start = int((STARTS_AT - datetime(1970, 1, 1)).total_seconds()) * 1_000_000
        micros = np.floor(np.where(is_never, 0, day) * _DAY).astype(np.int64) + start
        return pa.array(micros, pa.int64(), mask=is_never).cast(TIMESTAMP)
