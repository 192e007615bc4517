"""Which clients figures are taken on, where there are more than figures need.

Metrics, calibration of offers and what is kept of them are means over clients. Some twenty
thousand clients tell such a mean to a few thousandths; a million would take fifty times as long
and say the same. Models learn from everybody, and offers are made for everybody.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def choose_measured(
    client_ids: pa.ChunkedArray, is_eligible: npt.NDArray[np.bool_], most: int | None
) -> npt.NDArray[np.bool_] | None:
    """A sample of the eligible clients that rests on nothing but their ids.

    So it is the same for all models, and nearly the same from one build to the next: those with
    the smallest hashes.

    Parameters
    ----------
    client_ids : pyarrow.ChunkedArray of string, (n_clients,)
    is_eligible : ndarray of bool, (n_clients,)
    most : int or None
        How many; None for no limit.

    Returns
    -------
    ndarray of bool, (n_clients,), or None
        None where everybody is measured.

    Examples
    --------
    >>> ids = pa.chunked_array([["ann", "ben", "eve", "joe"]])
    >>> is_eligible = np.array([True, True, True, False])
    >>> int(choose_measured(ids, is_eligible, 2).sum())
    2
    >>> choose_measured(ids, is_eligible, 3) is None
    True
    """
    eligible = np.flatnonzero(is_eligible)
    if most is None or len(eligible) <= most:
        return None
    hashes = np.fromiter(
        (
            int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
            for text in client_ids.take(pa.array(eligible)).to_pylist()
        ),
        dtype=np.uint64,
        count=len(eligible),
    )
    chosen = np.zeros(len(is_eligible), dtype=np.bool_)
    chosen[eligible[np.argsort(hashes, kind="stable")[:most]]] = True
    return chosen
