"""Which differences between models are more than chance: every pair, on the same clients."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.evaluation.metrics import SHOWN_CUTOFFS, Values, shown_cutoff
from ml.evaluation.significance import Comparison, compare_columns, holm


def _compared(per_client: Mapping[str, Mapping[str, Values]]) -> tuple[str, ...]:
    """Metrics that all models have, of as many first offers as people are shown."""
    common = set.intersection(*(set(values) for values in per_client.values()))
    k = shown_cutoff(k for k in SHOWN_CUTOFFS if f"ndcg@{k}" in common)
    return (f"ndcg@{k}", f"hr@{k}", "auc")


@dataclass(frozen=True)
class ModelDifference:
    """How much better one model is than another in one metric of a fold.

    Parameters
    ----------
    fold, metric : str
    first, second : str
        Names of the models; the difference is first minus second.
    comparison : Comparison
        Its p-value is corrected for all pairs of models in this fold and metric.
    """

    fold: str
    metric: str
    first: str
    second: str
    comparison: Comparison

    def seen_from(self, name: str) -> tuple[str, Comparison] | None:
        """Give the other model and the comparison with it, or None for other models' pairs."""
        if name == self.first:
            return self.second, self.comparison
        if name == self.second:
            return self.first, self.comparison.mirrored()
        return None


def compare_models(
    fold: str,
    per_client: Mapping[str, Mapping[str, Values]],
    *,
    seed: int,
    resamples: int,
    metrics: Sequence[str] | None = None,
) -> list[ModelDifference]:
    """Compare every pair of models with the paired bootstrap, corrected by Holm's method.

    Parameters
    ----------
    fold : str
    per_client : mapping of str to mapping of str to ndarray of float64, (n_clients,)
        By model and metric; clients in the same order.
    seed : int
    resamples : int
        For each pair: the corrected p-values go down to 2 / resamples whatever the number of
        models.
    metrics : sequence of str, optional
        NDCG and hit rate of the first offers that people are shown, and AUC.

    Returns
    -------
    list of ModelDifference
        One per metric and pair, in the order of the models given.
    """
    pairs = list(itertools.combinations(per_client, 2))
    if not pairs:
        return []
    metrics = metrics or _compared(per_client)
    columns = [
        per_client[first][metric] - per_client[second][metric]
        for metric in metrics
        for first, second in pairs
    ]
    # The correction multiplies the smallest p-value that resamples can show by the pairs.
    found = compare_columns(np.column_stack(columns), seed=seed, resamples=resamples * len(pairs))
    differences = []
    for i, metric in enumerate(metrics):
        of_metric = _corrected(found[i * len(pairs) : (i + 1) * len(pairs)])
        differences += [
            ModelDifference(fold, metric, first, second, comparison)
            for (first, second), comparison in zip(pairs, of_metric, strict=True)
        ]
    return differences


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same with Holm's p-values; pairs that cannot be compared are no tests."""
    raw = np.array([c.p_value for c in comparisons if c.p_value is not None], dtype=np.float64)
    corrected = iter(holm(raw).tolist())
    return [c if c.p_value is None else replace(c, p_value=next(corrected)) for c in comparisons]
