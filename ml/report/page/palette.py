"""One look per model, the same in every chart: a colour, a shape and a dash.

Colours are CSS variables, so that light, dark and print follow by style sheet alone. They
derive from the palette of Okabe and Ito (2008), which people without red-green vision tell
apart; shapes and dashes tell the series apart without any colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STUDY: Final = "the study"
"""The series of the founding study's figures."""

_NAMES: Final = {
    "ncf": "NCF",
    "lightfm": "LightFM",
    "ease": "EASE",
    "popularity": "Popularity",
    "oracle": "Best possible",
}
_FIXED: Final = ("NCF", "LightFM", "EASE", "Popularity")
_SHAPES: Final = (
    "circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right",
    "triangle-left",
)  # fmt: skip
_DASHES: Final = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 2], [12, 4], [1, 3], [6, 2, 1, 2])
_STUDY_DASH: Final = [3, 4]


@dataclass(frozen=True)
class Look:
    """How a series is drawn.

    Parameters
    ----------
    color : str
        A CSS variable.
    shape : str
        A symbol of Vega.
    dash : list of int
        Lengths of strokes and gaps, px.
    """

    color: str
    shape: str
    dash: list[int]


def shown_name(model_name: str) -> str:
    """A model as people write it; names that are not ours stay as they are."""
    return _NAMES.get(model_name, model_name)


def looks(series: Iterable[str]) -> dict[str, Look]:
    """A look for each series, in order; ours keep theirs on every chart.

    Parameters
    ----------
    series : iterable of str
        As shown.

    Returns
    -------
    dict of str to Look
        Beyond eight series, colours repeat with another dash.
    """
    names = list(dict.fromkeys(series))
    others = [name for name in names if name not in _FIXED and name != STUDY]
    places = {name: place for place, name in enumerate((*_FIXED, *others))}
    return {name: _study() if name == STUDY else _look(places[name]) for name in names}


def _look(place: int) -> Look:
    turn, slot = divmod(place, len(_SHAPES))
    return Look(
        f"var(--series-{slot + 1})",
        _SHAPES[(slot + turn) % len(_SHAPES)],
        _DASHES[(slot + turn) % len(_DASHES)],
    )


def _study() -> Look:
    return Look("var(--study)", "stroke", _STUDY_DASH)
