"""The kinds of chart that the pages use, as Vega-Lite made with Altair.

All take plain values; the width follows the page, and colours are CSS variables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import altair as alt

from ml.report.page.palette import looks

ROW_HEIGHT: Final = 30
_LINE_HEIGHT: Final = 300
_FADED: Final = 0.12
_DOT_ROOM: Final = 18.0
_BAR_ROOM: Final = 1.14
_LEGEND_LETTERS: Final = 46
INK: Final = "var(--ink)"
SOFT: Final = "var(--ink-soft)"
GRID: Final = "var(--grid)"

THEME: Final[dict[str, Any]] = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    # The figure around the chart is read aloud; hundreds of marks would only be noise.
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "domainColor": GRID,
        "gridColor": GRID,
        "tickColor": GRID,
        "labelColor": SOFT,
        "titleColor": SOFT,
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "labelLimit": 150,
        "labelPadding": 6,
        "titlePadding": 10,
    },
    "axisX": {"labelFlush": True, "labelSeparation": 8},
    "axisY": {"domain": False, "ticks": False},
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelLimit": 170,
        "symbolSize": 90,
        "symbolStrokeWidth": 0,
        "orient": "top",
        "title": None,
        "columnPadding": 14,
    },
    "text": {"color": INK, "fontSize": 12},
    "rule": {"color": SOFT},
}


@dataclass(frozen=True)
class Dot:
    """A value with its interval.

    Parameters
    ----------
    label : str
        Its row.
    series : str
        What it is coloured by.
    value : float
    low, high : float or None
        Ends of the interval.
    text : str
        The value in words, beside the dot and in the tooltip.
    """

    label: str
    series: str
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""


@dataclass(frozen=True)
class LinePoint:
    """A point on a line.

    Parameters
    ----------
    series : str
    x, y : float
    text : str
        For the tooltip.
    """

    series: str
    x: float
    y: float
    text: str = ""


@dataclass(frozen=True)
class Axis:
    """What an axis measures and how its figures look.

    Parameters
    ----------
    title : str
    format : str
        Of d3.
    starts_at_zero : bool
    is_log : bool
    room : float
        Px to leave at both ends, for figures beside the outermost marks.
    """

    title: str
    format: str = ",~r"
    starts_at_zero: bool = False
    is_log: bool = False
    room: float = 0.0


def _x_or_y(axis: Axis) -> dict[str, Any]:
    scale = (
        alt.Scale(type="log", padding=axis.room)
        if axis.is_log
        else alt.Scale(zero=axis.starts_at_zero, nice=not axis.room, padding=axis.room)
    )
    labels = alt.Axis(title=axis.title, format=axis.format, tickCount=5, labelOverlap=True)
    return {"scale": scale, "axis": labels}


def _data(rows: Sequence[Dot] | Sequence[LinePoint]) -> alt.InlineData:
    return alt.InlineData(values=[asdict(row) for row in rows])


def _looks(series: list[str], *, has_legend: bool) -> tuple[alt.Color, alt.Shape, alt.StrokeDash]:
    """Colour, shape and dash of each series, with one legend for all three."""
    found = looks(series)
    # On a phone, some 50 letters fit beside the symbols.
    fits = sum(len(name) + 4 for name in found) <= _LEGEND_LETTERS
    legend = alt.Legend(columns=len(found) if fits else 2) if has_legend else None

    def scale(values: list[Any]) -> alt.Scale:
        return alt.Scale(domain=list(found), range=values)

    return (
        alt.Color("series:N", scale=scale([look.color for look in found.values()]), legend=legend),
        alt.Shape("series:N", scale=scale([look.shape for look in found.values()]), legend=legend),
        alt.StrokeDash(
            "series:N", scale=scale([look.dash for look in found.values()]), legend=legend
        ),
    )


def _finished(layers: list[Any], height: int) -> dict[str, Any]:
    spec: dict[str, Any] = (
        alt.LayerChart(layer=layers)
        .properties(
            width="container",
            height=height,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .to_dict()
    )
    # The page has one theme for all charts.
    spec.pop("config", None)
    return spec


def dots(
    rows: Sequence[Dot], axis: Axis, *, reference: float | None = None, has_legend: bool = False
) -> dict[str, Any]:
    """Values with their intervals, a row each; several series of a label share its row.

    Parameters
    ----------
    rows : sequence of Dot
        In the order to show.
    axis : Axis
    reference : float, optional
        Where to draw a line to compare with.
    has_legend : bool, default False
        Needed where labels do not name the series.

    Returns
    -------
    dict
        Vega-Lite.
    """
    axis = replace(axis, room=_DOT_ROOM)
    labels = list(dict.fromkeys(row.label for row in rows))
    series = list(dict.fromkeys(row.series for row in rows))
    color, shape, _ = _looks(series, has_legend=has_legend)
    chosen = alt.selection_point(fields=["series"], bind="legend") if has_legend else None
    is_shared = len(rows) > len(labels)
    y = alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=150))
    offset = alt.YOffset("series:N", sort=series) if is_shared else alt.Undefined
    tooltip = [
        alt.Tooltip("label:N", title="What"),
        alt.Tooltip("series:N", title="Series"),
        alt.Tooltip("text:N", title=axis.title),
    ]
    opacity = alt.condition(chosen, alt.value(1), alt.value(_FADED)) if chosen else alt.value(1)
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("value:Q", **_x_or_y(axis)), y=y, yOffset=offset, opacity=opacity
    )
    intervals = (
        base.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2.5)
        .encode(x=alt.X("low:Q", **_x_or_y(axis)), x2="high:Q", color=color)
    )
    points = base.mark_point(filled=True, size=95, opacity=1).encode(
        color=color, shape=shape, tooltip=tooltip
    )
    if chosen is not None:
        points = points.add_params(chosen)
    words = base.mark_text(align="center", dy=-11, fontSize=11, color=INK).encode(text="text:N")
    has_intervals = any(row.low is not None for row in rows)
    below = [intervals] if has_intervals else []
    # A legend answers clicks only where the layer that listens comes first; only that layer
    # feels the pointer then. Elsewhere the points must lie on top to feel it.
    layers: list[Any] = [points, *below, words] if has_legend else [*below, points, words]
    if reference is not None:
        line = alt.Chart(alt.InlineData(values=[{"at": reference}])).mark_rule(
            strokeDash=[4, 4], color=SOFT
        )
        layers.append(line.encode(x=alt.X("at:Q", **_x_or_y(axis))))
    per_label = ROW_HEIGHT * (len(series) if is_shared else 1)
    return _finished(layers, max(90, per_label * len(labels) + 20))


def lines(
    rows: Sequence[LinePoint],
    x: Axis,
    y: Axis,
    *,
    marked: Sequence[LinePoint] = (),
    has_points: bool = True,
    height: int = _LINE_HEIGHT,
) -> dict[str, Any]:
    """Lines with their names at their ends.

    Parameters
    ----------
    rows : sequence of LinePoint
    x, y : Axis
    marked : sequence of LinePoint
        Points to ring, such as the best epoch.
    has_points : bool, default True
        Whether every point has its symbol.
    height : int, default 300
        In px.

    Returns
    -------
    dict
        Vega-Lite.
    """
    series = list(dict.fromkeys(row.series for row in rows))
    color, shape, dash = _looks(series, has_legend=True)
    chosen = alt.selection_point(fields=["series"], bind="legend")
    opacity = alt.condition(chosen, alt.value(1), alt.value(_FADED))
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("x:Q", **_x_or_y(x)), y=alt.Y("y:Q", **_x_or_y(y)), color=color, opacity=opacity
    )
    drawn = base.mark_line(strokeWidth=2.2).encode(strokeDash=dash)
    tooltip = [
        alt.Tooltip("series:N", title="Series"),
        alt.Tooltip("x:Q", title=x.title, format=x.format),
        alt.Tooltip("text:N", title=y.title),
    ]
    # Small symbols tell lines apart; invisible ones still carry the tooltip.
    points = base.mark_point(filled=True, size=48 if has_points else 26, opacity=1).encode(
        shape=shape, tooltip=tooltip
    )
    layers: list[Any] = [points.add_params(chosen), drawn]
    if marked:
        rings = alt.Chart(_data(marked)).mark_point(size=240, strokeWidth=2, shape="circle")
        layers.append(
            rings.encode(
                x=alt.X("x:Q", **_x_or_y(x)),
                y=alt.Y("y:Q", **_x_or_y(y)),
                color=color,
                opacity=opacity,
            )
        )
    return _finished(layers, height)


def bars(
    rows: Sequence[Dot], axis: Axis, *, color: str = "var(--accent)", reference: float | None = None
) -> dict[str, Any]:
    """Bars that lie, longest words first in mind: labels stand left, figures at their ends.

    Parameters
    ----------
    rows : sequence of Dot
        In the order to show.
    axis : Axis
    color : str
        A CSS variable.
    reference : float, optional
        Where to draw a line to compare with.

    Returns
    -------
    dict
        Vega-Lite.
    """
    labels = list(dict.fromkeys(row.label for row in rows))
    # The figures beside the longest bars need room.
    most = max((row.value for row in rows), default=1.0) * _BAR_ROOM
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, most], nice=False), axis=_x_or_y(axis)["axis"])
    base = alt.Chart(_data(rows)).encode(x=x, y=alt.Y("label:N", sort=labels, title=None))
    drawn = base.mark_bar(color=color, cornerRadiusEnd=2, height={"band": 0.68}).encode(
        tooltip=[
            alt.Tooltip("label:N", title="What"),
            alt.Tooltip("text:N", title=axis.title),
        ]
    )
    words = base.mark_text(align="left", dx=5, fontSize=11, color=INK).encode(text="text:N")
    layers: list[Any] = [drawn, words]
    if reference is not None:
        line = alt.Chart(alt.InlineData(values=[{"at": reference}])).mark_rule(
            strokeDash=[4, 4], color=INK
        )
        layers.append(line.encode(x=alt.X("at:Q")))
    return _finished(layers, max(80, 26 * len(labels) + 10))
