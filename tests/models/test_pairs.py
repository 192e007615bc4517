"""The compiled kernel against the formula as torch computes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ml import _pairs
from ml.models.ncf_settings import NCFSettings
from ml.models.neumf import NeuMF, distinct_rows_of
from ml.models.pairs import (
    ClientSide,
    SecondLayer,
    ServiceSide,
    add_mlp_logits,
    grid_logits,
    logits_by_formula,
    pair_logits,
)

_Inputs = tuple[ClientSide, ServiceSide, SecondLayer, Tensor, Tensor]


def inputs(
    seed: int, *, pairs: int, clients: int, services: int, width: int, hidden: int, gmf: int
) -> _Inputs:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).requires_grad_()

    def places(end: int) -> Tensor:
        return torch.randint(0, end, (pairs,), generator=generator, dtype=torch.int32)

    return (
        ClientSide(normal(clients, gmf), normal(clients, width)),
        ServiceSide(normal(services, gmf), normal(services, width), normal(services)),
        SecondLayer(normal(width, hidden), normal(hidden), normal(hidden)),
        places(clients),
        places(services),
    )


def leaves(of: _Inputs) -> list[Tensor]:
    return [tensor for side in of[:3] for tensor in vars(side).values()]


@pytest.fixture(params=[16, 8, 4], ids=lambda lanes: f"{lanes} lanes")
def lanes(request: pytest.FixtureRequest) -> Iterator[None]:
    """What this processor does, and what narrower ones do."""
    _pairs.use_lanes(request.param)
    yield
    _pairs.use_lanes(16)


@pytest.mark.usefixtures("lanes")
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 1000),
    pairs=st.integers(1, 200),
    clients=st.integers(1, 9),
    services=st.integers(1, 9),
    width=st.integers(1, 40),
    hidden=st.integers(1, 70),
    gmf=st.integers(1, 40),
)
def test_logits_and_gradients_are_those_of_the_formula(seed: int, **sizes: int) -> None:
    """Blocks that are not full, widths that fill no register, pairs that are there twice."""
    given_ = inputs(seed, **sizes)
    fast, slow = pair_logits(*given_), logits_by_formula(*given_)
    assert torch.allclose(fast, slow, atol=1e-4, rtol=1e-4)
    ours = torch.autograd.grad(fast.square().sum(), leaves(given_))
    theirs = torch.autograd.grad(slow.square().sum(), leaves(given_))
    for found, expected in zip(ours, theirs, strict=True):
        scale = expected.abs().max().clamp(min=1)
        assert torch.allclose(found / scale, expected / scale, atol=1e-4)


def test_the_formula_is_the_textbook_one_with_dropped_units() -> None:
    """NeuMF's own forward: units that a client does without give nothing, others make up."""
    net = NeuMF(
        0, 7, 0, 0, NCFSettings(gmf_factors=6, hidden=(5, 3), dropout=0.25), torch.Generator()
    )
    clients, services, _, rows, columns = inputs(
        1, pairs=30, clients=9, services=7, width=5, hidden=3, gmf=6
    )
    dropped = (torch.rand(9, 5) < 0.4).float()
    found = net.logits(clients, services, (rows, columns), dropped)
    r, c = rows.long(), columns.long()
    first = torch.relu(clients.mlp[r] + services.mlp[c]) * (1 - dropped[r]) / 0.75
    second = torch.relu(first @ net.second_layer + net.second_bias)
    gmf = (clients.gmf[r] * services.gmf[c]).sum(1)
    expected = gmf + services.linear[c] + second @ net.mlp_output
    assert torch.allclose(found, expected, atol=1e-5)
    # All pairs at once are the same pairs.
    whole = net.logits(clients, services, None, dropped)
    assert torch.allclose(whole[r, c], found, atol=1e-5)


def test_all_pairs_and_their_gradients_are_those_of_the_formula() -> None:
    given_ = inputs(6, pairs=1, clients=5, services=70, width=20, hidden=6, gmf=8)
    rows, columns = torch.cartesian_prod(torch.arange(5), torch.arange(70)).int().unbind(1)
    fast = grid_logits(*given_[:3])
    slow = logits_by_formula(*given_[:3], rows, columns).view(5, 70)
    assert torch.allclose(fast, slow, atol=1e-4)
    ours = torch.autograd.grad(fast.square().sum(), leaves(given_))
    theirs = torch.autograd.grad(slow.square().sum(), leaves(given_))
    for found, expected in zip(ours, theirs, strict=True):
        scale = expected.abs().max().clamp(min=1)
        assert torch.allclose(found / scale, expected / scale, atol=1e-4)
    without = grid_logits(given_[0], given_[1], None)
    assert torch.allclose(
        without
        + given_[2].of(torch.relu(given_[0].mlp[:, None] + given_[1].mlp).view(-1, 20)).view(5, 70),
        slow,
        atol=1e-4,
    )


@pytest.mark.usefixtures("lanes")
@pytest.mark.parametrize("n_clients", [1, 3, 70])
def test_every_service_of_some_clients(n_clients: int) -> None:
    clients, services, second, *_ = inputs(
        2, pairs=1, clients=n_clients, services=11, width=20, hidden=6, gmf=1
    )
    with torch.no_grad():
        found = torch.ones(n_clients, 11)
        add_mlp_logits(found, clients.mlp, services.mlp, second)
        first = torch.relu(clients.mlp[:, None] + services.mlp).view(-1, 20)
        assert torch.allclose(found, 1 + second.of(first).view(-1, 11), atol=1e-4)


@pytest.mark.usefixtures("lanes")
def test_what_is_no_number_stays_so() -> None:
    clients, services, second, *_ = inputs(
        3, pairs=1, clients=2, services=3, width=4, hidden=2, gmf=1
    )
    with torch.no_grad():
        clients.mlp[1, 2] = float("nan")
        found = torch.zeros(2, 3)
        add_mlp_logits(found, clients.mlp, services.mlp, second)
    assert found[0].isfinite().all()
    assert found[1].isnan().all()


def test_sides_may_be_parts_of_other_tensors() -> None:
    clients, services, second, rows, columns = inputs(
        4, pairs=9, clients=2, services=3, width=4, hidden=2, gmf=4
    )
    parts = ServiceSide(services.gmf.T.contiguous().T, services.mlp, services.linear)
    found = pair_logits(clients, parts, second, rows, columns)
    assert torch.equal(found, pair_logits(clients, services, second, rows, columns))


def test_arrays_that_do_not_fit_are_refused() -> None:
    """Memory is not touched outside of what is given."""

    def floats(*lengths: int) -> list[Any]:
        return [np.zeros(length, np.float32) for length in lengths]

    def forward(pairs: int = 2, column: int = 1, layer: int = 20) -> None:
        places: list[Any] = [np.zeros(2, np.int32), np.array([0, column], np.int32)]
        _pairs.forward(2, 3, 4, 5, 2, *places, *floats(8, 12, 4, 6, 3, layer, 5, 5, pairs, 0))

    forward()
    for wrong, words in (
        ({"pairs": 3}, "logits"),
        ({"column": 3}, "of no service"),
        ({"column": -1}, "of no service"),
        ({"layer": 25}, "layer"),
    ):
        with pytest.raises(ValueError, match=words):
            forward(**wrong)
    given_ = [*[np.zeros(1, np.int32)] * 2, *floats(1, 1, 0, 0, 1, 1, 1, 1, 1, 0)]
    with pytest.raises(ValueError, match="second layer's values"):
        _pairs.backward(1, 1, 1, 1, 0, *given_, *floats(1, 1, 0, 0, 1, 1, 1, 1))


def test_distinct_rows_give_the_gradient_of_plain_indexing() -> None:
    table, rows = nn.Parameter(torch.randn(7, 3)), torch.tensor([5, 0, 2])
    arriving = torch.randn(3, 3)
    (expected,) = torch.autograd.grad(table[rows], table, arriving)
    (found,) = torch.autograd.grad(distinct_rows_of(table, rows), table, arriving)
    assert torch.equal(found, expected)
    # Where gradients add up, it is added to what is there.
    table.grad = torch.ones_like(table)
    distinct_rows_of(table, rows).backward(arriving)  # type: ignore[no-untyped-call]
    assert torch.equal(table.grad, 1 + expected)
