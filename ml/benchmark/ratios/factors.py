"""Top 20 by factors with owned services masked, beside implicit's own top-k."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse

from ml.benchmark.folds import plain_fold
from ml.benchmark.peers.jobs import Job, PeerError, run_peer
from ml.benchmark.ratios.timing import SAME_SHARE, TIMES_FASTER, in_turn, same_share, timed
from ml.benchmark.ratios.world import Sizes
from ml.benchmark.results import BenchmarkResult
from ml.dataset import FloatArray, IntArray
from ml.ranking import DEPTH, top_k
from ml.settings import PROJECT_ROOT, Settings

FACTORS = 64


def measure_factors(settings: Settings, sizes: Sizes) -> list[BenchmarkResult]:
    """Random factors and owned services; implicit runs in its own environment.

    Each of its turns is a process of its own, whose start, reading and first call do not count.
    """
    size = sizes.factors
    case = f"top {DEPTH}, {FACTORS} factors, {size}"
    rng = np.random.default_rng(settings.seed)
    clients = rng.standard_normal((size.clients, FACTORS), dtype=np.float32)
    services = rng.standard_normal((size.services, FACTORS), dtype=np.float32)
    owned = sparse.random(
        size.clients, size.services, size.records / (size.clients * size.services), "csr",
        np.float32, rng,
    )  # fmt: skip
    owned.sort_indices()
    fold = plain_fold(owned, sparse.csr_matrix(owned.shape, dtype=np.float32))

    def score(some: IntArray) -> FloatArray:
        scores: FloatArray = clients[some] @ services.T
        return scores

    def ours() -> IntArray:
        return top_k(score, fold, fold.eligible_clients, DEPTH, settings.block_size).services

    with tempfile.TemporaryDirectory(prefix="cross-sell-ratio-") as name:
        folder = Path(name)
        np.savez(
            folder / "factors.npz",
            clients=clients, services=services, indptr=owned.indptr, indices=owned.indices,
        )  # fmt: skip
        (folder / "job.json").write_text(json.dumps({"k": DEPTH, "threads": settings.threads}))
        job = Job(
            PROJECT_ROOT / settings.benchmark.peers_python, "implicit_topk", "", settings.seed,
            settings.threads, settings.benchmark.peers_seconds,
        )  # fmt: skip

        def theirs() -> float:
            run_peer(job, folder)
            return float(json.loads((folder / "result.json").read_text())["seconds"])

        try:
            times = in_turn(lambda: timed(ours), theirs, settings.benchmark.ratios_repeats)
        except PeerError as error:
            return [
                BenchmarkResult(case, "ours", TIMES_FASTER, None, sample_count=0, note=str(error))
            ]
        same = same_share(ours(), np.load(folder / "services.npy"))
    return [
        *times.results(case, "ours", "implicit"),
        BenchmarkResult(f"{case}, offers", "ours", SAME_SHARE, same),
    ]
