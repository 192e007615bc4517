"""ALS or BPR of the library implicit: fit pairs, write a score for every pair.

Runs in the other libraries' environment and imports nothing of this project. Called with one
folder: ``job.json`` and ``pairs.npz`` in, ``scores_<i>.npy`` and ``result.json`` out.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import implicit.als
import implicit.bpr
import numpy as np
from scipy import sparse

MODELS = {
    "als": implicit.als.AlternatingLeastSquares,
    "bpr": implicit.bpr.BayesianPersonalizedRanking,
}


def main(folder: Path) -> None:
    """Fit once per entry of ``job["settings"]``."""
    job = json.loads((folder / "job.json").read_text())
    pairs = np.load(folder / "pairs.npz")
    ones = np.ones(len(pairs["clients"]), dtype=np.float32)
    owned = sparse.csr_matrix((ones, (pairs["clients"], pairs["services"])), shape=job["shape"])
    runs = []
    for i, settings in enumerate(job["settings"]):
        start = time.perf_counter()
        model = MODELS[job["kind"]](
            **settings, random_state=job["seed"], num_threads=job["threads"]
        )
        model.fit(owned, show_progress=False)
        scores = model.user_factors @ model.item_factors.T
        seconds = time.perf_counter() - start
        np.save(folder / f"scores_{i}.npy", scores.astype(np.float32))
        runs.append({"seconds": seconds})
    versions = {"implicit": version("implicit")}
    (folder / "result.json").write_text(json.dumps({"runs": runs, "versions": versions}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
