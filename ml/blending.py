"""A blend of fitted models: a weighted mean of their scores, made comparable client by client.

A member's scores of one client become ``arsinh((score - mean) / standard deviation)``: standardised
(Montague and Aslam, CIKM 2001), and their tails drawn in as the calibrator does. Weights are convex
and chosen on validation, from the best single model on: a step towards another one is taken
only where it gains more than its standard error. What half of the clients choose has to
gain significantly on the other half, or there is no blend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy import sparse

from ml.adjustment import Adjusted, Adjustment
from ml.dataset import BoolArray, FloatArray, Fold, IntArray
from ml.evaluation.metrics import Values
from ml.evaluation.protocol import Scores
from ml.evaluation.significance import SIGNIFICANT, standard_error
from ml.models.registry import load
from ml.parallel import blocks

BLEND: Final = "blend"
"""Its name among the models."""

STEPS: Final = (0.1, 0.2, 0.4)
"""Shares of the whole that a step gives to one member."""

LEAST_WEIGHT: Final = 0.05
"""A member below it is left out: it costs a refit and changes hardly a list."""

_MOST_CLIENTS: Final = 4096
_MOST_STEPS: Final = 10
_AT_ONCE: Final = 1 << 22
# First candidates of each member that are looked at: nothing else comes among the first ten.
_DEPTH: Final = 50


class Blend:
    """Members that score together; made of models that are fitted already.

    Parameters
    ----------
    members : dict of str to Adjusted
        By name of the model.
    weights : dict of str to float
        Of each member; they sum to one.
    """

    name: ClassVar[str] = BLEND
    best_epoch: int = 1

    def __init__(self, members: Mapping[str, Adjusted], weights: Mapping[str, float]) -> None:
        self.members, self.weights = dict(members), dict(weights)

    @classmethod
    def of(
        cls,
        weights: Mapping[str, float],
        models: Mapping[str, Scores],
        adjustments: Mapping[str, Adjustment],
        fold: Fold,
    ) -> Self:
        """Put models together that were fitted on one fold, each adjusted as was chosen for it."""
        members = {
            name: Adjusted.of(models[name], fold, adjustments[name]) for name in sorted(weights)
        }
        return cls(members, weights)

    @property
    def choices(self) -> dict[str, float | str]:
        """Weights by member, the largest first."""
        order = sorted(self.weights, key=lambda name: (-self.weights[name], name))
        return {name: self.weights[name] for name in order}

    def score(self, clients: IntArray) -> FloatArray:
        """Scores of all services for some clients, (n,) -> (n, n_services)."""
        total: FloatArray | None = None
        for name, member in self.members.items():
            part = np.float32(self.weights[name]) * comparable(member.score(clients))
            total = part if total is None else total + part
        assert total is not None
        return total

    def save(self, directory: Path) -> None:
        """Write each member in a folder of its own, and what was added to its scores."""
        arrays: dict[str, Any] = {}
        for name, member in self.members.items():
            model: Any = member.model
            model.save(directory / name)
            if member.rate is not None:
                arrays[f"{name}.rate"] = member.rate
            if member.interests is not None:
                for part in ("data", "indices", "indptr", "shape"):
                    arrays[f"{name}.{part}"] = np.asarray(getattr(member.interests, part))
        save_file(arrays, directory / "arrays.safetensors")
        text = json.dumps({"model": self.name, "weights": self.weights}, indent=2)
        (directory / "model.json").write_text(text + "\n")

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read back what ``save`` wrote; scores are equal bit for bit."""
        weights = json.loads((directory / "model.json").read_text())["weights"]
        arrays = load_file(directory / "arrays.safetensors")
        members = {}
        for name in sorted(weights):
            interests = None
            if f"{name}.shape" in arrays:
                parts = tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
                interests = sparse.csr_matrix(parts, shape=tuple(arrays[f"{name}.shape"]))
            members[name] = Adjusted(
                load(name, directory / name), arrays.get(f"{name}.rate"), interests
            )
        return cls(members, weights)


def comparable(scores: FloatArray) -> FloatArray:
    """Scores of each client on one scale, whatever the model, (n, n_services)."""
    deviations = scores.std(axis=1, keepdims=True)
    scores = scores - scores.mean(axis=1, keepdims=True)
    found: FloatArray = np.arcsinh(scores / np.where(deviations > 0, deviations, np.float32(1)))
    return found


def blend_weights(
    members: Mapping[str, Scores], best: str, fold: Fold, k: int = 10
) -> dict[str, float]:
    """Choose the weights of a blend by NDCG on a fold's labels.

    Parameters
    ----------
    members : dict of str to object with ``score``
        Fitted on the fold, and adjusted.
    best : str
        The best of them, which the others have to add something to.
    fold : Fold
        Validation.
    k : int, default 10
        First candidates that NDCG looks at.

    Returns
    -------
    dict of str to float
        By name, summing to one; empty where no blend is significantly better than the best.
    """
    table = _Table.of(members, fold, k)
    first = list(members).index(best)
    alone = np.eye(len(members))[first]
    is_even = np.arange(len(table.counts)) % 2 == 0
    gains = np.zeros(len(table.counts))
    for half in (is_even, ~is_even):
        chosen = table.climb(alone, ~half)
        gains[half] = (table.ndcg(chosen) - table.ndcg(alone))[half]
    if not gains.mean() > SIGNIFICANT * standard_error(gains):
        return {}
    weights = table.climb(alone, is_even | ~is_even)
    weights[weights < LEAST_WEIGHT] = 0.0
    weights /= weights.sum()
    found = dict(zip(members, weights.tolist(), strict=True))
    found = {name: weight for name, weight in found.items() if weight > 0}
    return found if len(found) > 1 else {}


@dataclass(frozen=True)
class _Table:
    """Each client's best candidates by any member, and its labels.

    Parameters
    ----------
    scores : ndarray of float32, (n_clients, width, n_members)
        Comparable; -inf where a client has fewer.
    owners, places : ndarray of int64, (n_labels,)
        Row and column of each label.
    counts : ndarray of int64, (n_clients,)
        Labels of each client, at least one.
    k : int
        First candidates that NDCG looks at.
    """

    scores: FloatArray
    owners: Any
    places: Any
    counts: Any
    k: int

    @classmethod
    def of(cls, members: Mapping[str, Scores], fold: Fold, k: int) -> Self:
        clients = fold.labelled_clients
        clients = clients[:: max(1, -(-len(clients) // _MOST_CLIENTS))]
        at_once = max(1, _AT_ONCE // fold.n_services)
        parts = [_look(members, fold, clients[rows]) for rows in blocks(len(clients), at_once)]
        rows = [part for block in parts for part in block]
        width = max((len(scores) for scores, _ in rows), default=0)
        scores = np.full((len(rows), width, len(members)), -np.inf, dtype=np.float32)
        is_label = np.zeros((len(rows), width), dtype=np.bool_)
        for row, (found, labels) in enumerate(rows):
            scores[row, : len(found)] = found
            is_label[row, : len(found)] = labels
        owners, places = np.nonzero(is_label)
        return cls(scores, owners, places, is_label.sum(axis=1), k)

    def ndcg(self, weights: Values) -> Values:
        """NDCG of each client under some weights, (n_clients,)."""
        used = weights > 0
        mixed = self.scores[:, :, used] @ weights[used].astype(np.float32)
        own = mixed[self.owners, self.places]
        ranks = 1 + (mixed[self.owners] > own[:, None]).sum(axis=1)
        gains = np.where(ranks <= self.k, 1.0 / np.log2(ranks + 1.0), 0.0)
        ideal = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(self.k) + 2.0))])
        sums = np.bincount(self.owners, weights=gains, minlength=len(self.counts))
        found: Values = sums / ideal[np.minimum(self.counts, self.k)]
        return found

    def climb(self, weights: Values, is_used: BoolArray) -> Values:
        """Step towards other members as long as some clients gain more than chance explains."""
        reached = self.ndcg(weights)
        for _ in range(_MOST_STEPS):
            taken, gained = None, 0.0
            for member in np.eye(len(weights)):
                for share in STEPS:
                    tried = (1 - share) * weights + share * member
                    values = self.ndcg(tried)
                    gain = (values - reached)[is_used]
                    if gain.mean() > max(gained, standard_error(gain)):
                        taken, gained = (tried, values), float(gain.mean())
            if taken is None:
                break
            weights, reached = taken
        return weights.copy()


def _look(
    members: Mapping[str, Scores], fold: Fold, clients: IntArray
) -> list[tuple[FloatArray, BoolArray]]:
    """Of each client the comparable scores of its best candidates, and which are labels."""
    is_candidate = fold.candidate_mask(clients)
    is_label = (fold.labels[clients].toarray() > 0) & is_candidate
    is_looked_at = is_label.copy()
    found = []
    depth = min(_DEPTH, fold.n_services)
    for member in members.values():
        scores = comparable(member.score(clients))
        found.append(scores)
        masked = np.where(is_candidate, scores, -np.inf)
        best = np.argpartition(masked, -depth, axis=1)[:, -depth:]
        np.put_along_axis(is_looked_at, best, True, axis=1)
    is_looked_at &= is_candidate
    together = np.stack(found, axis=-1)
    return [
        (together[row, picked], is_label[row, picked])
        for row, picked in enumerate(is_looked_at)
        if is_label[row].any()
    ]
