"""The founding study's figures, as its tables state them: what ours stand beside."""

from __future__ import annotations

from typing import Final

from ml.benchmark.generated import Size

MODELS: Final = ("lightfm", "ncf")
"""The two models that the study compares."""

TRAIN_MINUTES: Final[dict[tuple[Size, str], float]] = {
    (Size(1_000, 1_000, 10_000), "lightfm"): 5,
    (Size(1_000, 1_000, 10_000), "ncf"): 15,
    (Size(1_000, 10_000, 100_000), "lightfm"): 10,
    (Size(1_000, 10_000, 100_000), "ncf"): 30,
    (Size(10_000, 1_000, 1_000_000), "lightfm"): 25,
    (Size(10_000, 1_000, 1_000_000), "ncf"): 60,
}
"""Minutes of training by size; the study does not say for how many epochs."""

RECORDS_PER_MINUTE: Final[dict[tuple[Size, str], float]] = {
    (Size(1_000, 1_000, 10_000), "lightfm"): 2_000,
    (Size(1_000, 1_000, 10_000), "ncf"): 666,
    (Size(1_000, 10_000, 100_000), "lightfm"): 10_000,
    (Size(1_000, 10_000, 100_000), "ncf"): 3_333,
    (Size(10_000, 1_000, 1_000_000), "lightfm"): 40_000,
    (Size(10_000, 1_000, 1_000_000), "ncf"): 16_667,
}
"""Records divided by the whole time of training."""

SIZES: Final = tuple(dict.fromkeys(size for size, _ in TRAIN_MINUTES))

EPOCHS_SIZE: Final = Size(1_000, 1_000, 100_000)

AUC_AFTER: Final[dict[tuple[str, int], float]] = {
    ("lightfm", 10): 0.80,
    ("lightfm", 20): 0.82,
    ("lightfm", 50): 0.85,
    ("ncf", 10): 0.85,
    ("ncf", 20): 0.87,
    ("ncf", 50): 0.92,
}
"""AUC by model and number of epochs, on ``EPOCHS_SIZE``; the study does not say which AUC."""

EPOCHS: Final = tuple(sorted({epochs for _, epochs in AUC_AFTER}))

TRIALS_AUC: Final[dict[tuple[str, str], float]] = {
    ("lightfm", "auc_mean"): 0.82,
    ("lightfm", "auc_max"): 0.85,
    ("lightfm", "auc_min"): 0.80,
    ("ncf", "auc_mean"): 0.88,
    ("ncf", "auc_max"): 0.92,
    ("ncf", "auc_min"): 0.85,
}
"""Average, best and worst AUC over the study's trial runs."""
