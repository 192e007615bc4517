"""A run's model card in Markdown: what the model is, for what, how good, and where not to trust it.

The headings follow Mitchell et al. (2019), *Model Cards for Model Reporting*; the words are those
of ``docs/model_card.md.j2``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ml.files import write_atomically
from ml.report.facts import Facts, read_facts
from ml.report.model_card_content import card_content
from ml.report.page.blocks import Table
from ml.settings import PROJECT_ROOT, Settings
from ml.train import MODELS_FOLDER

CARD: Final = "model_card.md"
_TEMPLATES: Final = PROJECT_ROOT / "docs"
_TEMPLATE: Final = "model_card.md.j2"
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|])")


def model_card(facts: Facts) -> str:
    """The card of a run.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    str
        Markdown; names from the data are escaped.
    """
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        # Markdown, not HTML: the finalizer escapes every value.
        autoescape=False,
        finalize=_escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["table"] = _table
    text = environment.get_template(_TEMPLATE).render(card=card_content(facts))
    return re.sub(r"\n{3,}", "\n\n", text)


def read_model_card(settings: Settings, run_id: str | None = None) -> str:
    """The card of a run in the warehouse, the latest completed one by default.

    Raises
    ------
    InputError
        There is no warehouse or no such run.
    WarehouseBusyError, WarehouseAccessError
        The warehouse cannot be opened.
    """
    return model_card(read_facts(settings, run_id))


def write_model_card(settings: Settings, run_id: str) -> Path:
    """Write a run's card beside its saved model.

    Returns
    -------
    Path
        ``<warehouse folder>/models/<run>/model_card.md``.

    Raises
    ------
    InputError, WarehouseBusyError, WarehouseAccessError
        The run cannot be read, or the file not written.
    """
    path = settings.folder / MODELS_FOLDER / run_id / CARD
    write_atomically(path, read_model_card(settings, run_id))
    return path


class _Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def _table(block: Table) -> _Markdown:
    lines = [
        block.headings,
        ["---" if column in block.texts else "---:" for column in range(len(block.headings))],
        *([_escaped(cell) for cell in row] for row in block.rows),
    ]
    return _Markdown("".join(f"| {' | '.join(cells)} |\n" for cells in lines))


def _escaped(value: Any) -> Any:
    """A value as plain words: nothing in the data becomes markup."""
    if not isinstance(value, str) or isinstance(value, _Markdown):
        return value
    return _MARKUP.sub(r"\\\1", " ".join(value.split()))
