"""What each source beside purchases adds: both models without web events, contacts, reviews.

Measured as :mod:`ml.benchmark.ablation` does, on the warehouse's validation fold alone, for all
clients and for warm and cold ones. A source leaves with its features, and web events with the
interest that is added to scores. That ratings also lift and lower the weights of purchases stays
in every variant: build with the dbt var ``use_reviews: false`` to see a world without.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ml.benchmark.ablation import Variant, measure_variants, without_matching
from ml.benchmark.runner import Measured
from ml.dataset import Fold
from ml.progress import Progress
from ml.settings import Settings

SEGMENTS: Final = ("all", "warm", "cold")


def without_web_events(fold: Fold) -> Fold:
    """Leave out what clients looked at."""
    return _unchanged_or(fold, replace(without_matching("web_*")(fold), interests=None))


def without_campaign_contacts(fold: Fold) -> Fold:
    """Leave out who was contacted, and who answered."""
    return _unchanged_or(fold, without_matching("campaign_*")(fold))


def without_reviews(fold: Fold) -> Fold:
    """Leave out features of ratings."""
    return _unchanged_or(fold, without_matching("review_*")(fold))


def without_any(fold: Fold) -> Fold:
    """Leave purchases alone, and what is known of clients and services."""
    return without_reviews(without_campaign_contacts(without_web_events(fold)))


def _unchanged_or(fold: Fold, changed: Fold) -> Fold:
    """The fold itself where the source brought nothing, so that nothing is fitted twice."""
    has_interests = fold.interests is not None and fold.interests.nnz > 0
    is_same = (
        changed.client_feature_names == fold.client_feature_names
        and changed.service_feature_names == fold.service_feature_names
        and (changed.interests is fold.interests or not has_interests)
    )
    return fold if is_same else changed


VARIANTS: Final = (
    Variant("without web events", without_web_events),
    Variant("without campaign contacts", without_campaign_contacts),
    Variant("without reviews", without_reviews),
    Variant("purchases alone", without_any),
)


def measure_sources(settings: Settings, progress: Progress, fold: Fold | None = None) -> Measured:
    """Fit both models with every source, then with one taken away.

    Parameters
    ----------
    settings : Settings
    progress : Progress
    fold : Fold, optional
        The warehouse's validation fold by default.

    Returns
    -------
    Measured
        Per variant: NDCG@10, HR@10 and AUC of all, warm and cold clients, and the paired
        difference from everything. A source that the warehouse does not have has no variant.
    """
    return measure_variants(settings, progress, VARIANTS, fold, SEGMENTS)
