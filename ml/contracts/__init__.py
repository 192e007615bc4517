"""Names, Arrow schemas and keys of every table that crosses the SQL/Python border.

This is the only Python package that spells a table or column name. A contract
is stated a second time where dbt needs it (the YAML of the sources and
models); ``tests/test_contracts.py`` holds the two statements equal.

Types are the portable ones of the house plan: ``string``, ``int``, ``bigint``,
``double``, ``date``, ``timestamp`` (UTC, microseconds, no zone stored) and ``boolean``.
"""

from __future__ import annotations

from ml.contracts.benchmarks import *  # noqa: F403
from ml.contracts.columns import *  # noqa: F403
from ml.contracts.health import *  # noqa: F403
from ml.contracts.marts import *  # noqa: F403
from ml.contracts.outputs import *  # noqa: F403
from ml.contracts.raw import *  # noqa: F403
from ml.contracts.readers import *  # noqa: F403
from ml.contracts.releases import *  # noqa: F403
from ml.contracts.report import *  # noqa: F403
from ml.contracts.table import *  # noqa: F403
from ml.contracts.truth import *  # noqa: F403
