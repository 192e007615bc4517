from __future__ import annotations

import numpy as np
import pytest
import torch

from ml.dataset import FloatArray
from ml.models.ncf import NCF
from ml.models.ncf_batches import ClientBatches, Drawn, PairBatches, stands_for_lacking
from ml.models.ncf_settings import NCFSettings
from ml.models.ncf_training import Training
from tests.models.folds import make_fold, two_tastes

CPU = torch.device("cpu")
PLAIN = NCFSettings(
    uses_history=False,
    uses_identity=True,
    loss="bce",
    positives_per_step=7,
    negatives=3,
    client_dropout=0.0,
    service_dropout=0.0,
)


def test_what_a_client_has_is_no_negative_and_the_rest_stands_for_all() -> None:
    rows, owned = np.array([0, 0, 1]), np.array([1, 4, 0], dtype=np.int32)
    found = stands_for_lacking(rows, owned, 3, 6, np.array([[0, 1, 2]]))
    # Of four, five and six lacking services, two, two and three are drawn.
    assert found.tolist() == [[2.0, 0.0, 2.0], [0.0, 2.5, 2.5], [2.0, 2.0, 2.0]]


def test_what_is_shown_is_not_learned() -> None:
    fold = two_tastes()
    for settings in (NCFSettings(), NCFSettings(reach_services=2.0)):
        batches = ClientBatches(fold, settings, np.random.default_rng(5), CPU)
        drawn = batches.draw(np.array([3, 0, 7], dtype=np.int32))
        for row, client in enumerate((3, 0, 7)):
            own = drawn[row : row + 1]
            assert own.services.tolist() == fold.interactions[client].indices.tolist()
            assert not ((own.said > 0) & (own.learned > 0)).any()
        assert (drawn.said > 0).any()
        assert (drawn.learned > 0).any()


def test_a_small_catalogue_is_met_whole() -> None:
    """Drawing every service and meeting all of them are one loss."""
    fold = two_tastes()
    n = fold.n_services
    everybody = np.arange(fold.n_clients, dtype=np.int32)
    for loss in ("softmax", "bce"):
        settings = NCFSettings(negatives=n, loss=loss)
        batches = ClientBatches(fold, settings, np.random.default_rng(5), CPU)
        drawn = batches.draw(everybody)
        [batch] = ClientBatches(fold, settings, np.random.default_rng(5), CPU).of(everybody)
        assert batch.pairs is None
        logits = torch.randn(fold.n_clients, n, generator=torch.Generator().manual_seed(3))
        owned = fold.interactions.toarray() > 0
        learned, total = _dense(drawn, n) > 0, 0.0
        for row, column in zip(*np.nonzero(learned), strict=True):
            own = logits[row, column].double()
            if loss == "softmax":
                met = torch.from_numpy(~owned[row] | learned[row])
                total += float(torch.logsumexp(logits[row][met].double(), 0) - own)
            else:
                total += float(torch.nn.functional.softplus(-own))
        if loss == "bce":
            total += float(torch.nn.functional.softplus(logits.double())[~owned].sum())
        assert float(batch.loss(logits)) == pytest.approx(total / batch.positives, rel=1e-5)
    sampled = NCFSettings(negatives=n - 1)
    [batch] = ClientBatches(fold, sampled, np.random.default_rng(5), CPU).of(everybody)
    assert batch.pairs is not None
    # A product alone costs less than drawing.
    product = sampled.model_copy(update={"mlp_factors": 0})
    [batch] = ClientBatches(fold, product, np.random.default_rng(5), CPU).of(everybody)
    assert batch.pairs is None


def _dense(drawn: Drawn, n_services: int) -> FloatArray:
    learned = np.zeros((len(drawn.clients), n_services), dtype=np.float32)
    learned[drawn.rows, drawn.services] = drawn.learned
    return learned


def test_plain_neumf_is_an_identity_and_learns_everything() -> None:
    fold = two_tastes()
    settings = NCFSettings(uses_history=False, uses_identity=True)
    training = Training(fold, settings, 5, lambda sides: None)
    batches = ClientBatches(fold, settings, np.random.default_rng(5), CPU)
    drawn = batches.draw(np.arange(5, dtype=np.int32))
    assert not drawn.said.any()
    assert (drawn.learned == 1).all()
    history = training.network.history.detach().clone()
    training.epoch()
    assert torch.equal(history, training.network.history.detach())
    with pytest.raises(ValueError, match="uses_history or uses_identity"):
        NCFSettings(uses_history=False)


def test_every_pair_is_a_positive_once_with_negatives_that_its_client_lacks() -> None:
    fold = two_tastes()
    owned = fold.interactions.toarray() > 0
    owners = np.flatnonzero(owned.any(axis=1)).astype(np.int32)
    found: list[tuple[int, int]] = []
    for batch in PairBatches(fold, PLAIN, np.random.default_rng(5), CPU).of(owners):
        assert batch.pairs is not None
        rows, columns = batch.pairs
        clients = batch.clients[rows]
        assert np.array_equal(np.unique(clients), batch.clients)
        n = batch.positives
        assert len(clients) == batch.samples == 4 * n
        assert not owned[clients[n:], columns[n:]].any()
        assert np.array_equal(clients[n:], np.repeat(clients[:n], 3))
        found += zip(clients[:n].tolist(), columns[:n].tolist(), strict=True)
        # What is labelled comes first: such logits cost next to nothing.
        logits = torch.full((4 * n,), -20.0)
        logits[:n] = 20.0
        assert batch.loss(logits) < 1e-6 < batch.loss(-logits)
    assert sorted(found) == list(map(tuple, np.argwhere(owned).tolist()))


def test_a_client_that_lacks_nothing_has_no_pairs_to_learn() -> None:
    fold = make_fold(np.array([[1, 1, 1], [1, 0, 0]]))
    batches = PairBatches(fold, PLAIN, np.random.default_rng(5), CPU)
    [batch] = batches.of(np.array([0, 1], dtype=np.int32))
    assert batch.clients.tolist() == [1]


def test_only_the_clients_of_an_epoch_are_met() -> None:
    batches = PairBatches(two_tastes(), PLAIN, np.random.default_rng(5), CPU)
    met = [batch.clients for batch in batches.of(np.array([3, 8], dtype=np.int32))]
    assert set(np.concatenate(met)) == {3, 8}


def test_pairs_by_themselves_learn_tastes() -> None:
    fold = two_tastes()
    settings = PLAIN.model_copy(update={"learning_rate": 0.01})
    model = NCF(settings, seed=5)
    losses = [epoch.loss for epoch in model.fit(fold, epochs=10)]
    assert losses[0] is not None and losses[-1] is not None
    assert losses[-1] < losses[0]
    scores = model.score(np.arange(fold.n_clients, dtype=np.int32))
    has = fold.interactions.toarray() > 0
    assert scores[has].mean() > scores[~has].mean() + 1


def test_pairs_by_themselves_want_an_identity_and_their_own_loss() -> None:
    for changes in ({"uses_history": True}, {"loss": "softmax"}):
        with pytest.raises(ValueError, match="positives_per_step needs"):
            NCFSettings(**{**PLAIN.model_dump(), **changes})
