"""Every pair of models, on the same clients, with corrected p-values."""

from __future__ import annotations

import numpy as np
import pytest

from ml.comparisons import compare_models
from ml.evaluation.significance import compare, holm

METRICS = ("ndcg@10", "hr@10", "auc")


def per_client(
    seed: int = 0, n: int = 300
) -> dict[str, dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    generator = np.random.default_rng(seed)
    base = generator.random(n)
    better = base + 0.03 + generator.normal(0, 0.1, n)
    as_good = base + generator.normal(0, 0.1, n)
    return {
        name: {metric: values * scale for scale, metric in enumerate(METRICS, 1)}
        for name, values in (("base", base), ("better", better), ("as good", as_good))
    }


def test_every_pair_is_compared_once_in_every_metric() -> None:
    found = compare_models("test", per_client(), seed=1, resamples=200)
    assert [(d.metric, d.first, d.second) for d in found] == [
        (metric, *pair)
        for metric in METRICS
        for pair in (("base", "better"), ("base", "as good"), ("better", "as good"))
    ]
    assert {d.fold for d in found} == {"test"}


def test_it_is_the_paired_bootstrap_corrected_within_a_metric() -> None:
    values = per_client()
    found = [d for d in compare_models("test", values, seed=1, resamples=200) if d.metric == "auc"]
    plain = [
        compare(values[d.first]["auc"], values[d.second]["auc"], seed=1, resamples=600)
        for d in found
    ]
    raw = np.array([p.p_value for p in plain], dtype=np.float64)
    for difference, expected, p_value in zip(found, plain, holm(raw), strict=True):
        assert difference.comparison.difference == pytest.approx(expected.difference)
        assert difference.comparison.low == pytest.approx(expected.low)
        assert difference.comparison.high == pytest.approx(expected.high)
        assert difference.comparison.p_value == pytest.approx(p_value)
        assert difference.comparison.client_count == 300


def test_clear_differences_stay_clear_among_many_models() -> None:
    """Ten models are 45 pairs: the correction must not need more resamples than there are."""
    generator = np.random.default_rng(4)
    values = {f"m{i}": {"auc": i / 10 + generator.normal(0, 0.01, 50)} for i in range(10)}
    found = compare_models("test", values, seed=1, resamples=100, metrics=("auc",))
    assert len(found) == 45
    for difference in found:
        assert difference.comparison.p_value is not None
        assert difference.comparison.p_value < 0.05


def test_seen_from_either_model() -> None:
    [first, *_] = compare_models("test", per_client(), seed=1, resamples=100)
    name, forth = first.seen_from("base") or ("", first.comparison)
    other, back = first.seen_from("better") or ("", first.comparison)
    assert (name, other) == ("better", "base")
    assert forth.difference is not None and forth.low is not None and forth.high is not None
    assert (back.difference, back.low, back.high) == (-forth.difference, -forth.high, -forth.low)
    assert back.p_value == forth.p_value
    assert first.seen_from("as good") is None


def test_clients_and_pairs_without_a_value() -> None:
    gap = np.array([0.5, np.nan, 0.25])
    nothing = np.full(3, np.nan)
    found = compare_models(
        "test",
        {"a": {"auc": gap}, "b": {"auc": gap + 0.1}, "c": {"auc": nothing}},
        seed=1,
        resamples=50,
        metrics=("auc",),
    )
    assert [d.comparison.client_count for d in found] == [2, 0, 0]
    # What cannot be compared is no test: the one that can needs no correction.
    assert found[0].comparison.p_value == pytest.approx(2 / 151)
    assert [d.comparison.p_value for d in found[1:]] == [None, None]


def test_one_model_alone() -> None:
    assert compare_models("test", {"a": {"auc": np.ones(2)}}, seed=1, resamples=10) == []
