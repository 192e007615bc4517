"""Offers as rows of the warehouse, block after block as they are ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa

from ml import contracts
from ml.contracts import Columns
from ml.contracts.table import constant
from ml.dataset import Fold, IntArray
from ml.evaluation.calibration import Calibrator
from ml.fold_building import Marts
from ml.models.item_to_item import ItemToItem
from ml.ranking import Scorer, TopK, iter_top_k
from ml.reasons import strongest_owned

_TEXT: Final = pa.dictionary(pa.int8(), pa.string())
_SERVICE: Final = pa.dictionary(pa.int32(), pa.string())
_ENCODED: Final = {
    Columns.RUN_ID: _TEXT,
    Columns.SERVICE_ID: _SERVICE,
    Columns.REASON_SERVICE_ID: _SERVICE,
    Columns.MODEL_NAME: _TEXT,
}

OFFER_SCHEMA: Final = pa.schema(
    [(c.name, _ENCODED.get(c.name, c.type)) for c in contracts.SCORES.columns]
)
"""The contract of ``scores``, with texts that repeat as dictionaries."""


class OfferMaker:
    """Ranks everybody, puts probabilities and reasons to the offers, and makes rows of them.

    Parameters
    ----------
    run_id, model_name : str
    scored_at : datetime
        UTC.
    fold : Fold
        Serving.
    marts : Marts
        For the ids behind indices.
    calibrator : Calibrator
    item_to_item : ItemToItem
        Fitted on the fold: what reasons are read from.
    """

    def __init__(
        self,
        run_id: str,
        model_name: str,
        scored_at: datetime,
        fold: Fold,
        marts: Marts,
        calibrator: Calibrator,
        item_to_item: ItemToItem,
    ) -> None:
        self._run_id, self._model_name, self._scored_at = run_id, model_name, scored_at
        self._fold = fold
        self._calibrator = calibrator
        self._item_to_item = item_to_item
        self._client_ids = _joined(marts.client_ids)
        self._service_ids = _joined(marts.service_ids)
        self._is_cold = fold.is_cold_client

    def offers(
        self,
        score: Scorer,
        clients: IntArray,
        count: int,
        block_size: int,
        tell: Callable[[str], None],
    ) -> Iterator[pa.RecordBatch]:
        """Yield the offers of some clients, best first, block by block.

        Parameters
        ----------
        score : callable
        clients : ndarray of int32, (n,)
        count : int
            Most offers of each.
        block_size : int
            Clients ranked at once; the rows do not depend on it.
        tell : callable
            Hears how far it is.

        Yields
        ------
        pyarrow.RecordBatch
            In ``OFFER_SCHEMA``.
        """
        done = 0
        for top in iter_top_k(score, self._fold, clients, count, block_size):
            yield self._batch(top)
            done += len(top.clients)
            tell(f"{done:,} of {len(clients):,} clients")

    def _batch(self, top: TopK) -> pa.RecordBatch:
        rows, places = np.nonzero(top.services >= 0)
        services = top.services[rows, places]
        found = self._item_to_item
        reasons = strongest_owned(found.association, found.owned, top.clients, top.services)
        reasons = reasons[rows, places]
        probabilities = self._calibrator.transform_top(top, self._fold)
        n = len(rows)
        columns = {
            Columns.RUN_ID: constant(self._run_id, n),
            Columns.CLIENT_ID: self._client_ids.take(pa.array(top.clients[rows])),
            Columns.SERVICE_ID: self._services(pa.array(services)),
            Columns.OFFER_RANK: pa.array((places + 1).astype(np.int32)),
            Columns.SCORE: pa.array(top.scores[rows, places].astype(np.float64)),
            Columns.PROBABILITY: pa.array(probabilities[rows, places]),
            Columns.REASON_SERVICE_ID: self._services(pa.array(reasons, mask=reasons < 0)),
            Columns.IS_COLD_START: pa.array(self._is_cold[top.clients][rows]),
            Columns.MODEL_NAME: constant(self._model_name, n),
            Columns.SCORED_AT: pa.repeat(pa.scalar(self._scored_at, pa.timestamp("us")), n),
        }
        return pa.RecordBatch.from_arrays(
            [columns[name] for name in OFFER_SCHEMA.names], schema=OFFER_SCHEMA
        )

    def _services(self, indices: pa.Array) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(indices, self._service_ids)


def _joined(ids: pa.ChunkedArray) -> pa.Array:
    found = ids.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
