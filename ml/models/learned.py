"""What a model learned, by id: so that it can go on from it, on another build of the warehouse.

Indices are dense per build and mean another client after the next one. What is kept of a model is
therefore never read by index: its parameters come with the vocabulary that names their rows, and
:func:`carried` moves them to the rows of another fold. Rows that are new there keep the start that
the model gives to all (so that at first features speak for them); rows that are gone are dropped.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from safetensors.numpy import load_file, save_file

from ml.dataset import Fold, IntArray
from ml.errors import ModelError
from ml.models.base import Arrays, Checkpoint, Epoch, EpochListener, Monitor, Recommender

VOCABULARY_FILE: Final = "vocabulary.json"
_PREFIX: Final = "learned."
_ARRAYS_FILE: Final = "learned.safetensors"

CLIENTS: Final = "clients"
SERVICES: Final = "services"
CLIENT_FEATURES: Final = "client_features"
SERVICE_FEATURES: Final = "service_features"

Axes = Mapping[str, tuple[str, ...]]
"""By parameter: the vocabularies whose entries its rows are, one after the other."""


@dataclass(frozen=True)
class Vocabulary:
    """What the rows of a model's parameters stand for, in order.

    Parameters
    ----------
    entries : dict of str to pyarrow.Array of string
        Client ids, service ids, and names of both sides' features.
    """

    entries: dict[str, pa.Array]

    @classmethod
    def of(cls, fold: Fold) -> Self | None:
        """The vocabulary of a fold; None where it does not know its ids."""
        if fold.client_ids is None or fold.service_ids is None:
            return None
        return cls(
            {
                CLIENTS: _array(fold.client_ids),
                SERVICES: _array(fold.service_ids),
                CLIENT_FEATURES: pa.array(fold.client_feature_names, pa.string()),
                SERVICE_FEATURES: pa.array(fold.service_feature_names, pa.string()),
            }
        )

    def size(self, names: tuple[str, ...]) -> int:
        """Number of rows of parameters over some vocabularies."""
        return sum(len(self.entries[name]) for name in names)

    def places_of(self, other: Vocabulary, names: tuple[str, ...]) -> IntArray:
        """Where each row of another vocabulary is in this one; -1 where it is not.

        Parameters
        ----------
        other : Vocabulary
        names : tuple of str
            Which vocabularies make up the rows.

        Returns
        -------
        ndarray of int32, (other.size(names),)
        """
        parts, begin = [], 0
        for name in names:
            found = pc.index_in(other.entries[name], value_set=self.entries[name])
            places = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
            parts.append(np.where(places >= 0, places + begin, -1))
            begin += len(self.entries[name])
        joined: IntArray = np.concatenate(parts).astype(np.int32)
        return joined


def _array(ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    return ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids


@dataclass(frozen=True)
class Learned:
    """A model's parameters and what their rows stand for.

    Parameters
    ----------
    vocabulary : Vocabulary
    arrays : dict of str to ndarray
    """

    vocabulary: Vocabulary
    arrays: Arrays

    def check(self, axes: Axes, where: str) -> None:
        """Hold the parameters against the vocabulary.

        Parameters
        ----------
        axes : mapping of str to tuple of str
            Of the parameters that the model has.
        where : str
            Begins the message.

        Raises
        ------
        ModelError
            A parameter is missing or has another number of rows, or a name is there twice.
        """
        for name, entries in self.vocabulary.entries.items():
            if len(pc.unique(entries)) != len(entries):
                raise ModelError(f"{where}: {name} of the vocabulary are not unique; train anew")
        for name, vocabularies in axes.items():
            if name not in self.arrays:
                raise ModelError(f"{where}: has no parameter '{name}'; train anew")
            rows, expected = len(self.arrays[name]), self.vocabulary.size(vocabularies)
            if vocabularies and rows != expected:
                raise ModelError(
                    f"{where}: '{name}' has {rows:,} rows, its vocabulary {expected:,}; train anew"
                )


def carried(
    start: Learned, vocabulary: Vocabulary, fresh: Mapping[str, npt.NDArray[np.float32]], axes: Axes
) -> Arrays:
    """Parameters for another vocabulary: what was learned where it was, fresh ones elsewhere.

    Parameters
    ----------
    start : Learned
    vocabulary : Vocabulary
        Of the fold to go on with.
    fresh : mapping of str to ndarray
        As the model begins without a start, in the rows of ``vocabulary``.
    axes : mapping of str to tuple of str

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    ModelError
        The parameters have other widths: they were learned with other settings.
    """
    places: dict[tuple[str, ...], IntArray] = {}
    result: Arrays = {}
    for name, beginning in fresh.items():
        before, names = start.arrays.get(name), axes[name]
        # Where rows stand for nothing, their number is a width too.
        first = 1 if names else 0
        if before is None or before.shape[first:] != beginning.shape[first:]:
            raise ModelError(
                f"the model to start from has other parameters ('{name}'): it was trained with "
                "other settings; train without a start (warm_start = 'never') once"
            )
        if not names:
            result[name] = before.copy()
            continue
        if names not in places:
            places[names] = start.vocabulary.places_of(vocabulary, names)
        is_known = places[names] >= 0
        values = beginning.copy()
        values[is_known] = before[places[names][is_known]]
        result[name] = values
    return result


def to_arrays(learned: Learned | None) -> Arrays:
    """Parameters under names that do not clash with a model's other arrays."""
    if learned is None:
        return {}
    return {f"{_PREFIX}{name}": array for name, array in learned.arrays.items()}


def write_vocabulary(directory: Path, learned: Learned | None) -> None:
    """Write what the rows stand for beside the parameters."""
    if learned is not None:
        entries = {name: e.to_pylist() for name, e in learned.vocabulary.entries.items()}
        (directory / VOCABULARY_FILE).write_text(json.dumps(entries, ensure_ascii=False))


def read_learned(directory: Path, arrays: Arrays, axes: Axes) -> Learned | None:
    """Read back what was written, and check it.

    Returns
    -------
    Learned or None
        None where the model was saved without ids.

    Raises
    ------
    ModelError
        Parameters and vocabulary do not belong together.
    """
    found = {
        name.removeprefix(_PREFIX): a for name, a in arrays.items() if name.startswith(_PREFIX)
    }
    if not found:
        return None
    try:
        entries = json.loads((directory / VOCABULARY_FILE).read_text())
        names = (CLIENTS, SERVICES, CLIENT_FEATURES, SERVICE_FEATURES)
        vocabulary = Vocabulary({name: pa.array(entries[name], pa.string()) for name in names})
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise ModelError(f"{directory}: no readable vocabulary ({error}); train anew") from error
    learned = Learned(vocabulary, found)
    learned.check(axes, str(directory))
    return learned


class Adaptable(Recommender):
    """A recommender that can go on from what it learned before.

    Attributes
    ----------
    learned : Learned or None
        After a fit on a fold that knows its ids, or after ``apply``.
    """

    learned: Learned | None = None

    @abstractmethod
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
        """Train, from a start where one is given; see :class:`Recommender`.

        Raises
        ------
        ModelError
            The start was learned with other settings.
        """

    @abstractmethod
    def apply(self, fold: Fold, learned: Learned) -> None:
        """Score a fold with what was learned before, training nothing.

        Raises
        ------
        ModelError
            It was learned with other settings.
        """


def save_learned(directory: Path, learned: Learned) -> None:
    """Write what a model learned, without what it needs to score."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: np.ascontiguousarray(array) for name, array in to_arrays(learned).items()},
        directory / _ARRAYS_FILE,
    )
    write_vocabulary(directory, learned)


def load_learned(directory: Path) -> Learned:
    """Read back what ``save_learned`` wrote; ``Adaptable`` models check it as they take it up.

    Raises
    ------
    ModelError
        Nothing readable there.
    """
    try:
        arrays = load_file(directory / _ARRAYS_FILE)
    except Exception as error:
        raise ModelError(f"{directory}: nothing readable to start from ({error})") from error
    learned = read_learned(directory, arrays, {})
    if learned is None:
        raise ModelError(f"{directory}: nothing to start from")
    return learned
