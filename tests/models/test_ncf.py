from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from ml.models.ncf import NCF, NCFSettings, _sparse_tensor, _Training, torch_threads
from ml.models.neumf import Histories, binary_loss, softmax_loss
from tests.models.folds import csr, make_fold, two_tastes


def test_split_first_layer_equals_the_plain_forward() -> None:
    """``W[u; v]`` on concatenated vectors, pair by pair, as NeuMF is written down."""
    fold = two_tastes()
    settings = NCFSettings(adoption_weight=0.0, uses_identity=True, recency_weight=0.0)
    model = NCF(settings, seed=5, threads=1)
    training = _Training(model, fold)
    for _ in range(3):
        training.epoch()
    training.show()
    net = training._mean
    with torch.no_grad():
        weights = fold.interactions.toarray() > 0
        counts = np.maximum(weights.sum(axis=1, keepdims=True), 1) ** settings.history_power
        history = torch.from_numpy((weights / counts).astype(np.float32)) @ net.history
        is_warm = torch.from_numpy(~fold.is_cold_client).float()[:, None]
        is_sold = torch.from_numpy(~fold.is_cold_service).float()[:, None]
        clients, services = (history + net.clients) * is_warm, net.services * is_sold
        client_features = torch.from_numpy(fold.client_features.toarray())
        service_features = torch.from_numpy(fold.service_features.toarray())
        width = settings.gmf_factors
        u = torch.cat([clients[:, width:], client_features @ net.client_features], dim=1)
        v = torch.cat([services[:, width:], service_features @ net.service_features], dim=1)
        n, m = len(u), len(v)
        joined = torch.cat([u.repeat_interleave(m, 0), v.repeat(n, 1)], dim=1)
        layer = torch.cat([net.client_layer, net.service_layer])
        first = torch.relu(joined @ layer + net.first_bias)
        second = torch.relu(first @ net.second_layer + net.second_bias)
        product = clients[:, :width].repeat_interleave(m, 0) * services[:, :width].repeat(n, 1)
        plain = product @ net.gmf_output + second @ net.mlp_output
        linear = service_features @ net.wide + net.bias * is_sold[:, 0] + net.base
        plain = plain.view(n, m) + linear
    fast = model.score(np.arange(n, dtype=np.int32))
    assert np.allclose(fast, plain.numpy(), atol=1e-5)


def test_histories_are_sums_over_services() -> None:
    owned = csr([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    embeddings = torch.tensor([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    mean = Histories.of(owned, power=1.0).sum(embeddings)
    assert mean.tolist() == [[50.5, 101.0], [0.0, 0.0], [10.0, 20.0]]
    total = Histories.of(owned, power=0.0).sum(embeddings)
    assert total.tolist() == [[101.0, 202.0], [0.0, 0.0], [10.0, 20.0]]
    newest = Histories.of(csr([[1, 0, 3]]), power=1.0).sum(embeddings)
    assert newest.tolist() == [[75.25, 150.5]]


def test_features_become_the_same_sparse_tensor() -> None:
    dense = np.array([[0.0, 0.5], [0.0, 0.0], [1.0, 0.25]], dtype=np.float32)
    assert np.array_equal(_sparse_tensor(csr(dense)).to_dense().numpy(), dense)


def test_the_loss_falls() -> None:
    settings = NCFSettings(clients_per_step=8, dropout=0.0)
    losses = [e.loss for e in NCF(settings, threads=1).fit(two_tastes(), epochs=10)]
    assert losses[0] is not None and losses[-1] is not None
    assert losses[-1] < losses[0]


def test_torch_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_losses_over_all_services_are_the_full_ones() -> None:
    """Every lacking service drawn once, each standing for itself: nothing is sampled."""
    owned = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    scores = torch.tensor([[0.3, -1.0, 2.0, 0.5], [0.1, 0.7, -0.2, 1.5]])
    positive, negative = owned.nonzero(), (1 - owned).nonzero()
    pairs = torch.cat([positive, negative])
    logits, rows = scores[pairs[:, 0], pairs[:, 1]], pairs[:, 0]
    ones = torch.ones(len(negative))
    full_softmax = -(scores.log_softmax(dim=1) * owned).sum() / owned.sum()
    assert torch.isclose(softmax_loss(logits, rows, torch.ones(3), 2, ones), full_softmax)
    full_binary = functional.binary_cross_entropy_with_logits(scores, owned, reduction="sum")
    assert torch.isclose(
        binary_loss(logits, rows, torch.ones(3), 2, ones), full_binary / owned.sum()
    )


def test_a_draw_counts_for_those_it_stands_in_for() -> None:
    rows = torch.tensor([0, 0, 0, 0])
    thrice = torch.tensor([1.0, 0.2, 0.2, 0.2])
    once = torch.tensor([1.0, 0.2])
    for loss in (softmax_loss, binary_loss):
        drawn = loss(once, rows[:2], torch.ones(1), 1, torch.tensor([3.0]))
        assert torch.isclose(drawn, loss(thrice, rows, torch.ones(1), 1, torch.ones(3)))


def test_a_positive_counts_by_its_weight() -> None:
    """Weight two is the positive twice, its rivals being the same."""
    logits, rows = torch.tensor([1.0, 0.5, -1.0, 0.0]), torch.tensor([0, 1, 0, 1])
    stands_for = torch.ones(2)
    for loss in (softmax_loss, binary_loss):
        both = loss(logits, rows, torch.tensor([2.0, 1.0]), 2, stands_for)
        first = loss(logits, rows, torch.tensor([1.0, 0.0]), 2, stands_for)
        second = loss(logits, rows, torch.tensor([0.0, 1.0]), 2, stands_for)
        if loss is softmax_loss:
            assert torch.isclose(both, (2 * first + second) / 3)
        negatives = functional.softplus(logits[2:]).sum()
        if loss is binary_loss:
            positives = functional.softplus(-logits[:2])
            assert torch.isclose(both, (2 * positives[0] + positives[1] + negatives) / 3)


def test_two_threads_find_the_same_bits() -> None:
    # Large enough that torch does split its work.
    rng = np.random.default_rng(0)
    features = (rng.random((600, 40)), rng.random((400, 30)))
    fold = make_fold(
        rng.random((600, 400)) < 0.1, client_features=features[0], service_features=features[1]
    )
    clients = np.arange(600, dtype=np.int32)
    found = []
    for _ in range(2):
        model = NCF(NCFSettings(uses_identity=True), seed=5, threads=2)
        model.fit(fold, epochs=2)
        found.append(model.score(clients))
    assert np.array_equal(found[0], found[1])
