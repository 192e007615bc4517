"""Metrics against RecTools, which lives beside the environment and runs in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import sparse

from ml.evaluation import catalogue, metrics
from ml.ranking import LabelRanks, rank_labels
from ml.settings import PROJECT_ROOT
from tests.evaluation.folds import Case, everybody, ranking_fold

RECTOOLS = PROJECT_ROOT / ".peers" / "rectools-0.19"
SHAPE = (60, 40)

pytestmark = pytest.mark.skipif(
    not (RECTOOLS / ".installed").exists(),
    reason="RecTools is set up by 'make test', not by pytest alone",
)

CODE = """
import json, sys
from pathlib import Path
import pandas as pd
from rectools.metrics import (
    MAP, NDCG, AvgRecPopularity, CatalogCoverage, HitRate, MeanInvUserFreq, Precision, Recall,
)

folder, k, size = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
offers, taken, owned, candidates = (
    pd.read_parquet(folder / f"{name}.parquet")
    for name in ("offers", "taken", "owned", "candidates")
)
found = {
    "hr": HitRate(k).calc_per_user(offers, taken),
    "precision": Precision(k).calc_per_user(offers, taken),
    "recall": Recall(k).calc_per_user(offers, taken),
    "ndcg": NDCG(k, divide_by_achievable=True).calc_per_user(offers, taken),
    "map": MAP(k, divide_by_k=False).calc_per_user(offers, taken),
    "novelty": MeanInvUserFreq(k).calc_per_user(offers, owned),
    "popularity": AvgRecPopularity(k).calc_per_user(offers, owned),
    "popularity of candidates": AvgRecPopularity(size).calc_per_user(candidates, owned),
}
answer = {name: values.to_dict() for name, values in found.items()}
catalog = candidates["item_id"].unique()
answer["coverage"] = CatalogCoverage(k, normalize=True).calc(offers, catalog)
print(json.dumps(answer))
"""


def world() -> Case:
    """Few labels per client, so that all fit the shortest list: there the MAPs agree."""
    generator = np.random.default_rng(12)
    labels = np.zeros(SHAPE, dtype=bool)
    for client in range(SHAPE[0]):
        labels[client, generator.choice(SHAPE[1], client % 6, replace=False)] = True
    fold = ranking_fold(labels, generator.random(SHAPE) < 0.9)
    owned = generator.random(SHAPE) < np.linspace(0.0, 0.6, SHAPE[1])
    fold = replace(fold, interactions=sparse.csr_matrix(owned.astype(np.float32)))
    scores = generator.normal(size=SHAPE) + labels
    return Case(scores.astype(np.float32), fold)


Indices = npt.NDArray[Any]


def write(
    folder: Path, name: str, clients: Indices, services: Indices, ranks: Indices | None = None
) -> None:
    columns: dict[str, Indices] = {"user_id": clients, "item_id": services}
    if ranks is not None:
        columns["rank"] = ranks
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")


def write_all(case: Case, ranks: LabelRanks, folder: Path) -> None:
    rows, places = np.nonzero(ranks.top.services >= 0)
    write(folder, "offers", rows, ranks.top.services[rows, places], places + 1)
    # Of all candidates only the mean is wanted: any order will do.
    rows, services = np.nonzero(case.mask)
    write(folder, "candidates", rows, services, np.cumsum(case.mask, axis=1)[rows, services])
    write(folder, "taken", *np.nonzero(case.labels))
    write(folder, "owned", *case.fold.interactions.nonzero())


@pytest.mark.parametrize("k", [5, 10])
def test_metrics_are_those_of_rectools(tmp_path: Path, k: int) -> None:
    case = world()
    ranks = rank_labels(case.score, case.fold, everybody(case.fold))
    write_all(case, ranks, tmp_path)
    result = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path), str(k), str(SHAPE[1])],
        env={"PYTHONPATH": str(RECTOOLS)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    theirs = json.loads(result.stdout)
    ours = metrics.client_metrics(ranks, (k,)) | catalogue.list_metrics(ranks.top, case.fold, (k,))
    for name in ("hr", "precision", "recall", "ndcg", "map", "novelty"):
        per_client = {str(i): v for i, v in enumerate(ours[f"{name}@{k}"]) if not np.isnan(v)}
        assert len(per_client) >= 48
        assert per_client == pytest.approx(theirs[name], rel=1e-12), name
    for client, bias in enumerate(ours[f"popularity_bias@{k}"]):
        base = theirs["popularity of candidates"][str(client)]
        assert bias == pytest.approx(theirs["popularity"][str(client)] / base - 1)
    assert case.fold.is_eligible_service.all()
    assert catalogue.coverage(ranks, k) == pytest.approx(theirs["coverage"])
