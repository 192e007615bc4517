"""A validation split inside train, made as the test was: what all tuning looks at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.benchmark.candidates import Candidates
from ml.benchmark.leave_one_out_data import LeaveOneOut, Records
from ml.dataset import BoolArray, IntArray
from ml.evaluation.metrics import Integers
from ml.negative_sampling import NegativeSampler

MOST_HELD_OUT = 3
"""Records held out of each user. Validation is noisy: one per user tells settings apart badly."""

SHARE_HELD_OUT = 0.1
"""Of a user's records, at most this share (one at least, where the user has two)."""


@dataclass(frozen=True)
class Carved:
    """Train without what validation holds out.

    Parameters
    ----------
    train : Records
    validation : Candidates
        As many negatives each as the test has, drawn evenly from what the user lacks in train.
    """

    train: Records
    validation: Candidates


def carve(data: LeaveOneOut, seed: int) -> Carved:
    """Hold out each user's newest records, or random ones where there are no times.

    Parameters
    ----------
    data : LeaveOneOut
    seed : int

    Returns
    -------
    Carved
    """
    rng = np.random.default_rng(seed)
    train = data.train
    is_held_out = _newest(train, data.n_users, rng)
    users, items = train.users[is_held_out], train.items[is_held_out]
    rows, negatives = _draw(data, users, rng)
    validation = Candidates.of(users, items, rows, negatives)
    return Carved(train.where(~is_held_out), validation)


def _newest(train: Records, n_users: int, rng: np.random.Generator) -> BoolArray:
    times = train.seconds if train.seconds is not None else rng.random(len(train.users))
    order = np.lexsort((times, train.users))
    counts = np.bincount(train.users, minlength=n_users)
    ends = np.cumsum(counts)
    from_newest = ends[train.users[order]] - 1 - np.arange(len(order))
    most = np.clip((counts * SHARE_HELD_OUT).astype(np.int64), 1, MOST_HELD_OUT)
    most[counts < 2] = 0
    is_held_out = np.zeros(len(order), dtype=bool)
    is_held_out[order] = from_newest < most[train.users[order]]
    return is_held_out


def _draw(
    data: LeaveOneOut, users: IntArray, rng: np.random.Generator
) -> tuple[Integers, IntArray]:
    """As many different negatives for each test as lists have at the median."""
    count = int(np.median((data.test.items >= 0).sum(axis=1))) - 1
    sampler = NegativeSampler(data.train.matrix(data.n_users, data.n_items))
    tests = np.flatnonzero(sampler.can_draw[users])
    # Drawn with replacement; a negative that comes twice is taken once.
    rows = np.repeat(tests, count)
    drawn = sampler.draw(users[rows], rng)
    pairs = np.unique(rows * np.int64(data.n_items) + drawn)
    return pairs // data.n_items, (pairs % data.n_items).astype(np.int32)
