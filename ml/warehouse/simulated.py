"""Spell a simulated world out: from compact numbers to raw tables and truth, streaming.

Ids and keyed hashes of millions of rows are made here, by the engine, from numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import duckdb
import pyarrow as pa

from ml.contracts import RAW_TABLES, TRUTH_TABLES, Columns
from ml.warehouse.forgetting import keep_forgotten_out
from ml.warehouse.tables import create_table, drop_versions, relation

_ROWS_AT_ONCE: Final = 400_000
_MEMORY: Final = "1500MB"

# Numbers beyond the width would be cut by lpad; no world has so many.
_SCOPE: Final = "case when partner >= 0 then 'P' || lpad(cast(partner as varchar), 2, '0') end"
_OWNER: Final = "'P' || lpad(cast(owner as varchar), 2, '0')"
_CLIENT: Final = "'C' || lpad(cast(client as varchar), 8, '0')"
_SERVICE: Final = (
    "case when service >= 0 then 'S' || lpad(cast(service as varchar), 5, '0')"
    " else 'discontinued' end"
)
_CAMPAIGN: Final = "'M' || lpad(cast(campaign as varchar), 4, '0')"


def _key(kind: str) -> str:
    # -1: unknown.
    return f"case when {kind} <> -1 then sha256($salt || '{kind}:' || cast({kind} as varchar)) end"


_INSERTS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "world": (
        (
            "simulated_truth.worlds (settings_json, started_at)",
            "settings, cast(moment as timestamp)",
        ),
    ),
    "partners": (
        (
            "raw.partners (partner_id, partner_name, is_active, loaded_at)",
            f"{_OWNER}, 'Partner ' || cast(owner + 1 as varchar), true, $loaded_at",
        ),
    ),
    "services": (
        (
            "raw.services (source_partner_id, service_id, partner_id, service_name,"
            " service_category, typical_price, margin_rate, is_repeatable, launched_at, loaded_at)",
            f"{_SCOPE}, {_SERVICE}, {_OWNER}, 'Service ' || cast(place as varchar),"
            f" {_OWNER} || ' category ' || cast(category as varchar), price,"
            " 0.15 + 0.05 * category, repeatable, moment, $loaded_at",
        ),
        (
            "simulated_truth.services (service_number, source_partner_id, service_id,"
            " conversion_probability, season_phase, launch_day)",
            f"place, {_SCOPE}, {_SERVICE}, conversion, wave, launch",
        ),
    ),
    "service_factors": (
        (
            "simulated_truth.service_factors (service_number, factor_number, value)",
            "place, factor, number",
        ),
    ),
    "person_factors": (
        (
            "simulated_truth.person_factors (epoch_number, person_index, factor_number, value)",
            "epoch, person, factor, number",
        ),
    ),
    "campaigns": (
        (
            "raw.campaigns (source_partner_id, campaign_id, campaign_type, started_at, ended_at,"
            " loaded_at)",
            f"{_SCOPE}, {_CAMPAIGN}, 'e-mail', moment, until, $loaded_at",
        ),
    ),
    "contacts": (
        (
            "raw.campaign_contacts (source_partner_id, campaign_id, client_id, contacted_at,"
            " responded_at, is_control, loaded_at)",
            f"{_SCOPE}, {_CAMPAIGN}, {_CLIENT}, moment, response, control, $loaded_at",
        ),
        (
            "simulated_truth.uplifts (source_partner_id, campaign_id, person_index, is_control,"
            " intent_uplift, extra_intent_count)",
            f"{_SCOPE}, {_CAMPAIGN}, person, control, uplift, extra",
        ),
    ),
    "clients": (
        (
            "raw.clients (source_partner_id, client_id, has_marketing_consent, registered_at,"
            " age_band, income_band, email_hash, phone_hash, loyalty_hash, region, loaded_at)",
            f"{_SCOPE}, {_CLIENT},"
            " case when consent < 0.03 then false when consent < 0.9 then true end,"
            " $started_at,"
            " ['18-24', '25-34', '35-44', '45-54', '55-64', '65+'][age + 1],"
            " ['Under 25K', '25-49K', '50-74K', '75-99K', '100K+'][income + 1],"
            f" {_key('email')}, {_key('phone')}, {_key('loyalty')},"
            " 'region ' || cast(area + 1 as varchar), $loaded_at",
        ),
        (
            "simulated_truth.identities (source_partner_id, client_id, person_index)",
            f"{_SCOPE}, {_CLIENT}, person",
        ),
    ),
    "purchases": (
        (
            "raw.transactions (source_partner_id, transaction_id, client_id, service_id,"
            " basket_id, quantity, amount, discount_amount, transacted_at, loaded_at)",
            f"{_SCOPE}, 'T' || cast(line as varchar), {_CLIENT}, {_SERVICE},"
            " 'B' || cast(line as varchar), quantity, amount, discount, moment, $loaded_at",
        ),
    ),
    "web_events": (
        (
            "raw.web_events (source_partner_id, event_id, client_id, service_id, event_type,"
            " search_text, occurred_at, loaded_at)",
            f"{_SCOPE}, 'W' || cast(line as varchar), {_CLIENT},"
            f" case when kind <> 1 then {_SERVICE} end, ['view', 'search', 'cart'][kind + 1],"
            " case when kind = 1 then 'service ' || cast(service as varchar) end, moment,"
            " $loaded_at",
        ),
    ),
    "reviews": (
        (
            "raw.reviews (source_partner_id, review_id, client_id, service_id, rating,"
            " reviewed_at, loaded_at)",
            f"{_SCOPE}, 'R' || cast(line as varchar), {_CLIENT}, {_SERVICE}, stars, moment,"
            " $loaded_at",
        ),
    ),
    "open_intents": (
        (
            "simulated_truth.open_intents (fold, person_index, service_number, intended_at)",
            "stage, person, place, moment",
        ),
    ),
    "probabilities": (
        (
            "simulated_truth.probabilities (fold, person_index, service_number, probability,"
            " probability_without_web)",
            "stage, person, place, chance, unseen",
        ),
    ),
}


def write_world(
    connection: duckdb.DuckDBPyConnection,
    drafts: Iterable[tuple[str, pa.Table]],
    *,
    started_at: datetime,
    loaded_at: datetime,
    salt: str,
) -> None:
    """Replace raw tables and truth by a world, in one transaction and out of core.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    drafts : iterable of (str, pyarrow.Table)
        Kind and numbers; drawn as they are written, so the warehouse is held meanwhile.
    started_at, loaded_at : datetime
        First and last moment of the world.
    salt : str
        Goes before each key that is hashed.
    """
    connection.execute(f"set memory_limit = '{_MEMORY}'")
    connection.execute("set preserve_insertion_order = false")
    connection.execute("begin transaction")
    try:
        drop_versions(connection)
        for table in (*RAW_TABLES, *TRUTH_TABLES):
            create_table(connection, table)
        values = {Columns.STARTED_AT: started_at, Columns.LOADED_AT: loaded_at, "salt": salt}
        waiting: dict[str, list[pa.Table]] = {}
        for kind, rows in drafts:
            parts = waiting.setdefault(kind, [])
            parts.append(rows)
            if sum(len(part) for part in parts) >= _ROWS_AT_ONCE:
                _insert(connection, kind, waiting.pop(kind), values)
        for kind, parts in waiting.items():
            _insert(connection, kind, parts, values)
        keep_forgotten_out(connection)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _insert(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    parts: list[pa.Table],
    values: dict[str, object],
) -> None:
    view = "incoming_draft"
    connection.register(view, pa.concat_tables(parts))
    for target, columns in _INSERTS[kind]:
        table, names = target.split(" ", 1)
        schema_name, name = table.split(".")
        query = (
            f"insert into {relation(connection, schema_name, name)} {names}"
            f" select {columns} from {view}"
        )
        used = {key: value for key, value in values.items() if f"${key}" in query}
        connection.execute(query, used)
    # Not after an error: the transaction is then aborted, and this would hide why.
    connection.unregister(view)
