"""What the report reads from a real, trained warehouse; and the commands that write it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ml import contracts
from ml.blending import BLEND
from ml.contracts import Columns
from ml.errors import InputError
from ml.models.registry import MODELS
from ml.report.facts import Facts, read_facts
from ml.report.page import report_page, write_benchmark_page
from ml.report.page.answer import conversions, expected
from ml.report.page.render import render
from ml.settings import Settings
from ml.warehouse import connect, read_table
from tests.commands import run_cli
from tests.report.conftest import Visitor


def settings(warehouse: Path) -> Settings:
    return Settings(warehouse=warehouse)


@pytest.fixture(scope="module")
def facts(trained_world: Path) -> Facts:
    return read_facts(settings(trained_world))


def test_the_run_s_report_and_card_lie_where_it_says(trained_world: Path, facts: Facts) -> None:
    report = trained_world.parent / "reports" / "report.html"
    assert facts.run[Columns.RUN_ID] in report.read_text()
    card = trained_world.parent / "models" / facts.run[Columns.RUN_ID] / "model_card.md"
    assert f"run {facts.run[Columns.RUN_ID]}" in card.read_text()
    # Written after the last build, so that SQL's figures are in.
    assert "client by client" in card.read_text()
    assert "not in this warehouse yet" not in report.read_text()


def test_a_real_page_is_drawn(trained_world: Path, visit: Visitor) -> None:
    path = trained_world.parent / "reports" / "report.html"
    with visit(path) as visited:
        undrawn = visited.evaluate(
            "[...document.querySelectorAll('.chart')].filter(c => !c.dataset.drawn).length"
        )
        count = visited.evaluate("document.querySelectorAll('.chart svg').length")
    assert (undrawn, visited.said) == (0, [])
    assert count >= 12


def test_everything_is_there(facts: Facts) -> None:
    assert facts.is_latest
    assert facts.test_read_count == 1
    for name in ("steps", "curves", "lift", "calibration", "differences", "holdout_value",
                 "offer_value", "eligibility", "quality", "events", "features"):  # fmt: skip
        assert getattr(facts, name), name
    assert set(facts.windows) == {"validation", "test", "serving"}
    assert facts.models[0] == facts.champion
    assert set(facts.models) - {BLEND} == set(MODELS)
    assert facts.k == 10
    assert facts.choices["ease"].startswith("regularisation ")
    assert any(segment.startswith("partner: ") for segment in facts.segments())
    assert any(page.offers[0][Columns.IS_COLD_START] for page in facts.clients)
    assert any(page.owned for page in facts.clients)


def test_what_offers_met_and_are_worth_is_counted_right(trained_world: Path, facts: Facts) -> None:
    with connect(trained_world, read_only=True, wait_seconds=20) as connection:
        holdout = read_table(connection, contracts.HOLDOUT_PREDICTIONS).to_pylist()
        offers = read_table(connection, contracts.CROSS_SELL_SCORES).to_pylist()
    for model in facts.models:
        met = [
            row
            for row in holdout
            if (row[Columns.MODEL_NAME], row[Columns.FOLD]) == (model, contracts.FOLD_TEST)
            and row[Columns.CANDIDATE_RANK] <= 10
            and row[Columns.IS_POSITIVE]
        ]
        assert conversions(facts, model) == len(met) > 0
    first = [offer for offer in offers if offer[Columns.OFFER_RANK] <= 10]
    assert expected(facts, Columns.OFFER_COUNT) == len(first)
    assert expected(facts, Columns.EXPECTED_CONVERSION_COUNT) == pytest.approx(
        sum(offer[Columns.PROBABILITY] for offer in first), abs=1e-6
    )
    assert expected(facts, Columns.EXPECTED_MARGIN) == pytest.approx(
        sum(offer[Columns.EXPECTED_MARGIN] or 0.0 for offer in first), abs=1e-6
    )


def test_a_warehouse_of_before_the_marts_still_gives_a_page(trained_copy: Path) -> None:
    with connect(trained_copy, read_only=False, wait_seconds=20) as connection:
        for table in (contracts.LIFT_BY_DECILE, contracts.CALIBRATION_CURVE,
                      contracts.HOLDOUT_VALUE, contracts.OFFER_VALUE, contracts.EVENT_COUNTS,
                      contracts.FEATURE_COUNTS):  # fmt: skip
            connection.execute(f"drop table {table.qualified_name}")
    page = render(report_page(read_facts(settings(trained_copy)), {}))
    assert "not in this warehouse yet" in page


def test_the_commands_by_run(trained_copy: Path, facts: Facts) -> None:
    run_id = facts.run[Columns.RUN_ID]
    shutil.rmtree(trained_copy.parent / "reports")
    result = run_cli(trained_copy, "report", "--run", run_id)
    assert result.returncode == 0, result.stderr
    assert "report.html in a browser" in result.stdout
    assert run_id in (trained_copy.parent / "reports" / "report.html").read_text()
    printed = run_cli(trained_copy, "card", run_id)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith("# Model card: ")
    target = trained_copy.parent / "elsewhere" / "card.md"
    written = run_cli(trained_copy, "card", "--output", str(target))
    assert written.returncode == 0, written.stderr
    assert target.read_text() == printed.stdout


def test_an_unknown_run_is_one_line(trained_world: Path) -> None:
    for command in (("report", "--run", "nonsense"), ("card", "nonsense")):
        result = run_cli(trained_world, *command)
        assert result.returncode == InputError.exit_code
        assert result.stderr.startswith("error: no completed run 'nonsense'; the newest are 2")
        assert "Traceback" not in result.stderr


def test_before_any_training_it_says_what_to_do(built_world: Path) -> None:
    result = run_cli(built_world, "report")
    assert result.returncode == InputError.exit_code
    assert "error: no run is completed yet: run 'make train'" in result.stderr
    with pytest.raises(InputError, match="no run is completed yet"):
        read_facts(settings(built_world))


def test_a_folder_that_cannot_be_written_is_one_line(trained_copy: Path) -> None:
    reports = trained_copy.parent / "reports"
    shutil.rmtree(reports)
    reports.write_text("a file where the folder should be")
    result = run_cli(trained_copy, "report")
    assert result.returncode == 4
    assert result.stderr.startswith(f"error: cannot write {reports}")


def test_the_benchmark_page_reads_the_latest_run_of_each(trained_copy: Path) -> None:
    run = (
        "insert into ml.benchmarks values ('{id}', 'speed', 1.0, '{{}}', '{{}}', '{{}}', "
        "timestamp '2024-01-01', timestamp '2024-01-0{day}')"
    )
    row = (
        "insert into ml.benchmark_results values ('{id}', '1,000×1,000×10,000', 'ncf', "
        "'train_minutes', {value}, null, null, 1, 15.0, null)"
    )
    with connect(trained_copy, read_only=False, wait_seconds=20) as connection:
        for name, day, value in (("new", 3, 0.123), ("old", 2, 0.456)):
            connection.execute(run.format(id=name, day=day))
            connection.execute(row.format(id=name, value=value))
    text = write_benchmark_page(settings(trained_copy)).read_text()
    assert json.dumps("0.123") in text
    assert "0.456" not in text
    assert "cross-sell benchmark trials" in text
