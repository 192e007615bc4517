"""Neural collaborative filtering: NeuMF whose client is what the client has.

The model is NeuMF (He et al., WWW 2017): a GMF half (elementwise product of two embeddings)
and an MLP half (two hidden layers over client and service) meet in one output layer. Four
things are its own:

- A client's vectors are sums over the services that the client has (as in FISM and DeepICF),
  beside an optional identity vector. A random part of the services is hidden in each epoch
  and must be told from services that the client lacks. So the model learns what goes with
  what, which is what ownership can teach, and a client with one service is served as well as
  one with hundreds.
- Histories are read from a moment, and what is near it speaks louder: the cutoff when serving,
  a random place in the client's own order when training (:mod:`ml.models.recency`).
- Client and service features enter the MLP half, and service features also a linear ("wide")
  term. Identities and histories are dropped at random, so that features alone work: that is
  how new clients and new services are scored.
- The log of each service's recent adoption rate is added to the score: ownership says what
  fits, the rate says what is taken up now (:mod:`ml.models.adoption`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from ml.dataset import FloatArray, Fold, IntArray
from ml.models.base import Checkpoint, Epoch, EpochListener, Monitor
from ml.models.epochs import train_by_epoch
from ml.models.learned import Adaptable, Learned, read_learned, to_arrays, write_vocabulary
from ml.models.ncf_parameters import axes_of
from ml.models.ncf_settings import NCFSettings
from ml.models.ncf_training import Sides, Training
from ml.models.pairs import SecondLayer, add_mlp_logits
from ml.models.state import read_state, write_state


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Pin torch's threads, which are part of what makes results bit-equal.

    Torch keeps the number per calling thread, so other threads' work is not disturbed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class NCF(Adaptable):
    """NeuMF over histories, identities and features, with the recent adoption rate.

    Parameters
    ----------
    settings : NCFSettings, optional
    seed : int, default 42
    threads : int
        Not used: training takes one thread. Its operations last fractions of a millisecond, and
        waiting for a second thread costs more, on a busy machine twenty times as much.
    """

    name: ClassVar[str] = "ncf"

    def __init__(
        self, settings: NCFSettings | None = None, *, seed: int = 42, threads: int = 1
    ) -> None:
        self.settings = settings or NCFSettings()
        self._seed = seed
        self.scorer: _Scorer | None = None
        self.learned = None

    def fit(
        self,
        fold: Fold,
        *,
        monitor: Monitor | None = None,
        epochs: int | None = None,
        progress: EpochListener | None = None,
        checkpoint: Checkpoint | None = None,
        start: Learned | None = None,
    ) -> list[Epoch]:
        """Train, from what was learned before where it is given; see :class:`Adaptable`.

        Adam's moments begin anew.
        """
        with torch_threads(1):
            training = Training(fold, self.settings, self._seed, self.take, start)
            history = train_by_epoch(
                self,
                training,
                max_epochs=self.settings.most_epochs,
                patience=self.settings.patience,
                monitor=monitor,
                epochs=epochs,
                progress=progress,
                checkpoint=checkpoint,
            )
        self.learned = training.learned()
        return history

    def apply(self, fold: Fold, learned: Learned) -> None:
        """See :class:`Adaptable`.

        Features, adoption rates and histories are the fold's. Services that the learned model does
        not know say nothing in a history, and are scored by their features.
        """
        with torch_threads(1):
            Training(fold, self.settings, self._seed, self.take, learned).show()
        self.learned = learned

    def take(self, sides: Sides) -> None:
        """Score with these vectors from now on."""
        self.scorer = _Scorer(**vars(sides))

    def score(self, clients: IntArray) -> FloatArray:
        """See :class:`Recommender`."""
        assert self.scorer is not None, "fit or load first"
        # Ranking calls this from a thread per core.
        with torch_threads(1):
            return self.scorer.score(clients)

    def save(self, directory: Path) -> None:
        """See :class:`Recommender`."""
        assert self.scorer is not None, "fit or load first"
        arrays = {name: tensor.cpu().numpy() for name, tensor in vars(self.scorer).items()}
        write_state(directory, self, self.settings, arrays | to_arrays(self.learned))
        write_vocabulary(directory, self.learned)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """See :class:`Recommender`."""
        description, arrays = read_state(directory, cls.name)
        model = cls(NCFSettings(**description["settings"]))
        model.best_epoch = description["best_epoch"]
        model.scorer = _Scorer(
            **{field.name: torch.from_numpy(arrays[field.name]) for field in fields(_Scorer)}
        )
        model.learned = read_learned(directory, arrays, axes_of(model.settings))
        return model


@dataclass(frozen=True)
class _Scorer:
    """Whole-catalogue scoring from both sides' vectors; also what is saved."""

    client_gmf: Tensor
    client_mlp: Tensor
    service_gmf: Tensor
    service_mlp: Tensor
    linear: Tensor
    second_layer: Tensor
    second_bias: Tensor
    mlp_output: Tensor

    @torch.no_grad()
    def score(self, clients: IntArray) -> FloatArray:
        rows = torch.from_numpy(clients.astype(np.int64)).to(self.client_gmf.device)
        scores = torch.addmm(self.linear, self.client_gmf[rows], self.service_gmf.T)
        if not self.client_mlp.shape[1]:
            return scores.cpu().numpy()
        second = SecondLayer(self.second_layer, self.second_bias, self.mlp_output)
        add_mlp_logits(scores, self.client_mlp[rows], self.service_mlp, second)
        return scores.cpu().numpy()
