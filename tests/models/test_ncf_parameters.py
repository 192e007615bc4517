"""The flat optimiser against torch's own."""

from __future__ import annotations

import torch
from torch import Tensor

from ml.models.flat_parameters import FlatParameters
from ml.models.ncf_parameters import Optimizer, arrays_of
from ml.models.ncf_settings import NCFSettings
from ml.models.neumf import NeuMF

SETTINGS = NCFSettings(
    gmf_factors=3, mlp_factors=2, hidden=(5, 4), embedding_decay=2.0, weight_decay=0.5,
    uses_identity=True, learning_rate=0.05,
)  # fmt: skip


def network() -> NeuMF:
    return NeuMF(4, 7, 2, 3, SETTINGS, torch.Generator().manual_seed(3))


def loss(of: NeuMF, number: int) -> Tensor:
    """Anything that every parameter has a part in, another one at each step."""
    parts = [(p * (number + 1 + place)).sin().sum() for place, p in enumerate(of.parameters())]
    return torch.stack(parts).sum()


def test_steps_are_those_of_adamw_with_two_decays() -> None:
    ours, theirs = network(), network()
    optimizer = Optimizer(ours, SETTINGS)
    embeddings = theirs.embeddings()
    others = [p for p in theirs.parameters() if all(p is not e for e in embeddings)]
    adamw = torch.optim.AdamW(
        [
            {"params": embeddings, "weight_decay": SETTINGS.embedding_decay},
            {"params": others, "weight_decay": SETTINGS.weight_decay},
        ],
        lr=SETTINGS.learning_rate,
    )
    for number in range(5):
        optimizer.step(loss(ours, number))
        adamw.zero_grad()
        loss(theirs, number).backward()  # type: ignore[no-untyped-call]
        adamw.step()
    for name, expected in theirs.named_parameters():
        assert torch.allclose(ours.get_parameter(name), expected, atol=1e-6), name


def test_another_goes_on_where_one_stopped() -> None:
    ours = network()
    optimizer = Optimizer(ours, SETTINGS)
    for number in range(3):
        optimizer.step(loss(ours, number))
    moments = {name: array.copy() for name, array in optimizer.moments().items()}
    later = network()
    later.load_state_dict(ours.state_dict())
    successor = Optimizer(later, SETTINGS)
    successor.set_moments(moments)
    optimizer.step(loss(ours, 3))
    successor.step(loss(later, 3))
    expected = arrays_of(ours)
    for name, array in arrays_of(later).items():
        assert (array == expected[name]).all(), name


def test_parameters_are_parts_of_one_tensor() -> None:
    first = torch.nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    second = torch.nn.Parameter(torch.tensor([5.0]))
    flat = FlatParameters([first, second])
    flat.whole += 1
    assert first.tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert second.tolist() == [6.0]
    (first.sum() + 2 * second.sum()).backward()  # type: ignore[no-untyped-call]
    assert flat.part(flat.gradient, first).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    assert flat.part(flat.gradient, second).tolist() == [2.0]
    assert first in flat
    assert torch.nn.Parameter(torch.zeros(1)) not in flat
