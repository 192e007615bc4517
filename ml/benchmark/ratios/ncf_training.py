"""How fast NCF learns beside RecBole's NeuMF: samples per second, and time to the same quality.

MovieLens 100K; both get who has what of the same pairs and no more. After each epoch, outside the
clock, both are ranked by the same code: NDCG@10 of the records that validation holds out, every
film ranked that the user is not known to have. RecBole and ours take turns, so that what else
the machine does meets both.

Two of ours run: ``plain`` is RecBole's own model (an identity per user and film, the same factors,
layers, dropout, learning rate and start, as many samples per step, four negatives per positive),
and ``ncf`` has the project's way of learning. Each round has a seed of its own. What each says:

- samples_per_second: (client, service, label) triples that went through the network, per second
  of training.
- ndcg@10: of each one's best epoch.
- seconds_to_best: training until RecBole's best NDCG@10 of the same round is reached, from the
  start of the fit, without evaluation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from scipy import sparse

from ml.benchmark.carving import carve
from ml.benchmark.folds import plain_fold
from ml.benchmark.leave_one_out_data import read_leave_one_out
from ml.benchmark.movielens import ML_100K, prepare_ml_100k
from ml.benchmark.peers.jobs import PeerError, peer_fits
from ml.benchmark.peers.libraries import Library
from ml.benchmark.results import BenchmarkResult, spread
from ml.dataset import Fold
from ml.errors import InputError
from ml.evaluation.protocol import EpochEvaluator
from ml.models.ncf import NCF, torch_threads
from ml.models.ncf_settings import NCFSettings
from ml.models.ncf_training import Training
from ml.progress import Progress
from ml.settings import Settings

NEUMF: Final = "recbole-neumf"
PLAIN: Final = "ncf plain"
OURS: Final = "ncf"
SAMPLES_PER_SECOND: Final = "samples_per_second"
REPEATS: Final = 3
_FACTORS: Final = 64
_NEGATIVES_EACH: Final = 4
_BATCH: Final = 2048

RECBOLE: Final = Library(
    NEUMF,
    "recbole_neumf",
    grid=(
        {
            "mf_embedding_size": _FACTORS,
            "mlp_embedding_size": _FACTORS,
            "mlp_hidden_size": [128, 64],
            "dropout_prob": 0.1,
            "learning_rate": 0.001,
            "train_batch_size": _BATCH,
            "train_neg_sample_args": {
                "distribution": "uniform",
                "sample_num": _NEGATIVES_EACH,
                "dynamic": False,
            },
        },
    ),
)

OWN_WAY: Final = NCFSettings(
    adoption_weight=0.0,
    recency_weight=0.0,
    mlp_factors=8,
    hidden=(16, 8),
    uses_identity=True,
    history_kept=0.7,
    dropout=0.5,
    loss="bce",
    learns_visible=True,
    negatives=512,
    clients_per_step=64,
    learning_rate=0.01,
    averaging=0.98,
    device="cpu",
)
"""Chosen among 130 on validation records of other splits, by the time to RecBole's quality."""


PLAIN_WAY: Final = NCFSettings(
    gmf_factors=_FACTORS,
    mlp_factors=_FACTORS,
    feature_factors=1,
    hidden=(128, 64),
    uses_identity=True,
    uses_history=False,
    dropout=0.1,
    client_dropout=0.0,
    service_dropout=0.0,
    loss="bce",
    positives_per_step=_BATCH // (1 + _NEGATIVES_EACH),
    negatives=_NEGATIVES_EACH,
    embedding_scale=0.01,
    learning_rate=0.001,
    embedding_decay=0.0,
    weight_decay=0.0,
    averaging=0.0,
    recency_weight=0.0,
    adoption_weight=0.0,
    device="cpu",
)
"""RecBole's model, batch, negatives and start."""


@dataclass(frozen=True)
class Trace:
    """One training, epoch by epoch.

    Parameters
    ----------
    setup_seconds : float
        Before the first epoch; of RecBole not counted.
    seconds, samples, ndcg : list
        Of each epoch.
    """

    setup_seconds: float
    seconds: list[float]
    samples: list[int]
    ndcg: list[float]

    @property
    def rate(self) -> float:
        """Samples per second of training."""
        return sum(self.samples) / sum(self.seconds)

    def seconds_to(self, quality: float) -> float | None:
        """Training until NDCG@10 is as good; None where it never was."""
        passed = accumulate(self.seconds, initial=self.setup_seconds)
        next(passed)
        reached = (t for t, ndcg in zip(passed, self.ndcg, strict=True) if ndcg >= quality)
        return next(reached, None)


def movielens_fold(settings: Settings) -> Fold:
    """What both learn from, with what validation holds out as labels.

    Raises
    ------
    InputError
        The MovieLens files are not there.
    """
    data = read_leave_one_out(prepare_ml_100k(settings))
    carved = carve(data, settings.seed)
    shape = (data.n_users, data.n_items)
    held_out = carved.validation
    ones = np.ones(len(held_out.users), dtype=np.float32)
    labels = sparse.csr_matrix((ones, (held_out.users, held_out.targets)), shape=shape)
    return plain_fold(carved.train.matrix(*shape), labels)


def measure_ncf_training(
    settings: Settings,
    progress: Progress,
    fold: Fold | None = None,
    *,
    library: Library = RECBOLE,
    repeats: int = REPEATS,
) -> list[BenchmarkResult]:
    """Train RecBole's NeuMF and both of ours in turns.

    Parameters
    ----------
    settings : Settings
        Seed and threads; most epochs are the benchmark's ``ratio_epochs``.
    progress : Progress
    fold : Fold, optional
        MovieLens 100K without one.
    library : Library
    repeats : int

    Returns
    -------
    list of BenchmarkResult
        Least, median and largest over the rounds; ratios are of the same round. Without the
        MovieLens files, rows without values that say so.
    """
    if fold is None:
        try:
            fold = movielens_fold(settings)
        except InputError as error:
            return [_missing(OURS, SAMPLES_PER_SECOND, str(error))]
    own = {PLAIN: PLAIN_WAY, OURS: OWN_WAY}
    evaluator = EpochEvaluator(fold, settings.block_size)
    rounds: list[dict[str, Trace]] = []
    note = None
    for number in range(repeats):
        seeded = settings.model_copy(update={"seed": settings.seed + number})
        with progress.step(f"ncf training, round {number + 1}") as step:
            traces: dict[str, Trace] = {}
            try:
                traces[NEUMF] = _peer(library, seeded, fold, evaluator)
            except PeerError as error:
                note = str(error)
            for name, chosen in own.items():
                traces[name] = _own(chosen, seeded, fold, evaluator)
            rounds.append(traces)
            step.outcome = ", ".join(f"{n} {t.rate:,.0f} samples/s" for n, t in traces.items())
    return list(_figures(rounds, own, note))


def _peer(library: Library, settings: Settings, fold: Fold, evaluator: EpochEvaluator) -> Trace:
    epochs = settings.benchmark.ratio_epochs
    grid = [{**library.grid[0], "traced_epochs": epochs}]
    with peer_fits(library.job(settings), fold, grid) as (fits, _):
        found = fits[0].epochs
        return Trace(
            0.0,
            [epoch.seconds for epoch in found],
            [epoch.samples for epoch in found],
            [evaluator(epoch).ndcg_at_10 for epoch in found],
        )


def _own(chosen: NCFSettings, settings: Settings, fold: Fold, measure: EpochEvaluator) -> Trace:
    # As the job does (NCF.fit): small operations wait for a second thread longer than they last.
    with torch_threads(1):
        model = NCF(chosen, seed=settings.seed, threads=settings.threads)
        started = time.perf_counter()
        training = Training(fold, chosen, settings.seed, model.take)
        trace = Trace(time.perf_counter() - started, [], [], [])
        for _ in range(settings.benchmark.ratio_epochs):
            before, started = training.samples, time.perf_counter()
            training.epoch()
            trace.seconds.append(time.perf_counter() - started)
            trace.samples.append(training.samples - before)
            training.show()
            trace.ndcg.append(measure(model).ndcg_at_10)
    return trace


def _figures(
    rounds: Sequence[dict[str, Trace]], own: Iterable[str], note: str | None
) -> Iterator[BenchmarkResult]:
    for name in (NEUMF, *own):
        traces = [traces[name] for traces in rounds if name in traces]
        if not traces:
            yield _missing(name, SAMPLES_PER_SECOND, note)
            continue
        yield _middle(name, SAMPLES_PER_SECOND, [trace.rate for trace in traces])
        yield _middle(name, "ndcg@10", [max(trace.ndcg) for trace in traces])
        yield _reached(name, "seconds_to_best", rounds, lambda own, _: own)
        if name != NEUMF:
            both = [traces for traces in rounds if NEUMF in traces]
            rates = [traces[name].rate / traces[NEUMF].rate for traces in both]
            metric = f"{SAMPLES_PER_SECOND} ratio"
            yield _middle(name, metric, rates) if rates else _missing(name, metric, note)
            yield _reached(name, "seconds_to_best ratio", rounds, lambda own, peer: peer / own)


def _reached(
    name: str,
    metric: str,
    rounds: Sequence[dict[str, Trace]],
    value: Callable[[float, float], float],
) -> BenchmarkResult:
    """A figure of the times to RecBole's best quality; none where a round did not reach it."""
    found: list[float] = []
    for traces in rounds:
        if NEUMF not in traces:
            return _missing(name, metric, f"without {NEUMF} there is no quality to reach")
        best = max(traces[NEUMF].ndcg)
        times = (traces[name].seconds_to(best), traces[NEUMF].seconds_to(best))
        if times[0] is None or times[1] is None:
            return _missing(name, metric, f"{NEUMF}'s best NDCG@10 was not reached in every round")
        found.append(value(times[0], times[1]))
    return _middle(name, metric, found)


def _middle(name: str, metric: str, samples: Sequence[float]) -> BenchmarkResult:
    return spread(_CASE, name, metric, samples, takes_median=True)


def _missing(name: str, metric: str, note: str | None) -> BenchmarkResult:
    return BenchmarkResult(_CASE, name, metric, None, sample_count=0, note=note)


_CASE: Final = f"ncf training, {ML_100K}"
