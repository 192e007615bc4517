from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from sklearn.metrics import ndcg_score

from ml.adjustment import Adjustment
from ml.benchmark import choosing
from ml.benchmark.candidates import Candidates, candidate_monitor, evaluate_candidates
from ml.benchmark.carving import carve
from ml.benchmark.choosing import Race, race
from ml.benchmark.feature_columns import feature_matrix
from ml.benchmark.leave_one_out_data import read_leave_one_out
from ml.benchmark.movielens import read_ml_100k, write_leave_one_out
from ml.benchmark.presets import CHOICES
from ml.dataset import FloatArray, Fold, IntArray
from ml.errors import InputError
from ml.evaluation.protocol import EpochQuality
from ml.models.base import Epoch, Recommender
from ml.models.recency import without_order
from tests.commands import run_cli

TRAIN = {"user": [1, 1, 2, 2, 3], "item": [10, 11, 10, 12, 11]}
TEST = {"user": [1, 2, 3], "item": [12, 11, 10]}
NEGATIVES = {"user": [1, 2, 3], "negatives": [[13, 14], [13, 14], [12, 13, 14]]}


def write(folder: Path, **tables: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, table in {
        "train": TRAIN, "test": TEST, "test_negatives": NEGATIVES, **tables
    }.items():  # fmt: skip
        if table is not None:
            made = table if isinstance(table, pa.Table) else pa.table(table)
            parquet.write_table(made, folder / f"{name}.parquet")
    return folder


class Fixed:
    """Scores that are given."""

    def __init__(self, scores: FloatArray) -> None:
        self._scores = scores

    def score(self, clients: IntArray) -> FloatArray:
        return self._scores[clients].copy()


def test_a_folder_is_read(tmp_path: Path) -> None:
    data = read_leave_one_out(write(tmp_path / "toy"))
    assert (data.name, data.n_users, data.n_items) == ("toy", 3, 5)
    assert data.remarks == ()
    assert data.test.items.tolist() == [[2, 3, 4, -1], [1, 3, 4, -1], [0, 2, 3, 4]]
    assert data.test.targets.tolist() == [2, 1, 0]
    assert data.train.seconds is None


@pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.string(), pa.large_string()])
def test_ids_of_any_type_meet(tmp_path: Path, kind: pa.DataType) -> None:
    columns = {name: pa.array(values).cast(kind) for name, values in TRAIN.items()}
    plain = read_leave_one_out(write(tmp_path / "plain"))
    other = read_leave_one_out(write(tmp_path / "other", train=columns))
    assert other.n_items == plain.n_items
    assert np.array_equal(other.train.items, plain.train.items)


def test_negatives_may_be_long_instead_of_lists(tmp_path: Path) -> None:
    long = {"user": [1, 1, 2, 2, 3, 3, 3], "negatives": [13, 14, 13, 14, 12, 13, 14]}
    lists = read_leave_one_out(write(tmp_path / "lists"))
    rows = read_leave_one_out(write(tmp_path / "rows", test_negatives=long))
    assert np.array_equal(lists.test.items, rows.test.items)


def test_a_users_own_test_item_leaves_its_negatives(tmp_path: Path) -> None:
    own = {"user": [1, 2, 3], "negatives": [[12, 13, 14], [13, 14], [12, 13, 14]]}
    data = read_leave_one_out(write(tmp_path / "toy", test_negatives=own))
    assert data.test.items[0].tolist() == [2, 3, 4, -1]
    assert data.remarks == ("1 negatives were the user's own test item: taken out",)


def test_odd_rows_are_counted(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "odd",
        train={"user": [1, 1, 1, 2, 2], "item": [10, 10, 12, 10, 12]},
        test={"user": [1, 2, 9, 4], "item": [12, 11, 99, 10]},
        test_negatives={"user": [1, 2, 9, 7], "negatives": [[13, 13], [14], [14], [10]]},
    )
    data = read_leave_one_out(folder)
    assert data.remarks == (
        "1 repeated pairs of train taken once",
        "1 held-out pairs were in train too: taken out of it",
        "1 negatives of users who are not tested",
        "1 repeated negatives taken once",
        "1 test users without negatives: not tested",
        "1 test users have nothing in train: tested as new",
        "2 test items are not in train: tested as new",
    )
    assert len(data.test.users) == 3


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"test": None}, "test.parquet is missing"),
        ({"train": {"user": [1], "film": [2]}}, "no column 'item'; it has user, film"),
        ({"test_negatives": {"user": [1]}}, "no column 'negatives'"),
        ({"test": {"user": [1, 1], "item": [12, 13]}}, "user 1 has 2 rows"),
        ({"train": {"user": [1, None], "item": [10, 11]}}, "'user' has 1 empty values"),
        ({"train": {"user": [[1]], "item": [10]}}, "must hold numbers or strings"),
        ({"train": {"user": pa.array([], pa.int64()), "item": pa.array([], pa.int64())}}, "empty"),
        (
            {"train": {"user": [1], "item": [10], "timestamp": ["noon"]}},
            "'timestamp' must hold times or numbers",
        ),
        (
            {"test_negatives": {"user": [8], "negatives": [[10]]}},
            "no user of test.parquet has negatives",
        ),
    ],
)
def test_bad_folders_are_named(tmp_path: Path, tables: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_leave_one_out(write(tmp_path / "bad", **tables))


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "bad")
    (folder / "train.parquet").write_text("user,item\n1,2\n")
    with pytest.raises(InputError, match=r"train\.parquet cannot be read as Parquet"):
        read_leave_one_out(folder)


def test_times_come_in_many_types(tmp_path: Path) -> None:
    moments = [datetime(2020, 1, 1 + i) for i in range(5)]
    seconds = np.array([m.timestamp() for m in moments])
    plain = seconds - seconds[0]
    for name, values in {
        "s": seconds.astype(np.int64),
        "ms": (seconds * 1e3).astype(np.int64),
        "ns": (seconds * 1e9).astype(np.int64),
        "typed": moments,
    }.items():
        data = read_leave_one_out(write(tmp_path / name, train={**TRAIN, "timestamp": values}))
        assert data.train.seconds is not None
        assert np.allclose(data.train.seconds - data.train.seconds[0], plain)


def test_features_of_any_column_type(tmp_path: Path) -> None:
    n = 24
    items = {
        "item": list(range(10, 10 + n)),
        "price": [float(i) for i in range(n)],
        "stars": [i % 2 for i in range(n)],
        "genres": [["x", "y"] if i < 12 else ["x"] for i in range(n)],
        "maker": ["a"] * 20 + ["rare"] * 2 + [None, ""],
        "blob": [b"?"] * n,
    }
    data = read_leave_one_out(write(tmp_path / "toy", items=items))
    names = data.item_feature_names
    found = {name: data.item_features.toarray()[:n, i] for i, name in enumerate(names)}
    assert found["genres: x"].sum() == n and found["genres: y"].sum() == 12
    assert found["stars: 1"].sum() == 12
    assert found["maker: a"].sum() == 20
    assert not any("rare" in name or "blob" in name for name in names)
    # Eight bands of three rows each are too small to learn from.
    assert not any(name.startswith("price") for name in names)
    assert set(np.unique(data.item_features.data)) == {1.0}


def test_numbers_become_bands_of_equal_size() -> None:
    table = pa.table({"price": np.arange(80.0)})
    matrix, names = feature_matrix(table, ["price"], np.arange(80, dtype=np.int32), 80)
    assert len(names) == 8 and sorted(names)[0] == "price: below 9.875"
    assert matrix.sum(axis=0).tolist() == [[10.0] * 8]
    assert (matrix.sum(axis=1) == 1).all()


def test_metrics_against_scikit_learn_and_by_counting() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(50, 200)).astype(np.float32)
    users = np.arange(50, dtype=np.int32)
    lists = np.array([rng.permutation(200)[:100] for _ in users], dtype=np.int32)
    tests = Candidates.of(
        users, lists[:, 0].copy(), np.repeat(np.arange(50), 99), lists[:, 1:].ravel()
    )
    found = evaluate_candidates(
        Fixed(scores), tests, np.zeros(50, bool), block_size=16, resamples=0, seed=0
    )
    values = np.take_along_axis(scores, lists, axis=1)
    above = (values[:, 1:] > values[:, :1]).sum(axis=1)
    relevance = np.zeros((50, 100))
    relevance[:, 0] = 1
    assert found.value("hr@10") == pytest.approx((above < 10).mean())
    assert found.value("ndcg@10") == pytest.approx(ndcg_score(relevance, values, k=10))
    assert found.value("auc") == pytest.approx(1 - (above / 99).mean())


def test_a_hand_made_list() -> None:
    """The target is third of four: 1 / log2(4) = 0.5; two of three negatives are above."""
    tests = Candidates.of(
        np.array([0], np.int32), np.array([5], np.int32), np.zeros(3, np.int64),
        np.array([1, 7, 3], np.int32),
    )  # fmt: skip
    scores = np.array([[9, 0.9, 9, 0.1, 9, 0.5, 9, 0.8]], dtype=np.float32)
    quality = candidate_monitor(tests, 8)(Fixed(scores))
    assert quality.ndcg_at_10 == pytest.approx(0.5)
    assert quality.auc == pytest.approx(1 / 3)


def wandering(folder: Path, seed: int = 0) -> Path:
    """Users who move round a ring of items: what comes next is near what came last."""
    rng = np.random.default_rng(seed)
    users, items, times, test, negatives = [], [], [], [], []
    for user in range(120):
        start = rng.integers(60)
        steps = np.sort(rng.permutation(24)[:13])
        taken = (start + steps) % 60
        users += [user] * 12
        items += taken[:12].tolist()
        times += (1_000_000 + steps[:12] * 3600).tolist()
        test.append(int(taken[12]))
        lacking = np.setdiff1d(np.arange(60), taken)
        negatives.append(rng.permutation(lacking)[:30].tolist())
    everyone = list(range(120))
    return write(
        folder,
        train={"user": users, "item": items, "timestamp": times},
        test={"user": everyone, "item": test},
        test_negatives={"user": everyone, "negatives": negatives},
        items={"item": list(range(60)), "sector": [f"s{i // 10}" for i in range(60)]},
    )


def test_validation_is_carved_from_the_newest_of_train(tmp_path: Path) -> None:
    data = read_leave_one_out(wandering(tmp_path / "ring"))
    carved = carve(data, seed=1)
    held_out = {*zip(carved.validation.users, carved.validation.targets, strict=True)}
    rest = {*zip(carved.train.users, carved.train.items, strict=True)}
    everything = {*zip(data.train.users, data.train.items, strict=True)}
    assert held_out | rest == everything and not held_out & rest
    assert len(held_out) == 120
    assert data.train.seconds is not None and carved.train.seconds is not None
    newest = np.zeros(120)
    np.maximum.at(newest, data.train.users, data.train.seconds)
    left = np.zeros(120)
    np.maximum.at(left, carved.train.users, carved.train.seconds)
    assert (left < newest).all()
    owned = data.train.matrix(data.n_users, data.n_items).toarray() > 0
    for user, target, row in zip(
        carved.validation.users, carved.validation.targets, carved.validation.items, strict=True
    ):
        negatives = [item for item in row if item >= 0 and item != target]
        assert negatives and not owned[user, negatives].any()


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    folder, target = wandering(tmp_path / "ring"), tmp_path / "out" / "figures.json"
    done = run_cli(
        tmp_path / "warehouse.duckdb",
        "benchmark",
        "leave-one-out",
        str(folder),
        "--json",
        str(target),
    )
    assert done.returncode == 0, done.stderr
    assert "ndcg@10" in done.stdout and "ncf" in done.stdout
    figures = {
        (row["model_name"], row["metric"]): row["value"]
        for row in json.loads(target.read_text())["results"]
    }
    for model in ("popularity", "ease", "lightfm", "ncf"):
        assert 0 <= figures[model, "hr@10"] <= 1
    for model in ("ease", "lightfm", "ncf"):
        assert figures[model, "ndcg@10"] > figures["popularity", "ndcg@10"] + 0.1


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    done = run_cli(
        tmp_path / "warehouse.duckdb", "benchmark", "leave-one-out", str(tmp_path / "none")
    )
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_movielens_becomes_a_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "ml-100k.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        "1\t5\t3\t20\n1\t6\t3\t30\n1\t7\t3\t10\n2\t5\t1\t40\n2\t8\t1\t40\n"
    )
    (source / "ml-100k.user").write_text(
        "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        "1\t24\tM\ttechnician\t85711\n2\t53\tF\tother\t94043\n"
    )
    (source / "ml-100k.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        '5\tA "quoted\t1995\tComedy Drama\n6\tB\t\tDrama\n7\tC\t1990\t\n8\tD\t1991\tWar\n'
    )
    folder = tmp_path / "loo"
    write_leave_one_out(read_ml_100k(source), folder, seed=1)
    test = parquet.read_table(folder / "test.parquet").to_pydict()
    assert dict(zip(test["user"], test["item"], strict=True)) == {"1": "6", "2": "8"}
    negatives = parquet.read_table(folder / "test_negatives.parquet").to_pydict()
    assert [sorted(row) for row in negatives["negatives"]] == [["8"], ["6", "7"]]
    data = read_leave_one_out(folder)
    assert data.remarks == ("2 test items are not in train: tested as new",)


def test_missing_movielens_says_what_brings_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make benchmark"):
        read_ml_100k(tmp_path)


class Learner(Recommender):
    """Quality by epoch as its settings spell it: a digit for each tenth."""

    name = "learner"

    def __init__(self, curve: str) -> None:
        self.curve = [int(digit) / 10 for digit in curve]

    def fit(self, fold: Fold, *, monitor: Any = None, **_: Any) -> list[Epoch]:
        history = []
        for number, value in enumerate(self.curve, 1):
            self.value = value
            quality = monitor(self)
            history.append(Epoch(number, None, quality.auc, quality.ndcg_at_10, 0.0))
        self.best_epoch = 1 + int(np.argmax(self.curve))
        return history

    def score(self, clients: IntArray) -> FloatArray:
        raise NotImplementedError

    save = load = score  # type: ignore[assignment]


def raced(monkeypatch: pytest.MonkeyPatch, curves: list[str], seconds: float | None = None) -> Race:
    """A race on a clock that moves a second with each look at validation."""
    clock = [0.0]

    def monitor(model: Any) -> EpochQuality:
        clock[0] += 1
        return EpochQuality(0.5, model.value)

    monkeypatch.setattr("ml.benchmark.choosing.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(choosing, "new_model", lambda settings, name, curve: Learner(curve))
    monkeypatch.setattr(choosing, "choose_adjustment", lambda *arguments: Adjustment())
    choices: Any = curves
    nothing: Any = SimpleNamespace(block_size=1)
    return race("learner", choices, nothing, monitor, nothing, stop_at=seconds)


def test_what_lags_is_given_up_once_it_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = raced(monkeypatch, ["24654", "1234567", "02345"])
    ends = [(choice.epochs, choice.ndcg_at_10, choice.ended) for choice in found.tried]
    assert ends[0] == (3, 0.6, "at its plateau")
    # After as many epochs as the first needed, .3 is less than .6.
    assert ends[1] == ends[2] == (3, 0.3, "given up")
    assert found.best is found.tried[0] and not found.untried
    assert str(found) == "best of 3 settings, 2 given up early"
    slow = raced(monkeypatch, ["24654", "117"])
    assert slow.best is slow.tried[1] and slow.best.ended == "still rising"
    assert "validation still rose" in str(slow)


def test_time_is_kept_for_the_refit_and_what_is_untried_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = raced(monkeypatch, ["2465", "567899", "23", "4"], seconds=11)
    # Four seconds, then three of which the fourth would leave less than the refit takes.
    assert [choice.ended for choice in found.tried] == ["at its plateau", "cut by the time"]
    assert found.best.ndcg_at_10 == 0.8 and len(found.untried) == 2
    assert str(found).endswith("1 cut by the time, 2 not tried for lack of time")
    # However short the time, one setting is tried.
    least = raced(monkeypatch, ["2465", "9"], seconds=0)
    assert [choice.ndcg_at_10 for choice in least.tried] == [0.2]


@pytest.mark.parametrize("name", ["ease", "lightfm", "ncf"])
def test_one_choice_at_least_reads_no_order(name: str) -> None:
    assert any(without_order(choice) is choice for choice in CHOICES[name])
