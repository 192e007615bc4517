"""Other libraries: the same splits, the same code, and no stop where one is missing."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from rich.console import Console
from scipy import sparse

from ml.benchmark.folds import plain_fold, random_split
from ml.benchmark.generated import Size, generate
from ml.benchmark.machine import describe_machine
from ml.benchmark.movielens import DEFAULT_FOLDER
from ml.benchmark.peers.cases import chosen_before, fold_case, made_up_case, movielens_case
from ml.benchmark.peers.jobs import Job, PeerError, peer_fits
from ml.benchmark.peers.libraries import LIBRARIES, Library
from ml.benchmark.peers.measure import SECONDS, measure_peers
from ml.benchmark.presets import CHOICES
from ml.benchmark.results import BenchmarkResult, BenchmarkRun, json_file, write_json
from ml.benchmark.settings import PEERS_PYTHON, BenchmarkSettings
from ml.dataset import Fold
from ml.evaluation.protocol import EpochEvaluator
from ml.models.popularity import Popularity
from ml.models.settings import EaseSettings
from ml.progress import Progress
from ml.settings import PROJECT_ROOT, Settings

METRICS = ("hr@10", "ndcg@10", "auc")

OTHERS_ARE_INSTALLED = (PROJECT_ROOT / PEERS_PYTHON).with_name("pip").exists()
BY_NAME = {library.name: library for library in LIBRARIES}
BARE = BY_NAME["lightfm (bare)"]


class Folds(NamedTuple):
    validation: Fold
    test: Fold


@pytest.fixture(scope="module")
def case() -> Folds:
    records = generate(Size(150, 80, 4_000), seed=2).records
    rng = np.random.default_rng(2)
    known, labels = random_split(records, 0.2, rng)
    earlier, later = random_split(known, 0.2, rng)
    return Folds(plain_fold(earlier, later, "validation"), plain_fold(known, labels))


def settings_in(folder: Path, **options: object) -> Settings:
    return Settings(
        warehouse=folder / "warehouse.duckdb",
        threads=1,
        models=("popularity", "ease"),
        bootstrap_samples=100,
        benchmark=BenchmarkSettings.model_validate(options),
    )


def measured(
    settings: Settings, case: Folds, libraries: tuple[Library, ...]
) -> dict[tuple[str, str], BenchmarkResult]:
    progress = Progress(Console(file=io.StringIO()))
    found = measure_peers(
        settings,
        progress,
        {"small": lambda s, _: fold_case(case.validation, case.test, s)},
        libraries,
    )
    return {(result.model_name, result.metric): result for result in found.results}


def test_a_library_that_is_not_there_is_told_and_the_others_are_measured(
    case: Folds, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, peers_python="nowhere/bin/python")
    found = measured(settings, case, (BY_NAME["implicit-als"], BARE))
    for metric in (*METRICS, SECONDS):
        missing = found["implicit-als", metric]
        assert (missing.value, missing.sample_count) == (None, 0)
        assert missing.note == "no interpreter for it (No such file or directory): run 'make peers'"
        for name in ("popularity", "ease", "lightfm (bare)"):
            assert found[name, metric].value is not None


def test_an_interpreter_without_the_library_is_told(case: Folds, tmp_path: Path) -> None:
    settings = settings_in(tmp_path, peers_python=sys.executable)
    found = measured(settings, case, (BY_NAME["implicit-bpr"], BY_NAME["recbole-neumf"]))
    note = found["implicit-bpr", "ndcg@10"].note
    assert note is not None
    assert "No module named 'implicit'" in note
    assert "\n" not in note
    note = found["recbole-neumf", "ndcg@10"].note
    assert note is not None
    assert "No module named 'recbole'" in note


def test_a_library_that_takes_too_long_is_given_up(case: Folds) -> None:
    job = Job(Path(sys.executable), "bare_lightfm", "", 42, 1, seconds=0.01)
    with (
        pytest.raises(PeerError, match="given up after 0 s"),
        peer_fits(job, case.test, [{"epochs": 1}]),
    ):
        pass


def test_choice_is_made_on_validation_and_test_is_scored_with_it(
    case: Folds, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path)
    library = replace(BARE, grid=({"epochs": 1}, {"epochs": 15}))
    job = library.job(settings)
    evaluator = EpochEvaluator(case.validation)
    with peer_fits(job, case.validation, library.grid) as (fits, versions):
        values = [evaluator(fit).ndcg_at_10 for fit in fits]
        # Pairs get one score each, and clients tastes of their own.
        assert fits[0].scores.shape == (150, 80)
        assert len(np.unique(fits[1].scores.argmax(axis=1))) > 5
    assert versions.keys() == {"lightfm-next"}
    assert values[1] > values[0]
    with peer_fits(job, case.test, [{"epochs": 15}]) as ([fit], _):
        expected = EpochEvaluator(case.test)(fit)
    found = measured(settings, case, (library,))
    result = found["lightfm (bare)", "ndcg@10"]
    assert result.value == pytest.approx(expected.ndcg_at_10)
    assert found["lightfm (bare)", "auc"].value == pytest.approx(expected.auc)
    assert result.note == "epochs 15: the best of 2 on validation"
    assert result.low is not None
    assert result.high is not None
    assert result.value is not None
    assert result.low < result.value < result.high
    assert result.sample_count == len(case.test.labelled_clients)


def test_labels_never_reach_a_library(case: Folds, tmp_path: Path) -> None:
    job = BARE.job(settings_in(tmp_path))
    blind = replace(case.test, labels=case.test.interactions)
    with (
        peer_fits(job, case.test, [{"epochs": 2}]) as ([honest], _),
        peer_fits(job, blind, [{"epochs": 2}]) as ([other], _),
    ):
        assert np.array_equal(honest.scores, other.scores)


def fast_fold(seed: int) -> Fold:
    """Services that most took up long ago, and some that come up in the last days."""
    rng = np.random.default_rng(seed)
    shape = (300, 40)
    is_new = np.arange(shape[1]) >= 20
    owned = rng.random(shape) < np.where(is_new, 0.1, 0.6)
    ages = np.where(is_new, rng.uniform(1, 10, shape), 100.0) * owned
    labels = (rng.random(shape) < np.where(is_new, 0.3, 0.02)) & ~owned
    fold = plain_fold(*(sparse.csr_matrix(found.astype(np.float32)) for found in (owned, labels)))
    return replace(fold, adoption_age=sparse.csr_matrix(ages.astype(np.float32)))


def test_our_models_compete_with_what_sells_now(tmp_path: Path) -> None:
    case = Folds(fast_fold(1), fast_fold(2))
    plain = Popularity()
    plain.fit(case.test)
    found = measured(settings_in(tmp_path), case, ())["popularity", "ndcg@10"]
    assert found.value is not None
    assert found.value > 1.2 * EpochEvaluator(case.test)(plain).ndcg_at_10
    assert found.note is not None
    assert found.note.startswith("what sold in the last")


def leave_one_out_run(settings: Settings, **chosen: object) -> BenchmarkRun:
    now = datetime(2026, 1, 1)
    return BenchmarkRun(
        "20260101T000000-0",
        "leave-one-out",
        1.0,
        describe_machine(),
        {"seed": 42, "chosen": {"ease": {"settings": {"regularisation": 123.0, **chosen}}}},
        {},
        now,
        now,
        (BenchmarkResult("ml-100k", "ease", "ndcg@10", 0.4),),
    )


def test_what_leave_one_out_chose_is_taken_up(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert chosen_before("ease", "ml-100k", settings) == CHOICES["ease"]
    write_json(settings, leave_one_out_run(settings))
    assert chosen_before("ease", "ml-100k", settings) == (EaseSettings(regularisation=123.0),)
    # Another model, data or seed, or settings of another version: all choices again.
    assert chosen_before("ncf", "ml-100k", settings) == CHOICES["ncf"]
    assert chosen_before("ease", "own", settings) == CHOICES["ease"]
    other = settings.model_copy(update={"seed": 1})
    assert chosen_before("ease", "ml-100k", other) == CHOICES["ease"]
    write_json(settings, leave_one_out_run(settings, no_such_setting=1))
    assert chosen_before("ease", "ml-100k", settings) == CHOICES["ease"]
    json_file(settings, "leave-one-out").write_text("{")
    assert chosen_before("ease", "ml-100k", settings) == CHOICES["ease"]


@pytest.mark.skipif(
    not DEFAULT_FOLDER.exists(), reason="needs MovieLens 100K: run 'make test' or 'make datasets'"
)
def test_movielens_is_ranked_among_its_negatives(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"models": ("popularity",)})
    console = Console(file=io.StringIO())
    measured = measure_peers(
        settings, Progress(console), {"ml-100k leave-one-out": movielens_case}, ()
    )
    found = {result.metric: result for result in measured.results}
    assert found["hr@10"].sample_count == 943
    # Published for this protocol: about .41 and .23.
    assert found["hr@10"].value == pytest.approx(0.41, abs=0.03)
    assert found["ndcg@10"].value == pytest.approx(0.23, abs=0.02)


@pytest.mark.long
def test_made_up_data_is_loaded_built_and_measured(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    progress = Progress(Console(file=io.StringIO()))
    sources = {"insurer": partial(made_up_case, "insurer")}
    found = measure_peers(settings, progress, sources, ()).results
    ndcg = {result.model_name: result for result in found if result.metric == "ndcg@10"}
    assert ndcg["popularity"].value == pytest.approx(0.87, abs=0.02)
    assert ndcg["ease"].value == pytest.approx(0.91, abs=0.02)
    assert not settings.warehouse_file.exists()


@pytest.mark.skipif(
    not OTHERS_ARE_INSTALLED,
    reason="needs the libraries' own large environment: run 'make peers' first",
)
@pytest.mark.parametrize("name", ["implicit-als", "implicit-bpr", "recbole-neumf"])
def test_a_real_library_beats_chance(name: str, case: Folds, tmp_path: Path) -> None:
    library = BY_NAME[name]
    if library.stops_itself:
        library = replace(library, grid=({**library.grid[0], "learning_rate": 0.01},))
    found = measured(settings_in(tmp_path), case, (library,))
    auc = found[name, "auc"].value
    assert auc is not None, found[name, "auc"].note
    assert auc > 0.6
    seconds = found[name, SECONDS].value
    assert seconds is not None
    assert seconds > 0
