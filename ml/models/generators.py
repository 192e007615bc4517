"""The state of numpy's random generators as an array, so that it can be saved beside others."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def state_of(generator: np.random.Generator | np.random.RandomState) -> Bytes:
    """All that later draws depend on.

    Parameters
    ----------
    generator : numpy.random.Generator or numpy.random.RandomState

    Returns
    -------
    ndarray of uint8
        JSON: its integers are wider than any dtype.
    """
    state = (
        generator.get_state(legacy=False)
        if isinstance(generator, np.random.RandomState)
        else generator.bit_generator.state
    )
    text = json.dumps(state, default=lambda array: array.tolist())
    return np.frombuffer(text.encode(), dtype=np.uint8)


def set_state(generator: np.random.Generator | np.random.RandomState, state: Bytes) -> None:
    """Bring a generator of the same kind to where another one was.

    Parameters
    ----------
    generator : numpy.random.Generator or numpy.random.RandomState
    state : ndarray of uint8
        As from ``state_of``.

    Examples
    --------
    >>> one, other = np.random.default_rng(1), np.random.default_rng(2)
    >>> set_state(other, state_of(one))
    >>> one.random() == other.random()
    True
    """
    found: dict[str, Any] = json.loads(state.tobytes())
    if isinstance(generator, np.random.RandomState):
        generator.set_state(found)
    else:
        generator.bit_generator.state = found
