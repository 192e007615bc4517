"""What a page is made of. Sections hold blocks; the template knows how each looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Figures in rows.

    Parameters
    ----------
    headings : sequence of str
    rows : sequence of sequences of str
        One text per heading.
    texts : set of int
        Columns that hold words and stand left; the others hold figures and stand right.
    strong : set of int
        Rows to set in bold.
    caption : str
    is_folded : bool
        Shown on demand only.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: frozenset[int] = frozenset({0})
    strong: frozenset[int] = frozenset()
    caption: str = ""
    is_folded: bool = False
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Chart:
    """A chart, and the same figures as a table for those who cannot or will not see it.

    Parameters
    ----------
    name : str
        Unique on the page.
    title : str
    description : str
        What it shows, in a sentence; read aloud by screen readers.
    spec : dict
        Vega-Lite.
    table : Table
    note : str
        How to read it, below.
    """

    name: str
    title: str
    description: str
    spec: dict[str, Any]
    table: Table
    note: str = ""
    kind: str = field(default="chart", init=False)


@dataclass(frozen=True)
class Grid:
    """Charts side by side where there is room."""

    charts: Sequence[Chart]
    kind: str = field(default="grid", init=False)


@dataclass(frozen=True)
class Figure:
    """One large figure.

    Parameters
    ----------
    value, label, note : str
        The figure, what it is, and what to compare it with.
    """

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """A row of large figures."""

    items: Sequence[Figure]
    kind: str = field(default="figures", init=False)


@dataclass(frozen=True)
class Prose:
    """Paragraphs."""

    paragraphs: Sequence[str]
    kind: str = field(default="prose", init=False)


@dataclass(frozen=True)
class Terms:
    """Words and what they mean.

    Parameters
    ----------
    items : sequence of (str, str)
    """

    items: Sequence[tuple[str, str]]
    kind: str = field(default="terms", init=False)


@dataclass(frozen=True)
class Missing:
    """Something that was not measured here.

    Parameters
    ----------
    text : str
    command : str
        What measures it.
    """

    text: str
    command: str
    kind: str = field(default="missing", init=False)


@dataclass(frozen=True)
class ClientCard:
    """A client's offers beside what they have.

    Parameters
    ----------
    title, owned, often : str
        Who, how much they have, and what most often.
    offers : Table
    """

    title: str
    owned: str
    often: str
    offers: Table


@dataclass(frozen=True)
class Clients:
    """Some clients."""

    cards: Sequence[ClientCard]
    kind: str = field(default="clients", init=False)


Block = Table | Chart | Grid | Figures | Prose | Terms | Missing | Clients


@dataclass(frozen=True)
class Section:
    """A part of the page with an entry in the contents.

    Parameters
    ----------
    name : str
        The anchor.
    title, lead : str
        Heading, and the one sentence to take away.
    blocks : sequence of Block
    """

    name: str
    title: str
    lead: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole page.

    Parameters
    ----------
    title, subtitle : str
    sections : sequence of Section
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
