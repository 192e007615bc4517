from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from ml.errors import ModelError
from ml.models.losses import binary_loss, softmax_loss
from ml.models.ncf import NCF, torch_threads
from ml.models.ncf_settings import NCFSettings
from ml.models.ncf_training import Training
from ml.models.neumf import SparseRows, histories
from tests.models.folds import csr, make_fold, two_tastes


def test_split_first_layer_equals_the_plain_forward() -> None:
    """``W[u; v]`` on concatenated vectors, pair by pair, as NeuMF is written down."""
    fold = two_tastes()
    settings = NCFSettings(adoption_weight=0.0, uses_identity=True, recency_weight=0.0)
    model = NCF(settings, seed=5, threads=1)
    training = Training(fold, settings, 5, model.take)
    for _ in range(3):
        training.epoch()
    training.show()
    net = training.mean
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


def test_without_vectors_of_its_own_the_mlp_reads_features_or_nothing(tmp_path: Path) -> None:
    fold = two_tastes()
    settings = NCFSettings(adoption_weight=0.0, mlp_factors=0)
    assert Training(fold, settings, 5, lambda sides: None).network.has_mlp
    n, m = fold.interactions.shape
    bare = replace(
        fold, client_features=csr(np.zeros((n, 0))), service_features=csr(np.zeros((m, 0)))
    )
    assert not Training(bare, settings, 5, lambda sides: None).network.has_mlp
    for one in (fold, bare):
        model = NCF(settings, seed=5)
        losses = [epoch.loss for epoch in model.fit(one, epochs=15)]
        assert losses[0] is not None and losses[-1] is not None and losses[-1] < losses[0]
        scores = model.score(np.arange(n, dtype=np.int32))
        has = one.interactions.toarray() > 0
        assert scores[has].mean() > scores[~has].mean()
        model.save(tmp_path / "model")
        again = NCF.load(tmp_path / "model").score(np.arange(n, dtype=np.int32))
        assert np.array_equal(again, scores)


def test_histories_are_between_sum_and_mean() -> None:
    owned = csr([[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    assert histories(owned, power=1.0).toarray().tolist() == [[0.5, 0, 0.5], [0, 0, 0], [0, 1, 0]]
    assert histories(owned, power=0.0).toarray().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert histories(csr([[1, 0, 3]]), power=1.0).toarray().tolist() == [[0.25, 0, 0.75]]


def test_sparse_rows_times_a_table_and_its_gradient() -> None:
    dense = np.array([[0.0, 0.5], [0.0, 0.0], [1.0, 0.25]], dtype=np.float32)
    table = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    product = SparseRows(csr(dense), torch.device("cpu")).times(table)
    assert torch.allclose(product, torch.from_numpy(dense) @ table)
    arriving = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    (gradient,) = torch.autograd.grad(product, table, arriving)
    assert torch.allclose(gradient, torch.from_numpy(dense).T @ arriving)


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
    """Every service drawn, each lacking one standing for itself: nothing is sampled."""
    owned = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    scores = torch.tensor([[0.3, -1.0, 2.0, 0.5], [0.1, 0.7, -0.2, 1.5]])
    rows, columns = owned.nonzero().T
    positives = scores[rows, columns]
    full_softmax = -(scores.log_softmax(dim=1) * owned).sum() / owned.sum()
    found = softmax_loss(scores, 1 - owned, positives, rows, torch.ones(3))
    assert torch.isclose(found, full_softmax)
    full_binary = functional.binary_cross_entropy_with_logits(scores, owned, reduction="sum")
    found = binary_loss(scores, 1 - owned, positives, rows, torch.ones(3))
    assert torch.isclose(found, full_binary / owned.sum())


def test_a_client_that_lacks_nothing_or_has_nothing_to_learn_has_a_gradient() -> None:
    """Nothing drawn counts for the first, the third has no positive."""
    scores = torch.tensor([[0.3, 0.1], [0.2, 0.4], [0.1, 0.1]], requires_grad=True)
    stands_for = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    rows = torch.tensor([0, 1])
    for measure in (softmax_loss, binary_loss):
        loss = measure(scores, stands_for, scores[rows, 0], rows, torch.ones(2))
        (gradient,) = torch.autograd.grad(loss, scores)
        assert gradient.isfinite().all()
        assert gradient[1].abs().min() > 0


def test_a_draw_counts_for_those_it_stands_in_for() -> None:
    rows, positive = torch.tensor([0]), torch.tensor([1.0])
    thrice, once = torch.tensor([[0.2, 0.2, 0.2]]), torch.tensor([[0.2]])
    for loss in (softmax_loss, binary_loss):
        drawn = loss(once, torch.tensor([[3.0]]), positive, rows, torch.ones(1))
        assert torch.isclose(drawn, loss(thrice, torch.ones(1, 3), positive, rows, torch.ones(1)))


def test_a_positive_counts_by_its_weight() -> None:
    """Weight two is the positive twice, its rivals being the same."""
    rows, positives = torch.tensor([0, 1]), torch.tensor([1.0, 0.5])
    drawn, stands_for = torch.tensor([[-1.0], [0.0]]), torch.ones(2, 1)
    for loss in (softmax_loss, binary_loss):
        both = loss(drawn, stands_for, positives, rows, torch.tensor([2.0, 1.0]))
        first = loss(drawn, stands_for, positives, rows, torch.tensor([1.0, 0.0]))
        second = loss(drawn, stands_for, positives, rows, torch.tensor([0.0, 1.0]))
        if loss is softmax_loss:
            assert torch.isclose(both, (2 * first + second) / 3)
        negatives = functional.softplus(drawn).sum()
        if loss is binary_loss:
            own = functional.softplus(-positives)
            assert torch.isclose(both, (2 * own[0] + own[1] + negatives) / 3)


def test_a_budget_visits_a_part_of_the_clients() -> None:
    fold = two_tastes()
    pairs = fold.interactions.nnz
    settings = NCFSettings(max_epochs=4, sample_budget=2 * pairs, learns_visible=True, negatives=48)
    training = Training(fold, settings, 5, lambda sides: None)
    training.epoch()
    half = training.samples
    training.epoch()
    # All services are drawn: each client's whole row goes through, in one of the two epochs.
    assert training.samples == 57 * fold.n_services
    assert 0.3 < half / training.samples < 0.7


def test_a_device_that_is_not_there_is_told() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(ModelError, match=r"ncf\.device is 'cuda'.*use 'auto' or 'cpu'"):
        NCF(NCFSettings(device="cuda")).fit(two_tastes(), epochs=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_cuda_learns_the_same_and_is_read_without_it(tmp_path: Path) -> None:
    fold = two_tastes()
    clients = np.arange(fold.n_clients, dtype=np.int32)
    found = []
    for device in ("cpu", "cuda"):
        model = NCF(NCFSettings(device=device, clients_per_step=8), seed=5, threads=1)
        model.fit(fold, epochs=2)
        found.append(model.score(clients))
    model.save(tmp_path / "model")
    assert np.allclose(found[0], found[1], atol=1e-2)
    assert np.allclose(NCF.load(tmp_path / "model").score(clients), found[1], atol=1e-4)


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
