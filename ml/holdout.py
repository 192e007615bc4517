"""What each model said about pairs whose outcome is known, as rows of the warehouse."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ml import contracts
from ml.contracts import Columns, arrow_table
from ml.contracts.table import constant
from ml.dataset import Fold
from ml.evaluation.metrics import Values
from ml.evaluation.offers import JudgedOffers
from ml.evaluation.protocol import Evaluation
from ml.fold_building import Marts


def holdout_rows(
    run_id: str,
    model_name: str,
    fold: Fold,
    evaluation: Evaluation,
    marts: Marts,
) -> pa.Table:
    """Make a model's rows of one fold: what every figure but the pooled AUC is read from.

    All labels, however far down they rank, and the first candidates of every measured client.
    From the labels' ranks and the number of candidates every ranking metric can be computed
    again, from the first candidates every figure of offers; the millions of other pairs add
    nothing to either.

    Parameters
    ----------
    run_id, model_name : str
    fold : Fold
    evaluation : Evaluation
        Made with a calibrator.
    marts : Marts
        For the ids behind indices.

    Returns
    -------
    pyarrow.Table
        In the contract of ``holdout_predictions``.
    """
    offers, ranks = evaluation.offers, evaluation.ranks
    assert offers is not None
    top = offers.top
    is_offer = top.services >= 0
    rows, places = np.nonzero(is_offer)
    is_deep = ranks.ranks > top.services.shape[1]
    deep_rows = ranks.positions[is_deep]
    probabilities = [
        offers.probabilities[is_offer],
        offers.calibrator.transform_labels(ranks, fold)[is_deep],
    ]
    mid_ranks = np.concatenate([_mid_ranks(offers, evaluation)[is_offer], ranks.mid_ranks[is_deep]])
    # The first rows of the offers are the clients of the ranks, in their order.
    rows = np.concatenate([rows, deep_rows])
    services = np.concatenate([top.services[is_offer], ranks.services[is_deep]])
    n = len(rows)
    return arrow_table(
        contracts.HOLDOUT_PREDICTIONS,
        {
            Columns.RUN_ID: constant(run_id, n),
            Columns.MODEL_NAME: constant(model_name, n),
            Columns.FOLD: constant(fold.name, n),
            Columns.CLIENT_ID: marts.client_ids.take(pa.array(top.clients[rows])),
            Columns.SERVICE_ID: marts.service_ids.take(pa.array(services)),
            Columns.SCORE: np.concatenate([top.scores[is_offer], ranks.scores[is_deep]]).astype(
                np.float64
            ),
            Columns.PROBABILITY: np.concatenate(probabilities),
            Columns.CANDIDATE_RANK: np.concatenate([places + 1, ranks.ranks[is_deep]]),
            Columns.MID_RANK: pa.array(mid_ranks, mask=np.isnan(mid_ranks)),
            Columns.CANDIDATE_COUNT: top.spread.counts[rows],
            Columns.IS_POSITIVE: np.concatenate(
                [offers.is_taken[is_offer], np.ones(len(deep_rows), dtype=bool)]
            ),
        },
    )


def _mid_ranks(offers: JudgedOffers, evaluation: Evaluation) -> Values:
    """Mid-ranks of the labels among the offers, (n, k); NaN elsewhere."""
    ranks = evaluation.ranks
    found: Values = np.full(offers.top.services.shape, np.nan)
    is_near = ranks.ranks <= found.shape[1]
    found[ranks.positions[is_near], ranks.ranks[is_near] - 1] = ranks.mid_ranks[is_near]
    return found
