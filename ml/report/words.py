"""What metrics, segments, steps and outcomes are called for people."""

from __future__ import annotations

from typing import Final

_NUMBERS: Final = {3: "three", 5: "five", 10: "ten"}
_MEANINGS: Final = (
    (
        "NDCG@{k}",
        "How near the top of a client's {offers} the services stand that the client then took;"
        " 1 = perfect order, logarithm of base 2. It decides between models.",
    ),
    ("HR@{k}", "Share of clients who took at least one of their {offers}."),
    ("Recall@{k}", "Share of all that a client took up that was among the {offers}."),
    ("Precision@{k}", "Share of the {offers} that the client took."),
    (
        "AUC",
        "Probability that a service the client took ranks above one the client did not take;"
        " 0.5 = chance.",
    ),
    ("Coverage@{k}", "Share of the services on sale that appear in anybody's {offers}."),
    (
        "Novelty@{k}",
        "How little known the offered services are, in bits: 0 for what everybody has, 10 for what"
        " one client in 1,024 has.",
    ),
    (
        "Popularity bias@{k}",
        "How much more popular the offers are than what the client could be offered: 0 = as if"
        " drawn at random, 1 = twice as popular.",
    ),
    (
        "95% interval",
        "Where the figure would lie in 95 of 100 draws of as many clients (bootstrap).",
    ),
    (
        "p-value",
        "How often a difference this large would come by chance alone; corrected for the number"
        " of comparisons (Holm).",
    ),
)
_METRICS: Final = {
    "auc": "AUC",
    "auc_overall": "AUC, all pairs pooled",
    "calibration_error": "Calibration error",
    "brier_score": "Brier score",
    "log_loss": "Log loss",
    "mean_probability": "Mean probability",
    "positive_rate": "Share taken",
    "lift_top_decile": "Lift of the top tenth",
    "gain_top_decile": "Gain of the top tenth",
    "conversions_top_decile": "Conversions in the top tenth",
    "train_minutes": "Minutes",
    "records_per_minute": "Records per minute",
}
_VALIDATION: Final = "validation_"
_SUMMARIES: Final = {"mean": "Mean", "max": "Best", "min": "Worst", "best": "Best"}
_FAMILIES: Final = {
    "ndcg": "NDCG",
    "hr": "HR",
    "map": "MAP",
    "recall": "Recall",
    "precision": "Precision",
    "coverage": "Coverage",
    "novelty": "Novelty",
    "popularity_bias": "Popularity bias",
}


def first_offers(k: int) -> str:
    """The first offers of a client, in words.

    >>> first_offers(1), first_offers(5), first_offers(20)
    ('first offer', 'first five offers', 'first 20 offers')
    """
    return "first offer" if k == 1 else f"first {_NUMBERS.get(k, k)} offers"


def metric_meanings(k: int) -> list[tuple[str, str]]:
    """What each figure means, of the first k offers."""
    words = {"k": k, "offers": first_offers(k)}
    return [(name.format(**words), meaning.format(**words)) for name, meaning in _MEANINGS]


def metric_name(metric: str) -> str:
    """A metric as people write it.

    >>> metric_name("ndcg@10"), metric_name("popularity_bias@10"), metric_name("auc_after_20")
    ('NDCG@10', 'Popularity bias@10', 'AUC after 20')
    >>> metric_name("auc_max"), metric_name("validation_ndcg@10")
    ('Best AUC', 'NDCG@10 on validation')
    >>> metric_name("ndcg@10_share_of_oracle"), metric_name("auc_cold")
    ('NDCG@10 share of oracle', 'AUC cold')
    """
    if metric.startswith(_VALIDATION):
        return f"{metric_name(metric.removeprefix(_VALIDATION))} on validation"
    base, after, epochs = metric.partition("_after_")
    if after:
        return f"{metric_name(base)} after {epochs}"
    base, underscore, which = metric.rpartition("_")
    if underscore and which in _SUMMARIES:
        return f"{_SUMMARIES[which]} {metric_name(base)}"
    for ending in ("_warm", "_cold", "_difference"):
        if metric.endswith(ending):
            return f"{metric_name(metric.removesuffix(ending))} {plain(ending).strip()}"
    base, share, of_what = metric.partition("_share_of_")
    if share:
        return f"{metric_name(base)} share of {plain(of_what)}"
    family, at, cutoff = metric.partition("@")
    if at and family in _FAMILIES:
        return f"{_FAMILIES[family]}@{cutoff}"
    return _METRICS.get(metric, plain(metric))


def segment_name(segment: str) -> str:
    """A segment as people say it.

    >>> segment_name("cold"), segment_name("age_band: 25-34"), segment_name("partner: DELI")
    ('new clients', 'age band: 25-34', 'partner: DELI')
    """
    known = {"all": "all clients", "warm": "clients with history", "cold": "new clients"}
    if segment in known:
        return known[segment]
    dimension, colon, value = segment.partition(": ")
    return f"{plain(dimension)}: {value}" if colon else segment


def plain(identifier: str) -> str:
    """An identifier as words.

    >>> plain("discounted_purchase")
    'discounted purchase'
    """
    return identifier.replace("_", " ")


def listed(words: list[str]) -> str:
    """Words as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
