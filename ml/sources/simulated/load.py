"""Write a simulated world into the warehouse: raw tables and truth, both or neither."""

from __future__ import annotations

from ml import contracts
from ml.progress import Progress
from ml.settings import Settings
from ml.sources.simulated.settings import WorldSettings
from ml.sources.simulated.world import STARTS_AT, World
from ml.warehouse import connect, count_rows, write_world


def load_world(settings: Settings, world: WorldSettings, progress: Progress) -> dict[str, int]:
    """Replace the raw tables by a simulated world.

    Parameters
    ----------
    settings : Settings
    world : WorldSettings
    progress : Progress

    Returns
    -------
    dict of str to int
        Rows by raw table.

    Raises
    ------
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be written; what was there stays.
    """
    with (
        progress.step("load simulated") as step,
        connect(
            settings.warehouse_file, read_only=False, wait_seconds=settings.lock_wait_seconds
        ) as connection,
    ):
        drawn = World(world)
        write_world(
            connection,
            drawn.drafts(step.update),
            started_at=STARTS_AT,
            loaded_at=drawn.ends_at,
            salt=f"simulated:{world.seed}:",
        )
        counts = {table.name: count_rows(connection, table) for table in contracts.RAW_ENTITIES}
        step.outcome = f"{sum(counts.values()):,} rows"
    return counts


def load_simulated(settings: Settings, progress: Progress) -> dict[str, int]:
    """Load the world that ``cross-sell load simulated`` draws without options."""
    world = WorldSettings(clients=20_000, services=200, partners=5, days=365, seed=settings.seed)
    return load_world(settings, world, progress)
