"""Versions of the packages that figures depend on: part of every run's provenance."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

PACKAGES: Final = (
    "cross-sell", "dbt-core", "dbt-duckdb", "duckdb", "lightfm-next", "numpy", "pyarrow", "scipy",
    "torch",
)  # fmt: skip


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Installed versions by package name."""
    return {name: version(name) for name in names}
