"""The pages in a real Chromium, opened from disk with no network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml.contracts import Columns
from ml.report.page import benchmark_page, report_page
from ml.report.page.blocks import Chart, Grid, Page
from ml.report.page.render import write
from tests.report.conftest import Visitor
from tests.report.made_up import (
    NASTY,
    client,
    made_up_facts,
    made_up_measurements,
    without_a_test_label,
)

LARGEST_PAGE = 5_000_000
PHONE = {"viewport": {"width": 390, "height": 844}}
# Number of marks with an extent, per chart.
DRAWN = """
[...document.querySelectorAll('.chart')].map(chart => {
    const svg = chart.querySelector('svg');
    if (!svg) return [chart.id, 0, 0];
    // Axes and legends are no marks.
    const marks = [...svg.querySelectorAll('.role-mark path, .role-mark line')];
    const box = svg.getBoundingClientRect();
    const shown = marks.filter(mark => {
        const extent = mark.getBoundingClientRect();
        return extent.width + extent.height > 0;
    });
    return [chart.id, Math.min(box.width, box.height), shown.length];
})
"""
PAGES = {
    "full": lambda: report_page(made_up_facts(), made_up_measurements()),
    "no benchmarks": lambda: report_page(made_up_facts(), {}),
    "no test label": lambda: report_page(without_a_test_label(), {}),
    "an older run": lambda: report_page(
        made_up_facts(
            clients=[],
            is_latest=False,
            offer_value=[],
            holdout_value=[],
            lift=[],
            calibration=[],
            differences=[],
        ),
        {},
    ),
    "benchmarks": lambda: benchmark_page(made_up_measurements()),
    "no benchmark at all": lambda: benchmark_page({}),
}


def charts(page: Page) -> list[Chart]:
    """All charts of a page, in order."""
    blocks = [block for section in page.sections for block in section.blocks]
    found: list[Chart] = []
    for block in blocks:
        if isinstance(block, Grid):
            found += block.charts
        elif isinstance(block, Chart):
            found.append(block)
    return found


def test_the_full_page_has_all_kinds_of_charts() -> None:
    names = {chart.name for chart in charts(PAGES["full"]())}
    assert names >= {
        "models-ndcg-10", "differences", "met-conversion-count", "met-conversion-margin",
        "partners", "calibration", "lift", "gain", "coverage-10", "segments-history",
        "segments-partner", "segments-client", "curve-ndcg-at-10", "curve-auc", "steps",
        "speed-minutes", "speed-rate", "epochs-generated-auc", "trials",
        "peers-ml-100k-leave-one-out-ndcg-10", "leave-one-out-ml-100k-leave-one-out-hr-10",
    }  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(PAGES["full"](), tmp_path_factory.mktemp("page") / "report.html")


@pytest.mark.parametrize("name", PAGES)
def test_every_chart_is_drawn_quietly_and_without_a_network(
    name: str, tmp_path: Path, visit: Visitor
) -> None:
    page: Page = PAGES[name]()
    path = write(page, tmp_path / "page.html")
    assert path.stat().st_size < LARGEST_PAGE
    with visit(path) as visited:
        drawn = visited.evaluate(DRAWN)
    assert visited.said == []
    assert visited.requested == [path.as_uri()]
    assert [chart for chart, *_ in drawn] == [f"chart-{chart.name}" for chart in charts(page)]
    for chart, size, marks in drawn:
        assert size > 50, chart
        assert marks >= 2, chart


def test_the_policy_refuses_connections_and_foreign_scripts(full: Path, visit: Visitor) -> None:
    with visit(full) as visited:
        refused = visited.evaluate(
            """
            (async () => {
                const refusals = [];
                document.addEventListener('securitypolicyviolation',
                    event => refusals.push(event.effectiveDirective));
                try { await fetch('data:,x'); } catch { }
                const script = document.createElement('script');
                script.textContent = 'window.hacked = true';
                document.body.append(script);
                const image = new Image();
                image.src = 'file:///x.png';
                document.body.append(image);
                await new Promise(done => setTimeout(done, 300));
                return [refusals.sort(), window.hacked ?? null];
            })()
            """
        )
    assert refused == [["connect-src", "img-src", "script-src-elem"], None]


def test_names_with_html_in_them_stay_words(tmp_path: Path, visit: Visitor) -> None:
    facts = made_up_facts(clients=[client(NASTY, name=NASTY)])
    facts = replace(
        facts,
        offer_value=[{**row, Columns.PARTNER_NAME: NASTY} for row in facts.offer_value],
        run={**facts.run, Columns.CHAMPION_REASON: NASTY},
        steps=[{**row, Columns.STEP: NASTY} for row in facts.steps],
    )
    path = write(report_page(facts, made_up_measurements()), tmp_path / "page.html")
    with visit(path) as visited:
        assert visited.evaluate("window.hacked ?? null") is None
        assert visited.evaluate("document.images.length") == 0
        assert NASTY in visited.evaluate("document.querySelector('article.client').textContent")
        # In the charts too: a label, and the tooltip of its bar.
        bar = visited.page.locator("#chart-partners .mark-rect path").first
        bar.hover()
        tooltip = visited.page.locator("#vg-tooltip-element.visible")
        tooltip.wait_for()
        assert "onerror" in (tooltip.text_content() or "")
        assert visited.evaluate("document.images.length") == 0
        assert visited.evaluate("window.hacked ?? null") is None
    assert visited.said == []


def test_a_phone_shows_it_without_sideways_scrolling(full: Path, visit: Visitor) -> None:
    with visit(full, **PHONE) as visited:
        assert visited.evaluate("document.documentElement.scrollWidth") <= 390
        wide = visited.evaluate(
            """
            [...document.querySelectorAll('.chart')].filter(chart =>
                chart.querySelector('svg').getBoundingClientRect().right
                    > chart.getBoundingClientRect().right + 1).map(chart => chart.id)
            """
        )
        assert wide == []
        drawn = visited.evaluate(DRAWN)
    assert visited.said == []
    assert all(marks >= 2 for _, _, marks in drawn)


COLORS = """
(() => {
    const look = element => getComputedStyle(element);
    const mark = document.querySelector('#chart-models-ndcg-10 .mark-symbol path');
    const label = document.querySelector('#chart-models-ndcg-10 .mark-text text');
    return [look(document.body).backgroundColor, look(document.body).color,
        look(mark).fill, look(label).fill];
})()
"""


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.1 of 'rgb(r, g, b)'."""
    channels = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.1."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_light_dark_and_print_differ_and_are_readable(full: Path, visit: Visitor) -> None:
    looks = {}
    for name, options in (("light", {"color_scheme": "light"}), ("dark", {"color_scheme": "dark"})):
        with visit(full, **options) as visited:
            looks[name] = visited.evaluate(COLORS)
            if name == "dark":
                # Printed from a dark screen, ink is still spared.
                visited.page.emulate_media(media="print")
                looks["print"] = visited.evaluate(COLORS)
                hidden = "getComputedStyle(document.querySelector('nav')).display"
                assert visited.evaluate(hidden) == "none"
                # Drawn at a screen's width, charts shrink to the paper's.
                visited.page.set_viewport_size({"width": 700, "height": 1000})
                assert visited.evaluate("document.documentElement.scrollWidth") <= 700
    assert looks["print"][0] == "rgb(255, 255, 255)"
    assert looks["light"] != looks["dark"]
    for name, (paper, ink, mark, label) in looks.items():
        assert contrast(paper, ink) >= 7, name
        assert contrast(paper, label) >= 4.5, name
        assert contrast(paper, mark) >= 3, name


def test_series_differ_by_shape_where_colour_is_not_seen(full: Path, visit: Visitor) -> None:
    with visit(full) as visited:
        shapes = visited.evaluate(
            """
            [...document.querySelectorAll('#chart-models-ndcg-10 .mark-symbol path')]
                .map(mark => mark.getAttribute('d'))
            """
        )
        dashes = visited.evaluate(
            """
            [...document.querySelectorAll('#chart-curve-auc .mark-line path')]
                .map(mark => mark.getAttribute('stroke-dasharray'))
            """
        )
    assert len(shapes) == len(set(shapes)) == 4
    assert len(dashes) == len(set(dashes)) == 4


def test_pointing_tells_and_clicking_a_legend_singles_out(full: Path, visit: Visitor) -> None:
    with visit(full) as visited:
        visited.page.locator("#chart-curve-auc .role-mark.mark-symbol path").first.hover()
        tooltip = visited.page.locator("#vg-tooltip-element.visible")
        tooltip.wait_for()
        assert "AUC" in (tooltip.text_content() or "")
        count = """
            new Set([...document.querySelectorAll('#chart-curve-auc .mark-line path')]
                .map(mark => mark.getAttribute('opacity'))).size
        """
        assert visited.evaluate(count) == 1
        visited.page.locator("#chart-curve-auc .mark-text text", has_text="LightFM").first.click()
        assert visited.evaluate(count) == 2


def test_each_chart_is_told_in_words_and_as_a_table(full: Path, visit: Visitor) -> None:
    with visit(full) as visited:
        silent = visited.evaluate(
            """
            [...document.querySelectorAll('figure')].filter(figure =>
                figure.querySelector('.chart').getAttribute('aria-label').length < 40
                || figure.querySelectorAll('details tbody tr').length < 1
            ).map(figure => figure.textContent)
            """
        )
    assert silent == []


def test_without_javascript_the_figures_are_still_there(full: Path, visit: Visitor) -> None:
    text = full.read_text()
    assert "Charts need JavaScript" in text
    assert "0.2000" in text
