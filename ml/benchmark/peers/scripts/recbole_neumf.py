"""RecBole's NeuMF: its own trainer, sampler, and early stopping.

Runs in the other libraries' environment and imports nothing of this project. Called with one
folder: ``job.json`` and ``pairs.npz`` in, ``scores_<i>.npy`` and ``result.json`` out. Settings
with ``epochs`` train on all pairs for so long; with ``traced_epochs`` too, and each epoch's
scores (``trace_<i>_<epoch>.npy``), seconds and samples are kept. Without either, RecBole holds
out one pair of each client and stops by NDCG@10 on these; ``result.json`` then tells the best
epoch.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.utils import create_samplers, get_dataloader
from recbole.model.general_recommender import NeuMF
from recbole.trainer import Trainer
from recbole.utils import init_seed

NAME = "pairs"
PAIRS_AT_ONCE = 262_144


def write_dataset(folder: Path, pairs: Any) -> None:
    """Write the pairs in RecBole's own format."""
    target = folder / NAME
    target.mkdir(exist_ok=True)
    with (target / f"{NAME}.inter").open("w") as file:
        file.write("user_id:token\titem_id:token\n")
        for client, service in zip(pairs["clients"], pairs["services"], strict=True):
            file.write(f"{client}\t{service}\n")


def configure(folder: Path, job: dict[str, Any], settings: dict[str, Any]) -> Any:
    """RecBole's configuration."""
    options = {
        "data_path": str(folder),
        "checkpoint_dir": str(folder / "saved"),
        "seed": job["seed"],
        "reproducibility": True,
        "use_gpu": False,
        "show_progress": False,
        "state": "ERROR",
        "load_col": {"inter": ["user_id", "item_id"]},
        "eval_args": {
            "split": {"LS": "valid_only"},
            "group_by": "user",
            "order": "RO",
            "mode": "full",
        },
        "metrics": ["NDCG"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "eval_batch_size": PAIRS_AT_ONCE,
        **settings,
    }
    return Config(model="NeuMF", dataset=NAME, config_dict=options)


def all_pairs(config: Any, dataset: Any) -> Any:
    """A training loader over everything, nothing held out."""
    dataset._change_feat_format()
    sampler, _, _ = create_samplers(config, dataset, [dataset, dataset, dataset])
    return get_dataloader(config, "train")(config, dataset, sampler, shuffle=True)


@torch.no_grad()
def score(model: Any, dataset: Any, shape: tuple[int, int]) -> Any:
    """A score for every pair; 0 for clients and least for services that it never saw."""
    model.eval()
    tokens = {
        "user_id": dataset.field2token_id["user_id"],
        "item_id": dataset.field2token_id["item_id"],
    }
    known = {
        field: np.array([int(token) for token in found if token != "[PAD]"])
        for field, found in tokens.items()
    }
    inner = {
        field: torch.tensor([tokens[field][str(token)] for token in known[field]])
        for field in tokens
    }
    scores = np.zeros(shape, dtype=np.float32)
    services = inner["item_id"]
    step = max(1, PAIRS_AT_ONCE // len(services))
    for start in range(0, len(known["user_id"]), step):
        clients = inner["user_id"][start : start + step]
        pairs = {
            "user_id": clients.repeat_interleave(len(services)),
            "item_id": services.repeat(len(clients)),
        }
        found = model.predict(pairs).reshape(len(clients), len(services)).numpy()
        rows = known["user_id"][start : start + step]
        scores[rows] = found.min() - 1
        scores[np.ix_(rows, known["item_id"])] = found
    return scores


def trace(
    folder: Path, name: str, config: Any, dataset: Any, shape: tuple[int, int], epochs: int
) -> tuple[Any, list[dict[str, float]]]:
    """Train epoch by epoch on all pairs; only RecBole's own epoch is timed."""
    loader = all_pairs(config, dataset)
    model = NeuMF(config, dataset)
    trainer = Trainer(config, model)
    found = []
    for epoch in range(epochs):
        start = time.perf_counter()
        trainer._train_epoch(loader, epoch)
        seconds = time.perf_counter() - start
        drawn = config["train_neg_sample_args"]["sample_num"]
        found.append({"seconds": seconds, "samples": len(dataset) * (1 + drawn)})
        np.save(folder / f"{name}_{epoch}.npy", score(model, dataset, shape))
    return model, found


def main(folder: Path) -> None:
    """Fit once per entry of ``job["settings"]``."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    job = json.loads((folder / "job.json").read_text())
    torch.set_num_threads(job["threads"])
    write_dataset(folder, np.load(folder / "pairs.npz"))
    runs = []
    for i, settings in enumerate(job["settings"]):
        start = time.perf_counter()
        traced = settings.pop("traced_epochs", 0)
        config = configure(folder, job, settings)
        init_seed(config["seed"], config["reproducibility"])
        dataset = create_dataset(config)
        best = None
        epochs: list[dict[str, float]] = []
        shape = tuple(job["shape"])
        if traced:
            model, epochs = trace(folder, f"trace_{i}", config, dataset, shape, traced)
        elif "epochs" in settings:
            loader = all_pairs(config, dataset)
            model = NeuMF(config, dataset)
            Trainer(config, model).fit(loader, saved=False, verbose=False)
        else:
            loader, held_out, _ = data_preparation(config, dataset)
            model = NeuMF(config, loader.dataset)
            trainer = Trainer(config, model)
            trainer.fit(loader, held_out, saved=True, verbose=False)
            # RecBole's own loading asks torch for less than it has saved.
            saved = torch.load(trainer.saved_model_file, weights_only=False)
            model.load_state_dict(saved["state_dict"])
            best = int(saved["epoch"]) + 1
        scores = score(model, dataset, shape)
        seconds = time.perf_counter() - start
        np.save(folder / f"scores_{i}.npy", scores)
        runs.append({"seconds": seconds, "best_epoch": best, "epochs": epochs})
    versions = {"recbole": version("recbole")}
    (folder / "result.json").write_text(json.dumps({"runs": runs, "versions": versions}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
