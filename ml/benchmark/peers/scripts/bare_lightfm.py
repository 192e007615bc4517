"""LightFM as its documentation shows it: defaults with WARP, ``predict`` for every pair.

Runs as a process of its own and imports nothing of this project. Called with one folder:
``job.json`` and ``pairs.npz`` in, ``scores_<i>.npy`` and ``result.json`` out.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from lightfm import LightFM
from scipy import sparse


def main(folder: Path) -> None:
    """Fit once per entry of ``job["settings"]``."""
    job = json.loads((folder / "job.json").read_text())
    pairs = np.load(folder / "pairs.npz")
    n_clients, n_services = job["shape"]
    ones = np.ones(len(pairs["clients"]), dtype=np.float32)
    owned = sparse.coo_matrix((ones, (pairs["clients"], pairs["services"])), shape=job["shape"])
    services = np.arange(n_services, dtype=np.int32)
    runs = []
    for i, settings in enumerate(job["settings"]):
        start = time.perf_counter()
        model = LightFM(loss="warp", random_state=job["seed"])
        model.fit(owned, epochs=settings["epochs"], num_threads=job["threads"])
        scores = np.empty((n_clients, n_services), dtype=np.float32)
        for client in range(n_clients):
            scores[client] = model.predict(client, services, num_threads=job["threads"])
        seconds = time.perf_counter() - start
        np.save(folder / f"scores_{i}.npy", scores)
        runs.append({"seconds": seconds})
    versions = {"lightfm-next": version("lightfm-next")}
    (folder / "result.json").write_text(json.dumps({"runs": runs, "versions": versions}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
