"""Top-k of the library implicit on given factors, owned services masked: once, timed.

Runs in the other libraries' environment and imports nothing of this project. Called with one
folder: ``job.json`` and ``factors.npz`` in, ``services.npy`` and ``result.json`` out.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from implicit.cpu.topk import topk
from scipy import sparse


def main(folder: Path) -> None:
    """Rank a few clients to warm up, then all of them."""
    job = json.loads((folder / "job.json").read_text())
    with np.load(folder / "factors.npz") as given:
        clients, services = given["clients"], given["services"]
        ones = np.ones(len(given["indices"]), dtype=np.float32)
        owned = sparse.csr_matrix(
            (ones, given["indices"], given["indptr"]), shape=(len(clients), len(services))
        )
    options = {"k": job["k"], "num_threads": job["threads"]}
    topk(services, clients[:1000], filter_query_items=owned[:1000], **options)
    start = time.perf_counter()
    found, _ = topk(services, clients, filter_query_items=owned, **options)
    seconds = time.perf_counter() - start
    np.save(folder / "services.npy", found.astype(np.int32))
    (folder / "result.json").write_text(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
