"""The NCF paper's protocol on anybody's files: read them, check them, count what is odd.

A folder holds ``train.parquet`` (user, item, optional timestamp), ``test.parquet`` (user,
item: one held-out item per user), ``test_negatives.parquet`` (user, negatives: a list of
items) and, optionally, ``users.parquet`` and ``items.parquet`` with features. Ids may be
numbers or strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet
from scipy import sparse

from ml.benchmark.candidates import Candidates
from ml.benchmark.feature_columns import feature_matrix
from ml.dataset import BoolArray, IntArray
from ml.errors import InputError

USER: Final = "user"
ITEM: Final = "item"
TIMESTAMP: Final = "timestamp"
NEGATIVES: Final = "negatives"
TRAIN_FILE: Final = "train.parquet"
TEST_FILE: Final = "test.parquet"
NEGATIVES_FILE: Final = "test_negatives.parquet"
USERS_FILE: Final = "users.parquet"
ITEMS_FILE: Final = "items.parquet"

# Whole numbers as large as this are no seconds since 1970 but milli-, micro- or nanoseconds.
_SECONDS_END: Final = 1e11


@dataclass(frozen=True)
class Records:
    """Who took what, and when.

    Parameters
    ----------
    users, items : ndarray of int32, (n,)
    seconds : ndarray of float64, (n,), optional
        Since some moment; None where the data has no times.
    """

    users: IntArray
    items: IntArray
    seconds: npt.NDArray[np.float64] | None

    def where(self, chosen: BoolArray) -> Records:
        """Some of the records."""
        seconds = None if self.seconds is None else self.seconds[chosen]
        return Records(self.users[chosen], self.items[chosen], seconds)

    def matrix(self, n_users: int, n_items: int) -> sparse.csr_matrix:
        """Ones where a user has an item, (n_users, n_items)."""
        ones = np.ones(len(self.users), dtype=np.float32)
        return sparse.csr_matrix((ones, (self.users, self.items)), shape=(n_users, n_items))


@dataclass(frozen=True)
class LeaveOneOut:
    """A leave-one-out folder, indexed.

    Parameters
    ----------
    name : str
        Of the folder.
    n_users, n_items : int
        All that any of the files names.
    train : Records
        Each pair once.
    test : Candidates
        Of every user that can be tested.
    user_features, item_features : csr_matrix, float32, (n_users, m) and (n_items, k)
    user_feature_names, item_feature_names : tuple of str
    remarks : tuple of str
        What was left out or is odd, with counts, for the person who reads the figures.
    """

    name: str
    n_users: int
    n_items: int
    train: Records
    test: Candidates
    user_features: sparse.csr_matrix
    item_features: sparse.csr_matrix
    user_feature_names: tuple[str, ...]
    item_feature_names: tuple[str, ...]
    remarks: tuple[str, ...]


def read_leave_one_out(folder: Path) -> LeaveOneOut:
    """Read and check a folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    InputError
        A file or a column that is missing or of the wrong type, or nobody to test. Names the
        file.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    train = _read(folder / TRAIN_FILE, (USER, ITEM))
    test = _read(folder / TEST_FILE, (USER, ITEM))
    negatives = _read_negatives(folder / NEGATIVES_FILE)
    users_table = _read_optional(folder / USERS_FILE, USER)
    items_table = _read_optional(folder / ITEMS_FILE, ITEM)
    users = _Index([train[USER], test[USER], users_table[USER]])
    items = _Index([train[ITEM], test[ITEM], negatives[NEGATIVES], items_table[ITEM]])
    remarks: list[str] = []
    records = _records(train, users, items, folder / TRAIN_FILE, remarks)
    test_users, test_items = users.of(test[USER]), items.of(test[ITEM])
    _check_one_each(test_users, users, folder / TEST_FILE)
    records = _without_test_pairs(records, test_users, test_items, items.size, remarks)
    candidates = _candidates(test_users, test_items, negatives, users, items, remarks)
    if not len(candidates.users):
        raise InputError(f"{folder / NEGATIVES_FILE}: no user of {TEST_FILE} has negatives")
    _remark_unseen(records, candidates, remarks)
    user_features, user_names = _features(users_table, USER, users)
    item_features, item_names = _features(items_table, ITEM, items)
    return LeaveOneOut(
        folder.resolve().name,
        users.size,
        items.size,
        records,
        candidates,
        user_features,
        item_features,
        user_names,
        item_names,
        tuple(remarks),
    )


class _Index:
    """Ids of one kind, in sorted order, so that the files' row order does not matter."""

    def __init__(self, columns: list[pa.ChunkedArray]) -> None:
        chunks = [chunk for column in columns for chunk in column.chunks]
        together = pc.unique(pa.chunked_array(chunks, pa.string()))
        self.ids = together.take(pc.sort_indices(together))

    @property
    def size(self) -> int:
        return len(self.ids)

    def of(self, column: pa.ChunkedArray) -> IntArray:
        """Indices of ids; -1 for one that is not there."""
        found = pc.fill_null(pc.index_in(column, value_set=self.ids), -1)
        indices: IntArray = found.to_numpy().astype(np.int32)
        return indices


def _read(path: Path, columns: tuple[str, ...]) -> pa.Table:
    """Read a file with its id columns as strings."""
    if not path.exists():
        raise InputError(f"{path} is missing")
    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from None
    for column in columns:
        if column not in table.column_names:
            raise InputError(
                f"{path} has no column '{column}'; it has {', '.join(table.column_names)}"
            )
        place = table.column_names.index(column)
        table = table.set_column(place, column, _as_ids(table.column(column), path, column))
    return table


def _as_ids(column: pa.ChunkedArray, path: Path, name: str) -> pa.ChunkedArray:
    if column.null_count:
        raise InputError(f"{path}: column '{name}' has {column.null_count:,} empty values")
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_whole = pa.types.is_floating(kind) and pc.all(pc.equal(column, pc.floor(column))).as_py()
    if is_whole:
        column, kind = column.cast(pa.int64()), pa.int64()
    if not (
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        raise InputError(f"{path}: column '{name}' must hold numbers or strings, not {column.type}")
    return column.cast(pa.string())


def _read_negatives(path: Path) -> pa.Table:
    """One row per user and negative, whichever way the file holds them."""
    table = _read(path, (USER,))
    if NEGATIVES not in table.column_names:
        raise InputError(
            f"{path} has no column '{NEGATIVES}'; it has {', '.join(table.column_names)}"
        )
    lists = table.column(NEGATIVES).combine_chunks()
    users = table.column(USER).combine_chunks()
    if pa.types.is_fixed_size_list(lists.type):
        lists = lists.cast(pa.list_(lists.type.value_type))
    if pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type):
        users = users.take(pc.list_parent_indices(lists))
        lists = pc.list_flatten(lists)
    ids = _as_ids(pa.chunked_array([lists]), path, NEGATIVES)
    return pa.table({USER: pa.chunked_array([users]), NEGATIVES: ids})


def _read_optional(path: Path, column: str) -> pa.Table:
    if not path.exists():
        return pa.table({column: pa.chunked_array([pa.array([], pa.string())])})
    return _read(path, (column,))


def _records(
    train: pa.Table, users: _Index, items: _Index, path: Path, remarks: list[str]
) -> Records:
    if not len(train):
        raise InputError(f"{path} is empty")
    seconds = _seconds(train.column(TIMESTAMP), path) if TIMESTAMP in train.column_names else None
    records = Records(users.of(train[USER]), items.of(train[ITEM]), seconds)
    keys = records.users.astype(np.int64) * items.size + records.items
    # Of a pair that comes several times, the first one: when the user took the item up.
    order = np.lexsort((np.zeros(len(keys)) if seconds is None else seconds, keys))
    is_first = np.ones(len(keys), dtype=bool)
    is_first[order[1:]] = keys[order[1:]] != keys[order[:-1]]
    if not is_first.all():
        remarks.append(f"{int((~is_first).sum()):,} repeated pairs of train taken once")
    return records.where(is_first)


def _seconds(column: pa.ChunkedArray, path: Path) -> npt.NDArray[np.float64] | None:
    if column.null_count:
        raise InputError(f"{path}: column '{TIMESTAMP}' has {column.null_count:,} empty values")
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        micros = column.cast(pa.timestamp("us")).cast(pa.int64())
        from_epoch: npt.NDArray[np.float64] = micros.to_numpy().astype(np.float64) / 1e6
        return from_epoch
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise InputError(f"{path}: column '{TIMESTAMP}' must hold times or numbers, not {kind}")
    values: npt.NDArray[np.float64] = column.to_numpy().astype(np.float64)
    while len(values) and np.abs(values).max() >= _SECONDS_END:
        values = values / 1e3
    return values


def _check_one_each(test_users: IntArray, users: _Index, path: Path) -> None:
    counts = np.bincount(test_users, minlength=users.size)
    if counts.max(initial=0) > 1:
        user = users.ids[int(counts.argmax())].as_py()
        raise InputError(f"{path}: user {user} has {int(counts.max())} rows, one is left out each")


def _without_test_pairs(
    records: Records, users: IntArray, items: IntArray, n_items: int, remarks: list[str]
) -> Records:
    held_out = users.astype(np.int64) * n_items + items
    leaks = np.isin(records.users.astype(np.int64) * n_items + records.items, held_out)
    if leaks.any():
        remarks.append(f"{int(leaks.sum()):,} held-out pairs were in train too: taken out of it")
    return records.where(~leaks)


def _candidates(
    test_users: IntArray,
    test_items: IntArray,
    negatives: pa.Table,
    users: _Index,
    items: _Index,
    remarks: list[str],
) -> Candidates:
    owners, drawn = users.of(negatives[USER]), items.of(negatives[NEGATIVES])
    place = np.full(users.size + 1, -1)
    place[test_users] = np.arange(len(test_users))
    rows = place[owners]
    if (rows < 0).any():
        remarks.append(f"{int((rows < 0).sum()):,} negatives of users who are not tested")
    rows, drawn = rows[rows >= 0], drawn[rows >= 0]
    is_own = drawn == test_items[rows]
    if is_own.any():
        remarks.append(f"{int(is_own.sum()):,} negatives were the user's own test item: taken out")
    rows, drawn = rows[~is_own], drawn[~is_own]
    pairs = np.unique(rows * np.int64(items.size) + drawn)
    if len(pairs) < len(rows):
        remarks.append(f"{len(rows) - len(pairs):,} repeated negatives taken once")
    rows, drawn = pairs // items.size, (pairs % items.size).astype(np.int32)
    counts = np.bincount(rows, minlength=len(test_users))
    if (counts == 0).any():
        remarks.append(f"{int((counts == 0).sum()):,} test users without negatives: not tested")
    return Candidates.of(test_users, test_items, rows, drawn).where(counts > 0)


def _remark_unseen(records: Records, test: Candidates, remarks: list[str]) -> None:
    unseen = ~np.isin(test.users, records.users)
    if unseen.any():
        remarks.append(f"{int(unseen.sum()):,} test users have nothing in train: tested as new")
    unseen = ~np.isin(test.targets, records.items)
    if unseen.any():
        remarks.append(f"{int(unseen.sum()):,} test items are not in train: tested as new")


def _features(
    table: pa.Table, key: str, index: _Index
) -> tuple[sparse.csr_matrix, tuple[str, ...]]:
    columns = [name for name in table.column_names if name != key]
    return feature_matrix(table, columns, index.of(table[key]), index.size)
