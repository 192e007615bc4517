"""Top 20 of all clients beside LightFM's ``predict`` and a plain forward of NCF."""

from __future__ import annotations

import numpy as np

from ml.benchmark.ratios.timing import SAME_SHARE, in_turn, same_share, timed
from ml.benchmark.ratios.world import Sizes, hybrid_fold
from ml.benchmark.results import BenchmarkResult
from ml.dataset import Fold, IntArray
from ml.models.base import Recommender
from ml.models.lightfm_settings import LightFMSettings
from ml.models.ncf import NCF
from ml.models.yardsticks import lightfm_beside_its_own, plain_ncf_top
from ml.parallel import blocks
from ml.ranking import DEPTH, top_k
from ml.settings import Settings


def measure_lightfm(settings: Settings, sizes: Sizes) -> list[BenchmarkResult]:
    """One hybrid model ranked by vectors and one product, and by ``predict`` + argpartition.

    Computing the vectors counts as ours.
    """
    case = f"top {DEPTH}, hybrid lightfm, {sizes.lightfm}"
    fold = hybrid_fold(sizes.lightfm, settings.seed)
    own = LightFMSettings(members=1)
    model, predict = lightfm_beside_its_own(own, fold, settings.threads)

    def theirs() -> IntArray:
        found = []
        for part in blocks(fold.n_clients, 256):
            clients = np.arange(part.start, part.stop, dtype=np.int32)
            scores = np.where(fold.candidate_mask(clients), predict(clients), -np.inf)
            best = np.argpartition(-scores, DEPTH - 1, axis=1)[:, :DEPTH]
            order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
            found.append(np.take_along_axis(best, order, axis=1).astype(np.int32))
        return np.concatenate(found)

    times = in_turn(
        lambda: timed(lambda: _top(model(), fold, settings)),
        lambda: timed(theirs),
        settings.benchmark.ratios_repeats,
    )
    same = same_share(_top(model(), fold, settings), theirs())
    return [
        *times.results(case, "lightfm", "LightFM.predict"),
        BenchmarkResult(f"{case}, offers", "lightfm", SAME_SHARE, same),
    ]


def measure_ncf(settings: Settings, sizes: Sizes) -> list[BenchmarkResult]:
    """One network ranked by whole blocks, and by a forward of every pair in PyTorch."""
    case = f"top {DEPTH}, ncf, {sizes.ncf}"
    fold = hybrid_fold(sizes.ncf, settings.seed)
    model = NCF(settings.ncf, seed=settings.seed, threads=settings.threads)
    model.fit(fold, epochs=1)
    owned = np.split(fold.ineligible_pairs.indices, fold.ineligible_pairs.indptr[1:-1])

    def theirs() -> IntArray:
        return plain_ncf_top(model, owned, DEPTH, settings.threads)

    times = in_turn(
        lambda: timed(lambda: _top(model, fold, settings)),
        lambda: timed(theirs),
        settings.benchmark.ratios_repeats,
    )
    same = same_share(_top(model, fold, settings), theirs())
    return [
        *times.results(case, "ncf", "plain forward"),
        BenchmarkResult(f"{case}, offers", "ncf", SAME_SHARE, same),
    ]


def _top(model: Recommender, fold: Fold, settings: Settings) -> IntArray:
    clients = fold.eligible_clients
    return top_k(model.score, fold, clients, DEPTH, settings.block_size).services
