"""The model card says what a run's facts say, and lets nothing in them become markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime

import pytest

from ml import contracts
from ml.contracts import Columns
from ml.report.facts import Facts, Metric
from ml.report.model_card import model_card
from tests.report.made_up import NASTY, RUN_ID, made_up_facts, without_a_test_label

# Mitchell et al. (2019), section 4, in their order; the cost is ours.
HEADINGS = [
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data",
    "Quantitative analyses", "Ethical considerations", "Cost", "Caveats and recommendations",
]  # fmt: skip


def section(text: str, heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found.group(1)


@pytest.fixture(scope="module")
def card() -> str:
    return model_card(made_up_facts())


def test_the_headings_are_those_of_the_paper(card: str) -> None:
    assert re.findall(r"^## (.*)$", card, re.MULTILINE) == HEADINGS
    assert card.startswith(f"# Model card: NCF, run {RUN_ID}\n")


def test_details_settings_and_who_decided(card: str) -> None:
    details = section(card, "Model details")
    assert "by a rule and no person" in details
    assert "Best ndcg@10 on validation, 0.2000." in details
    assert "| dropout | 0.5 |" in details
    assert "**Seed:** 7" in details
    assert "torch 2.0" in details


def test_tuned_settings_say_where_they_come_from() -> None:
    facts = made_up_facts()
    provenance = {
        "study": "ncf", "trial": 7, "trials": 30, "metric": "ndcg@10", "value": 0.21,
        "default_value": 0.2, "seed": 1, "data": "abc", "saved_at": "2024-08-01T00:00:00",
        "package_versions": {},
    }  # fmt: skip
    settings = {**facts.settings, "tuned": {"ncf": provenance}}
    run = {**facts.run, Columns.SETTINGS_JSON: json.dumps(settings)}
    details = section(model_card(replace(facts, run=run)), "Model details")
    assert "Settings of the champion (trial 7 of 30, ndcg@10 0.2100 on validation" in details
    assert "Settings of the champion:" in section(model_card(facts), "Model details")


def test_figures_by_segment_and_against_the_others(card: str) -> None:
    analyses = section(card, "Quantitative analyses")
    assert "| NCF | 0.1500 to 0.2500 | 0.2000 | 0.5000 | 0.8500 | 0.1500 | 0.0600 |" in analyses
    assert "| new clients | 10 | 0.2000 | 0.1500 to 0.2500 | 0.5000 | 0.8500 |" in analyses
    # The comparison was written the other way round: LightFM is better by 0.02.
    assert "| LightFM | −0.0200 | −0.0300 to −0.0100 | 0.004 |" in analyses


def test_data_features_cost_and_consent(card: str) -> None:
    assert "1 January 2024 to 31 July 2024: 9,000 of kind purchase" in card
    assert "900 clients" in section(card, "Training data")
    assert "| transactions | 10,000 | 9,500 | 0 | 500 |" in card
    assert "- of the client: age band (6) and spend\n" in section(card, "Factors")
    ethics = section(card, "Ethical considerations")
    assert "100 clients get no offers" in ethics
    assert "as a person: age band." in ethics
    assert "took 37.5 s and at most 702 MiB" in section(card, "Cost")


def limits(facts: Facts) -> str:
    return section(model_card(facts), "Caveats and recommendations")


def test_limits_are_read_from_the_figures() -> None:
    facts = made_up_facts()
    assert "only 10 could be measured" in limits(facts)
    assert "85% of the services on sale are in nobody's first ten" in limits(facts)
    assert "segments have fewer" not in limits(facts)
    many = {
        key: replace(found, client_count=31) if key[2] == "cold" else found
        for key, found in facts.metrics.items()
    }
    assert "could be measured" not in limits(replace(facts, metrics=many))
    few = {
        key: replace(found, client_count=29) if key[2] == "partner: P1" else found
        for key, found in facts.metrics.items()
    }
    assert "1 segments have fewer than 30" in limits(replace(facts, metrics=few))


def test_reading_the_test_fold_again_is_owned_up_to() -> None:
    assert "2 completed runs have looked at the test fold" in model_card(made_up_facts())
    assert "have looked at" not in model_card(made_up_facts(test_read_count=1))


def test_a_run_without_a_test_label() -> None:
    text = model_card(without_a_test_label())
    assert "nothing here was measured on unseen data" in text
    assert "| NCF | – | – | – | – | – | – |" in text


def test_an_older_run_says_that_counts_are_of_now() -> None:
    assert "not the latest run" in model_card(made_up_facts(is_latest=False))
    assert "not the latest run" not in model_card(made_up_facts())


def test_names_do_not_become_markup() -> None:
    facts = made_up_facts()
    name = f"partner: a|b\nc {NASTY}"
    facts.metrics[facts.champion, contracts.FOLD_TEST, name, "ndcg@10"] = Metric(0.1, 0.0, 0.2, 50)
    facts = replace(facts, run={**facts.run, Columns.CHAMPION_REASON: "*[x](y)* <b>"})
    text = model_card(facts)
    assert r"partner: a\|b c \</script\>" in text
    assert re.search(r"(?<!\\)<(?!/?details)", text) is None
    assert r"\*\[x\](y)\* \<b\>" in text


def test_every_table_has_as_many_cells_in_each_row(card: str) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", card, re.MULTILINE)
    assert len(tables) >= 6
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_a_run_says_when_it_was_trained(card: str) -> None:
    day = datetime(2024, 8, 1)
    assert f"{day.day} August {day.year}" in section(card, "Model details")
