"""One look per model, the same in every chart: a colour, a shape and a dash.

Colours are CSS variables, so that light, dark and print follow by style sheet alone. They
derive from the palette of Okabe and Ito (2008), which people without red-green vision tell
apart; shapes and dashes tell the series apart without any colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_STUDY: Final = ", the study"
PERFECT: Final = "stated = happened"
CHANCE: Final = "by chance"
BEST_POSSIBLE: Final = "best possible"
_REFERENCES: Final = (PERFECT, CHANCE, BEST_POSSIBLE)
"""Series to compare with, which no model made."""

_NAMES: Final = {
    "ncf": "NCF",
    "lightfm": "LightFM",
    "ease": "EASE",
    "popularity": "Popularity",
    "segment_popularity": "Segment popularity",
    "item_knn": "Item-kNN",
    "blend": "Blend",
    "oracle": BEST_POSSIBLE,
}
_FIXED: Final = ("NCF", "LightFM", "EASE", "Popularity")
_SHAPES: Final = (
    "circle", "square", "triangle-up", "diamond", "triangle-down", "triangle-right",
    "triangle-left", "M0,-0.6L0.57,-0.19L0.35,0.49L-0.35,0.49L-0.57,-0.19Z",
)  # fmt: skip
_DASHES: Final = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 2], [12, 4], [1, 3], [6, 2, 1, 2])
_STUDY_DASH: Final = [2, 4]
_REFERENCE_DASH: Final = [4, 4]
_SHORT_BAR: Final = "M-1,-0.14L1,-0.14L1,0.14L-1,0.14Z"


@dataclass(frozen=True)
class Look:
    """How a series is drawn.

    Parameters
    ----------
    color : str
        A CSS variable.
    shape : str
        A symbol of Vega, or the path of one.
    dash : list of int
        Lengths of strokes and gaps, px.
    """

    color: str
    shape: str
    dash: list[int]


def shown_name(model_name: str) -> str:
    """A model as people write it; names that are not ours stay as they are."""
    return _NAMES.get(model_name, model_name)


def of_study(series: str) -> str:
    """The series of the founding study's figures for the same model.

    >>> of_study("NCF")
    'NCF, the study'
    """
    return f"{series}{_STUDY}"


def looks(series: Iterable[str]) -> dict[str, Look]:
    """A look for each series, in order; ours keep theirs on every chart.

    The study's figures have the colour of their model, with a cross and dots of their own.

    Parameters
    ----------
    series : iterable of str
        As shown.

    Returns
    -------
    dict of str to Look
        Beyond eight series, colours repeat with another shape and dash.
    """
    names = list(dict.fromkeys(series))
    bases = dict.fromkeys(name.removesuffix(_STUDY) for name in names)
    others = [n for n in bases if n not in _FIXED and n not in _REFERENCES]
    places = {name: place for place, name in enumerate((*_FIXED, *others))}
    return {name: _look(name, places) for name in names}


def _look(name: str, places: dict[str, int]) -> Look:
    if name in _REFERENCES:
        return Look("var(--reference)", _SHORT_BAR, _REFERENCE_DASH)
    turn, slot = divmod(places[name.removesuffix(_STUDY)], len(_SHAPES))
    color = f"var(--series-{slot + 1})"
    if name.endswith(_STUDY):
        return Look(color, "cross", _STUDY_DASH)
    place = (slot + turn) % len(_SHAPES)
    return Look(color, _SHAPES[place], _DASHES[place])
