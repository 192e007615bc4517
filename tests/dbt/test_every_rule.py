"""Every var and every optional column of the contract, turned on in real builds."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from ml import contracts
from ml.settings import PROJECT_ROOT
from ml.warehouse import connect
from tests.commands import run_dbt
from tests.conftest import load_world, made_once
from tests.worlds import small_world

DBT = PROJECT_ROOT / "dbt_project"

# Of the small world: validation is cut off on 2024-05-20, test on 06-19, serving on 07-19.
EVERY_COLUMN: Final = (
    "update raw.partners set is_active = case when partner_id <> 'P2' then true end,"
    " unread_columns = case when partner_id = 'P2' then 'is_active' end,"
    " source_file = 'p/partners.csv'",
    """
    update raw.clients set
        has_marketing_consent = case
            when hash(client_id) % 5 = 0 then false when hash(client_id) % 5 < 4 then true end,
        registered_at = case when client_id < 'C075' then timestamp '2024-01-02' end,
        home_ownership = 'owner', marital_status = 'B',
        household_size = '2', household_composition = 'adults', kids_count = '1',
        email_hash = sha256(client_id), phone_hash = sha256('p' || client_id),
        loyalty_hash = sha256('l' || client_id),
        birth_year = case when hash(client_id) % 3 > 0 then 1950 + hash(client_id) % 70 end,
        region = case when hash(client_id) % 4 > 0 then 'north' end,
        updated_at = case when client_id < 'C075' then '2024-01-02' else '2024-07-01' end,
        unread_columns = case when client_id = 'C001' then 'has_marketing_consent;region' end,
        source_file = 'p/clients.csv'
    """,
    """
    update raw.services set
        is_repeatable = service_idx % 2 = 0, launched_at = '2024-01-01',
        withdrawn_at = case when service_idx = 3 then timestamp '2024-05-01' end,
        regions = case when service_idx % 7 = 1 then 'south; east' end,
        min_age = case when service_idx % 7 = 2 then 40 end,
        max_age = case when service_idx % 7 = 4 then 30 end,
        is_offered = service_idx <> 6,
        unread_columns = case when service_idx = 5 then 'regions' end,
        updated_at = '2024-01-02', source_file = 'p/services.csv'
    from (select service_id as id, row_number() over (order by service_id) - 1 as service_idx
          from raw.services) as numbers
    where service_id = id
    """,
    "update raw.services set launched_at = '2024-12-01' where service_id = 'S29'",
    "update raw.transactions set source_file = 'p/transactions.csv'",
    "update raw.campaigns set ended_at = '2024-03-01', source_file = 'p/campaigns.csv'",
    "update raw.campaign_contacts set is_control = client_id = 'C009', source_file = 'p/c.csv'",
    """
    insert into raw.web_events (
        event_id, client_id, service_id, event_type, search_text, occurred_at, source_file,
        loaded_at
    )
    select 'W' || transaction_id, client_id, service_id,
        case when quantity > 0 and amount > 4 then 'cart' when amount > 2 then 'search'
        else 'view' end, 'text', transacted_at,
        'p/web_events.csv', loaded_at
    from raw.transactions where hash(transaction_id) % 4 = 0
    """,
    """
    insert into raw.reviews (
        review_id, client_id, service_id, rating, reviewed_at, source_file, loaded_at
    )
    select 'R' || transaction_id, client_id, service_id, 1 + hash(transaction_id) % 5,
        transacted_at, 'p/reviews.csv', loaded_at
    from raw.transactions where hash(transaction_id) % 4 = 1
    """,
    """
    insert into raw.client_attributes (
        client_id, attribute, value, value_number, updated_at, source_file, loaded_at
    )
    select client_id, unnest(['plan', 'visits']), 'plan ' || hash(client_id) % 3,
        unnest([null, hash(client_id) % 40]), '2024-01-02', 'p/client_attributes.csv', loaded_at
    from raw.clients
    """,
    """
    insert into raw.service_attributes (
        service_id, attribute, value, value_number, updated_at, source_file, loaded_at
    )
    select service_id, 'minutes', hash(service_id) % 90, hash(service_id) % 90, '2024-01-02',
        'p/service_attributes.csv', loaded_at
    from raw.services
    """,
)

# What the loader would have noted of these files.
LEDGER: Final = """
    insert into raw.loaded_files (
        load_id, source, partner_id, entity, source_file, status, read_count, accepted_count,
        rejected_count, is_current, loaded_at
    )
    select '{entity}', 'files', 'p', '{entity}', source_file, 'loaded', count(*), count(*), 0, true,
        max(loaded_at)
    from raw.{entity} where source_file is not null group by source_file
"""

# Of each var a value that is not the default.
OTHERWISE: Final[dict[str, Any]] = {
    "data_end_week_share": 0.3,
    "data_end_partner_share": 0.2,
    "earliest_event_date": "1980-01-01",
    "as_of_step_days": 7,
    "horizon_days": 28,
    "interaction_half_life_days": 90,
    "purchase_weight": 2.0,
    "discounted_purchase_weight": 0.5,
    "use_web_events": False,
    "use_campaign_contacts": False,
    "use_reviews": False,
    "view_weight": 2.0,
    "search_weight": 1.0,
    "cart_weight": 3.0,
    "interest_half_life_days": 14,
    "review_weight": 0.1,
    "resolve_identities": False,
    "identity_max_records_per_key": 4,
    "identity_max_records_per_partner_key": {"email": 1, "loyalty": 1, "phone": 2},
    "identity_max_records_per_client": 10,
    "identity_rounds": 4,
    "unknown_consent_is_consent": False,
    "excluded_partners": ["P3"],
    "excluded_services": ["S10"],
    "excluded_partner_pairs": [["P0", "P1"], ["P1", "P0"]],
    "unknown_age_is_allowed": True,
    "unknown_region_is_everywhere": False,
    "most_contacts": 1,
    "contact_window_days": 365,
    "offer_repeatable_services": True,
    "default_margin_rate": 0.1,
    "currency": "EUR",
    "smallest_amount": 0.01,
    "category_feature_count": 1,
    "offers_per_client": 10,
    "judged_offers_per_client": 10,
    "offers_max_age_days": 7,
    "health_runs": 2,
    "health_psi_watch": 0.2,
    "health_psi_alarm": 0.5,
    "health_seasonal_features": [],
    "health_drifted_share": 0.5,
    "health_new_service_share": 0.5,
    "health_new_client_share": 0.5,
    "health_calibration_error": 0.9,
    "health_ndcg_loss": 0.5,
    "health_fewest": 10,
}
# as_of excludes as_of_step_days; plant_leak is there to make a build fail.
BY_ITSELF: Final = {"as_of": "2024-07-10"}
NEVER: Final = {"plant_leak"}


@pytest.fixture(scope="module")
def full_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with something in every column, not built."""

    def load(folder: Path) -> None:
        warehouse = load_world(folder / "warehouse.duckdb", small_world())
        with connect(warehouse, read_only=False, wait_seconds=20) as connection:
            for statement in EVERY_COLUMN:
                connection.execute(statement)
            for table in contracts.RAW_ENTITIES:
                connection.execute(f"update {table.qualified_name} set source_line = 2")
                connection.execute(LEDGER.format(entity=table.name))

    return made_once(tmp_path_factory, "full", load) / "warehouse.duckdb"


@pytest.fixture
def full_copy(full_world: Path, tmp_path: Path) -> Path:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(full_world, warehouse)
    return warehouse


def rows_of(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(warehouse, read_only=True, wait_seconds=20) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def reasons() -> list[str]:
    """What macros/eligibility.sql lists."""
    lists = re.findall(r"'\w+': \[([^]]*)\]", (DBT / "macros" / "eligibility.sql").read_text())
    return [word for words in lists for word in re.findall(r"'(\w+)'", words)]


def found_reasons(warehouse: Path) -> set[str]:
    return {
        reason
        for (reason,) in rows_of(
            warehouse, "select distinct reason from learning.eligibility_counts"
        )
    }


def build(warehouse: Path, chosen: dict[str, Any]) -> None:
    given = ("--vars", json.dumps(chosen)) if chosen else ()
    result = run_dbt(warehouse, "build", *given)
    assert result.returncode == 0, (chosen, result.stdout[-4000:])


def test_the_world_has_something_in_every_column(full_world: Path) -> None:
    for table in contracts.RAW_ENTITIES:
        for column in table.column_names:
            if column == contracts.Columns.SOURCE_PARTNER_ID:
                continue
            [(count,)] = rows_of(full_world, f"select count({column}) from {table.qualified_name}")
            assert count > 0, (table.name, column)


def test_every_var_is_tried() -> None:
    declared = yaml.safe_load((DBT / "dbt_project.yml").read_text())["vars"]
    assert set(declared) == {*OTHERWISE, *BY_ITSELF, *NEVER}
    for name, value in (*OTHERWISE.items(), *BY_ITSELF.items()):
        assert declared[name] != value, name


def test_every_reason_is_explained() -> None:
    explained = (DBT / "models" / "marts" / "learning" / "_learning__docs.md").read_text()
    assert len(reasons()) == len(set(reasons())) > 10
    for reason in reasons():
        assert f"`{reason}`" in explained, reason


def test_every_rule_builds(full_copy: Path) -> None:
    """With the defaults, then with everything else at once: each reason comes up in one of them."""
    build(full_copy, {})
    found = found_reasons(full_copy)
    build(full_copy, OTHERWISE)
    found |= found_reasons(full_copy)
    assert found - {"eligible"} == set(reasons())
    families = rows_of(
        full_copy,
        "select distinct feature_family from learning.feature_counts "
        "where feature_family like 'attribute%'",
    )
    assert {family for (family,) in families} == {
        "attribute_plan", "attribute_visits", "attribute_minutes", "attribute_region",
    }  # fmt: skip


def test_a_misspelt_exclusion_fails_the_build(built_world: Path) -> None:
    misspelt = {
        "excluded_partners": ["P1", "P01"],
        "excluded_services": ["S10", "S1O"],
        "excluded_partner_pairs": [["P1", "o'neill"]],
    }
    result = run_dbt(
        built_world, "test", "-s", "assert_excluded_ids_exist", "--vars", json.dumps(misspelt)
    )
    assert result.returncode != 0
    assert "Got 3 results" in result.stdout, result.stdout[-3000:]


def covering_pairs(names: list[str]) -> Iterator[list[str]]:
    """Choices such that any two names are once both chosen, once neither, and once each alone.

    After Kleitman and Spencer (1973): each name has another five of nine choices, and one choice is
    empty.
    """
    places = list(itertools.islice(itertools.combinations(range(9), 5), len(names)))
    assert len(places) == len(names)
    yield []
    for number in range(9):
        yield [name for name, chosen in zip(names, places, strict=True) if number in chosen]


def test_choices_cover_all_pairs() -> None:
    names = list(OTHERWISE)
    choices = [set(chosen) for chosen in covering_pairs(names)]
    for one, other in itertools.combinations(names, 2):
        assert len({(one in chosen, other in chosen) for chosen in choices}) == 4


@pytest.mark.long
def test_any_two_vars_build_together(full_copy: Path) -> None:
    build(full_copy, BY_ITSELF)
    for chosen in covering_pairs(list(OTHERWISE)):
        build(full_copy, {name: OTHERWISE[name] for name in chosen})
