"""LightFM's stage of the job, from the fold to the fitted model, beside ``LightFM.fit`` alone."""

from __future__ import annotations

from ml.benchmark.ratios.timing import in_turn, timed
from ml.benchmark.ratios.world import Sizes, hybrid_fold
from ml.benchmark.results import BenchmarkResult
from ml.models.lightfm import LightFM
from ml.models.lightfm_settings import LightFMSettings
from ml.models.yardsticks import bare_lightfm_fit
from ml.settings import Settings

EPOCHS = 2


def measure_fit(settings: Settings, sizes: Sizes) -> list[BenchmarkResult]:
    """Same matrices, epochs and thread; one member, no evaluation.

    ``times_faster`` of 1 / 1.03 is 3% on top of LightFM's own time.
    """
    fold = hybrid_fold(sizes.fit, settings.seed)
    own = LightFMSettings(members=1)
    times = in_turn(
        lambda: timed(lambda: LightFM(own).fit(fold, epochs=EPOCHS)),
        # The matrices are ready before the clock starts.
        lambda: timed(bare_lightfm_fit(own, fold, EPOCHS)),
        settings.benchmark.ratios_repeats,
    )
    return times.results(f"fit, {sizes.fit}, {EPOCHS} epochs", "lightfm stage", "LightFM.fit")
