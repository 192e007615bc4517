"""The usual ways to fit and to score, which the benchmarks hold ours against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.lightfm import LightFM
from ml.models.lightfm_members import Members
from ml.models.lightfm_settings import LightFMSettings
from ml.models.lightfm_training import Training
from ml.models.ncf import NCF, torch_threads
from ml.parallel import blocks

# Clients whose pairs go through the network at once: of the sizes tried (4 to 64, a thousand
# services), among the fastest for the plain forward.
_CLIENTS_AT_ONCE: Final = 16
_SEED: Final = 42


def plain_ncf_top(model: NCF, owned: list[IntArray], k: int, threads: int) -> IntArray:
    """Top k by a forward of every pair, client by client, as a training step does it.

    Parameters
    ----------
    model : NCF
        Fitted.
    owned : list of ndarray of int32
        What each client, from the first on, may not be offered.
    k, threads : int

    Returns
    -------
    ndarray of int32, (n, k)
    """
    net = model.scorer
    assert net is not None, "fit first"
    lookup = torch.nn.functional.embedding
    n_services = len(net.linear)
    found = []
    with torch_threads(threads), torch.no_grad():
        for block in blocks(len(owned), _CLIENTS_AT_ONCE):
            count = block.stop - block.start
            rows = torch.arange(block.start, block.stop).repeat_interleave(n_services)
            columns = torch.arange(n_services).repeat(count)
            first = torch.relu(lookup(rows, net.client_mlp) + lookup(columns, net.service_mlp))
            second = torch.relu(first @ net.second_layer + net.second_bias)
            gmf = (lookup(rows, net.client_gmf) * lookup(columns, net.service_gmf)).sum(dim=1)
            scores = (gmf + second @ net.mlp_output + net.linear[columns]).view(count, n_services)
            for row, mine in zip(scores, owned[block], strict=True):
                row[torch.from_numpy(mine.astype(np.int64))] = -torch.inf
            found.append(scores.topk(k, dim=1).indices.numpy().astype(np.int32))
    return np.concatenate(found)


def lightfm_beside_its_own(
    settings: LightFMSettings, fold: Fold, threads: int
) -> tuple[Callable[[], LightFM], Callable[[IntArray], FloatArray]]:
    """One trained model, scored in two ways.

    Parameters
    ----------
    settings : LightFMSettings
        With one member.
    fold : Fold
    threads : int
        Of LightFM's ``predict``.

    Returns
    -------
    ours : callable
        Makes the model whose scores are one matrix product, its vectors computed anew.
    predict : callable
        LightFM's ``predict`` for all services of some clients, (n,) -> (n, n_services).
    """
    model = LightFM(settings, seed=_SEED)
    trainee = Training(fold, settings, _SEED, model.take)
    trainee.epoch()
    [bare] = trainee.members.models
    services = np.arange(fold.n_services, dtype=np.int32)

    def ours() -> LightFM:
        trainee.show()
        return model

    def predict(clients: IntArray) -> FloatArray:
        scores: FloatArray = bare.predict(
            np.repeat(clients, len(services)),
            np.tile(services, len(clients)),
            item_features=trainee.service_columns,
            user_features=trainee.client_columns,
            num_threads=threads,
        )
        return scores.reshape(len(clients), len(services)) + trainee.offset

    return ours, predict


def bare_lightfm_fit(settings: LightFMSettings, fold: Fold, epochs: int) -> Callable[[], None]:
    """``LightFM.fit`` alone on the matrices that the job would hand it, which are made before.

    Parameters
    ----------
    settings : LightFMSettings
        With one member.
    fold : Fold
    epochs : int

    Returns
    -------
    callable
        Fits a fresh model on one thread, as the job does.
    """
    ready = Training(fold, settings, _SEED, LightFM(settings).take)

    def fit() -> None:
        [bare] = Members(settings, _SEED).models
        bare.fit(
            ready.positives,
            user_features=ready.client_columns,
            item_features=ready.service_columns,
            epochs=epochs,
            num_threads=1,
        )

    return fit
