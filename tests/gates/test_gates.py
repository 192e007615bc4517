"""What keeps a run from readers, and what is kept of the decision."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ml import contracts
from ml.contracts import Columns
from ml.errors import InputError, RunRejectedError
from ml.progress import Progress
from ml.publishing import publish, rollback
from ml.releases import Release, current_release, kept_releases, read_events, write_manifest
from ml.report.releases import print_releases
from ml.settings import Settings
from ml.warehouse import connect, read_table
from tests.publishable import ENDED_AT, publish_now, write_marts


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        warehouse=tmp_path / "w.duckdb", publish_lead_seconds=0.1, bootstrap_samples=200
    )


def rows(settings: Settings, table: contracts.Table) -> list[dict[str, Any]]:
    with connect(settings.warehouse_file, read_only=True, wait_seconds=5) as connection:
        found: list[dict[str, Any]] = read_table(connection, table).to_pylist()
        return found


def roll_back(settings: Settings, release_id: str | None = None) -> Release:
    with Progress(Console(quiet=True)).step("rollback") as step:
        return rollback(settings, step, release_id)


def test_a_run_that_holds_is_published_and_every_check_is_kept(settings: Settings) -> None:
    write_marts(settings, "run1", 300)
    release = publish_now(settings)
    checks = rows(settings, contracts.RELEASE_CHECKS)
    assert {row[Columns.CHECK_NAME] for row in checks} == {
        "dbt_tests", "contract", "row_counts", "probabilities", "figures", "calibration",
        "coverage", "reach", "mean_probability", "mean_expected_margin", "champion",
    }  # fmt: skip
    assert all(row[Columns.IS_PASSED] for row in checks)
    [event] = rows(settings, contracts.RELEASE_EVENTS)
    assert (event[Columns.RELEASE_ID], event[Columns.EVENT_KIND]) == (
        release.release_id,
        "published",
    )


FAULTS: list[tuple[str, dict[str, Any], str]] = [
    ("dbt_tests", {"failed_tests": 2}, r"2 dbt tests failed \(a_test\)"),
    ("row_counts", {"n": 120}, r"cross_sell_scores has 120 rows, 0.40 times .* 300"),
    ("row_counts", {"n": 700}, r"cross_sell_scores has 700 rows, 2.33 times"),
    ("probabilities", {"probability": 1.5}, r"300 of 300 offers have no probability in \[0, 1\]"),
    ("probabilities", {"probability": float("nan")}, "have no probability"),
    ("calibration", {"calibration_error": 0.05}, "calibration error 0.0500 on test"),
    ("coverage", {"coverage": 0.001}, "0.1% of eligible services"),
    ("reach", {"eligible": 400}, "300 of 400 eligible clients have an offer"),
    ("champion", {"ndcg": 0.4}, r"ease against the published ease: ndcg@10 -0\.1000"),
]


@pytest.mark.parametrize(("check", "fault", "words"), FAULTS, ids=lambda v: str(v)[:24])
def test_a_run_that_fails_a_check_is_rejected(
    settings: Settings, check: str, fault: dict[str, Any], words: str
) -> None:
    write_marts(settings, "good", 300)
    good = publish_now(settings)
    write_marts(settings, "bad", **{"n": 300, **fault})
    with pytest.raises(RunRejectedError, match=words) as raised:
        publish_now(settings)
    assert f"readers keep release {good.release_id}" in str(raised.value)
    failed = [row for row in rows(settings, contracts.RELEASE_CHECKS) if not row["is_passed"]]
    assert [(row[Columns.RUN_ID], row[Columns.CHECK_NAME]) for row in failed] == [("bad", check)]
    assert current_release(settings) == good
    assert kept_releases(settings) == [good], "nothing of the rejected run is left"


def test_too_little_to_choose_on_is_named_as_the_cause(settings: Settings) -> None:
    write_marts(settings, "few", 300, labelled=7, calibration_error=0.05)
    with pytest.raises(RunRejectedError) as raised:
        publish_now(settings)
    assert "calibration error 0.0500 on test" in str(raised.value)
    cause = "too little to choose on: 7 clients took something new on validation, at least 30 are"
    assert cause in str(raised.value)
    # It is no cause of its own: a run that holds is published.
    write_marts(settings, "still few", 300, labelled=7)
    publish_now(settings)


def test_a_small_catalogue_needs_no_coverage(settings: Settings) -> None:
    write_marts(settings, "small", 300, coverage=None, choice_metric="ndcg@5")
    publish_now(settings)
    write_marts(settings, "unmeasured", 300, coverage=None)
    with pytest.raises(RunRejectedError, match="no clients to measure coverage on"):
        publish_now(settings)


NOTHING_TO_MEASURE: list[tuple[set[str], str, str]] = [
    ({"dbt_tests"}, "update ml.dbt_runs set test_count = 0", "0 dbt tests held"),
    (
        {"figures"},
        "update cross_sell.model_comparison set client_count = 0 where fold = 'validation'",
        "no client took anything new on validation, so nothing was measured there",
    ),
    (
        {"figures"},
        "update cross_sell.model_comparison set choice_value = null where fold = 'test'",
        "ndcg@10 on test was not measured",
    ),
    (
        {"figures"},
        "update cross_sell.model_comparison set auc = 'nan' where fold = 'test'",
        "auc on test is not a finite number",
    ),
    (
        {"figures", "calibration", "coverage"},
        "delete from cross_sell.model_comparison where fold = 'test'",
        "no client took anything new on test, .* no labelled offers to measure calibration on",
    ),
    (
        {"champion"},
        "delete from intermediate.int_holdout_ranking_by_client where run_id = 'bad'",
        "not compared: no client took anything new on test",
    ),
    (
        {"champion"},
        "update intermediate.int_holdout_ranking_by_client set ndcg = 'nan' where run_id = 'bad'",
        "not compared with run good: the ranking of no client is known of both",
    ),
    ({"reach"}, "delete from ml.run_eligibility", "no eligible clients were counted"),
    (
        {"mean_probability"},
        "update cross_sell.cross_sell_scores set probability = probability / 10",
        r"the mean probability is 0\.1 times the last release's 0\.25, at most 5 times",
    ),
    (
        {"mean_expected_margin"},
        "update cross_sell.cross_sell_scores set expected_margin = expected_margin * 100",
        "the mean expected margin is 100 times the last release's 1",
    ),
    (
        {"mean_expected_margin"},
        "update cross_sell.cross_sell_scores set expected_margin = null",
        "the mean expected margin is 0 times the last release's 1",
    ),
    (
        {"mean_expected_margin"},
        "update cross_sell.cross_sell_scores set expected_margin = 'inf' where client_id = 'c7'",
        "the mean expected margin of the offers is not a finite number",
    ),
]


@pytest.mark.parametrize(("failed", "change", "words"), NOTHING_TO_MEASURE)
def test_what_cannot_be_measured_or_is_far_off_fails(
    settings: Settings, failed: set[str], change: str, words: str
) -> None:
    write_marts(settings, "good", 300)
    publish_now(settings)
    write_marts(settings, "bad", 300)
    with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
        connection.execute(change)
    with pytest.raises(RunRejectedError, match=words):
        publish_now(settings)
    assert failed == {
        row[Columns.CHECK_NAME]
        for row in rows(settings, contracts.RELEASE_CHECKS)
        if row[Columns.RUN_ID] == "bad" and not row[Columns.IS_PASSED]
    }


def test_a_last_release_that_cannot_be_read_is_no_comparison(settings: Settings) -> None:
    write_marts(settings, "good", 300)
    release = publish_now(settings)
    (release.folder / "cross_sell_scores.parquet").unlink()
    write_marts(settings, "next", 300)
    with pytest.raises(RunRejectedError, match="the last release cannot be read, to compare"):
        publish_now(settings)
    assert publish_now(settings, forced_run="next").run_id == "next"


def test_a_mart_that_breaks_its_contract_is_not_published(settings: Settings) -> None:
    write_marts(settings, "run1", 10)
    with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
        connection.execute("alter table cross_sell.owned_services drop column purchase_count")
    with pytest.raises(RunRejectedError, match="owned_services has no column purchase_count"):
        publish_now(settings)
    assert current_release(settings) is None


def test_a_better_champion_and_small_changes_pass(settings: Settings) -> None:
    write_marts(settings, "run1", 10, ndcg=0.4)
    publish_now(settings)
    # From 10 to 80 offers is eightfold, but fewer rows than the slack.
    write_marts(settings, "run2", 80, ndcg=0.5)
    assert publish_now(settings).run_id == "run2"


def test_other_folds_are_not_compared_and_it_is_said(settings: Settings) -> None:
    write_marts(settings, "run1", 300, ndcg=0.9)
    publish_now(settings)
    write_marts(settings, "run2", 300, ndcg=0.1, as_of_at=ENDED_AT + timedelta(days=1))
    with Progress(Console(quiet=True)).step("publish") as step:
        publish(settings, step)
    told = "not compared with run run1: its data end 2024-05-01, these 2024-05-02"
    assert step.outcome == f"300 offers; champion {told}"
    details = [
        row[Columns.DETAIL]
        for row in rows(settings, contracts.RELEASE_CHECKS)
        if (row[Columns.RUN_ID], row[Columns.CHECK_NAME]) == ("run2", "champion")
    ]
    assert details == [told]


def test_runs_measured_with_other_vars_are_not_compared_and_it_is_said(
    settings: Settings,
) -> None:
    for run_id, days, ndcg in (("run1", 30, 0.9), ("run2", 2, 0.1)):
        write_marts(settings, run_id, 300, ndcg=ndcg)
        kept = json.dumps({"vars": {"measured_with": {"horizon_days": days}}})
        with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
            connection.execute(
                "update ml.runs set settings_json = ? where run_id = ?", [kept, run_id]
            )
            connection.execute(
                "update cross_sell.cross_sell_scores set probability = probability * ? / 60", [days]
            )
        publish_now(settings)
    details = " | ".join(
        row[Columns.DETAIL]
        for row in rows(settings, contracts.RELEASE_CHECKS)
        if row[Columns.RUN_ID] == "run2"
    )
    told = "measured with other vars, horizon_days is 2, was 30"
    assert f"not compared with run run1: {told}" in details
    assert f"the mean probability is not compared: {told}" in details


def test_offers_that_nobody_tested_are_no_fault_of_the_run(settings: Settings) -> None:
    write_marts(settings, "run1", 10)
    with connect(settings.warehouse_file, read_only=False, wait_seconds=5) as connection:
        connection.execute("delete from ml.dbt_runs")
    with pytest.raises(InputError, match="not tested since it ended: run 'cross-sell build"):
        publish_now(settings)
    assert not rows(settings, contracts.RELEASE_CHECKS)


def test_a_forced_run_is_published_and_remembered_as_forced(settings: Settings) -> None:
    write_marts(settings, "bad", 300, coverage=0.0)
    with pytest.raises(RunRejectedError):
        publish_now(settings)
    assert publish_now(settings, forced_run="bad").run_id == "bad"
    checks = rows(settings, contracts.RELEASE_CHECKS)
    assert "forced" in {row[Columns.CHECK_NAME] for row in checks}
    assert publish_now(settings).run_id == "bad", "once forced, it may be published again"
    with pytest.raises(InputError, match="the marts show run bad, not other"):
        publish_now(settings, forced_run="other")


def test_rollback_and_forward_again(settings: Settings) -> None:
    releases = []
    for i in range(3):
        write_marts(settings, f"run{i}", i + 1)
        releases.append(publish_now(settings))
    assert roll_back(settings) == releases[1]
    assert roll_back(settings, releases[2].release_id) == releases[2]
    assert roll_back(settings, releases[0].release_id) == releases[0]
    with pytest.raises(InputError, match="no release before"):
        roll_back(settings)
    with pytest.raises(InputError, match="already"):
        roll_back(settings, releases[0].release_id)
    with pytest.raises(InputError, match="release 2020 is not kept: there are"):
        roll_back(settings, "2020")
    with connect(settings.folder / "serving.duckdb", read_only=True, wait_seconds=0) as reader:
        found = reader.execute("select run_id, count(*) from cross_sell_scores group by 1")
        assert found.fetchall() == [("run0", 1)]
    write_marts(settings, "run3", 4)
    forward = publish_now(settings)
    kinds = [(event.event, event.run_id) for event in read_events(settings)]
    assert kinds[3:] == [
        ("rolled_back", "run1"),
        ("rolled_back", "run2"),
        ("rolled_back", "run0"),
        ("published", "run3"),
    ]
    assert len(rows(settings, contracts.RELEASE_EVENTS)) == len(kinds)
    kept = kept_releases(settings)
    assert releases[0] in kept, "readers had it until a moment ago"
    assert current_release(settings) == forward


def test_rollback_needs_a_whole_release(settings: Settings) -> None:
    with pytest.raises(InputError, match="no release to go back from"):
        roll_back(settings)
    for i in range(2):
        write_marts(settings, f"run{i}", 1)
        publish_now(settings)
    first, second = kept_releases(settings)
    (first.folder / "dim_services.parquet").unlink()
    with pytest.raises(InputError, match=r"cannot be used: dim_services is missing"):
        roll_back(settings)
    assert current_release(settings) == second


def test_rollback_to_a_release_of_before_a_table_existed(settings: Settings) -> None:
    for i in range(2):
        write_marts(settings, f"run{i}", i + 1)
        publish_now(settings)
    first, second = kept_releases(settings)
    (first.folder / "model_health.parquet").unlink()
    del first.row_counts["model_health"]
    write_manifest(first, first.folder)
    assert roll_back(settings) == first

    def shown(name: str) -> int:
        with connect(settings.folder / "serving.duckdb", read_only=True, wait_seconds=0) as reader:
            [(count,)] = reader.execute(f"select count(*) from {name}").fetchall()
            return int(count)

    assert (shown("cross_sell_scores"), shown("model_health"), shown("dim_services")) == (1, 0, 1)
    assert roll_back(settings, second.release_id) == second
    assert (shown("cross_sell_scores"), shown("model_health")) == (2, 1)


def test_releases_are_listed(settings: Settings) -> None:
    console = Console(width=160, record=True, file=StringIO())
    with pytest.raises(InputError, match="nothing is published yet"):
        print_releases(console, settings)
    for i in range(2):
        write_marts(settings, f"run{i}", 1)
        publish_now(settings)
    print_releases(console, settings)
    text = console.export_text()
    first, second = kept_releases(settings)
    assert f"{second.release_id} ★" in text
    assert text.index(second.release_id) < text.index(first.release_id)
    assert "2024-05-01" in text
