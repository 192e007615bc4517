"""What lies beside the warehouse and was made from clients: models, reports, older releases."""

from __future__ import annotations

import shutil
from pathlib import Path

from ml import contracts
from ml.backtest.cycle import BACKTEST_FOLDER
from ml.checkpoints import CHECKPOINTS_FOLDER
from ml.errors import WarehouseAccessError
from ml.releases import CURRENT, LIVE, RELEASES
from ml.report.page import REPORTS_FOLDER
from ml.train import MODELS_FOLDER


def remove_models(folder: Path) -> int:
    """Remove saved models: they were fitted on the client, and number clients as they were then.

    Checkpoints of trainings that were killed go with them.

    Returns
    -------
    int
        How many.
    """
    _remove([path for path in [folder / CHECKPOINTS_FOLDER] if path.exists()])
    return _remove([path for path in (folder / MODELS_FOLDER).glob("*") if path.is_dir()])


def remove_working_copies(folder: Path) -> int:
    """Remove the copy of the raw tables that a killed backtest left; returns 1 or 0.

    The caller holds the backtest's lock, so none is under way.
    """
    return _remove([path for path in [folder / BACKTEST_FOLDER] if path.exists()])


def remove_reports(folder: Path) -> int:
    """Remove pages, which show clients; returns how many."""
    return _remove(list((folder / REPORTS_FOLDER).glob("*")))


def is_published(folder: Path) -> bool:
    """Whether there is a release."""
    return any((folder / RELEASES).glob("[!.]*"))


def remove_older_releases(folder: Path) -> int:
    """Remove every release but the current one, and what still shows them.

    Returns
    -------
    int
        How many releases.
    """
    current = (folder / CURRENT).resolve()
    count = _remove([p for p in (folder / RELEASES).glob("[!.]*") if p.resolve() != current])
    published = {name for _, name in contracts.PUBLISHED}
    for table in (folder / LIVE).glob("*"):
        files = sorted(path for path in table.iterdir() if not path.is_symlink())
        newest = files[-1:] if table.name in published else []
        _remove([path for path in table.iterdir() if path not in newest])
    return count


def _remove(paths: list[Path]) -> int:
    try:
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise WarehouseAccessError(
            f"cannot remove {error.filename}: {error.strerror}; mend that and forget once more"
        ) from None
    return len(paths)
