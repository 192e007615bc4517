"""The section that tells whether the models are still right."""

from __future__ import annotations

from typing import Any

from ml import contracts
from ml.contracts import Columns
from ml.report.page.blocks import Missing, Table
from ml.report.page.health import health_section
from tests.report.made_up import made_up_facts


def section(health: list[dict[str, Any]]) -> Any:
    return health_section(made_up_facts(health=health))


def test_alarms_are_told_with_what_to_do() -> None:
    found = section(made_up_facts().health)
    assert "1 of 4 judged figures" in found.lead
    assert "did not come true as promised" in found.lead
    assert "make refresh" in found.lead
    outcomes = found.blocks[0]
    assert isinstance(outcomes, Table)
    assert [row[1] for row in outcomes.rows] == ["Share of offers taken", "NDCG@10"]
    assert [row[-1] for row in outcomes.rows] == ["not judged", "alarm"]
    assert outcomes.strong == {1}


def test_a_horizon_that_is_not_over_is_said_to_be() -> None:
    health = [
        row | {Columns.THRESHOLD: None, Columns.IS_COMPLETE: False, Columns.IS_ALARM: False}
        for row in made_up_facts().health
        if row[Columns.KIND] == contracts.KIND_OUTCOME
    ]
    found = section(health)
    assert "too few" in found.lead
    assert "promised" not in found.lead
    assert {row[-1] for row in found.blocks[0].rows} == {"horizon not over"}


def test_without_an_earlier_run_inputs_alone_are_told() -> None:
    found = section(
        [row for row in made_up_facts().health if row[Columns.KIND] == contracts.KIND_INPUT]
    )
    assert isinstance(found.blocks[0], Missing)
    assert "offers" not in found.lead


def test_an_older_run_and_an_older_warehouse_have_no_section() -> None:
    assert health_section(made_up_facts(health=[])) is None
    assert health_section(made_up_facts(is_latest=False)) is None
