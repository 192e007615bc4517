"""Turn a page into one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ml.files import write_atomically
from ml.report.page.blocks import Page
from ml.report.page.charts import THEME

_ASSETS: Final = Path(__file__).parent / "assets"


def render(page: Page) -> str:
    """HTML of a page; everything in the page is data and is escaped.

    Parameters
    ----------
    page : Page

    Returns
    -------
    str
        With Vega inside. A content security policy lets only the page's own scripts run, known
        by their hashes, and forbids every connection.
    """
    scripts = [_vega(), _read("page.js")]
    environment = Environment(
        loader=PackageLoader("ml.report.page", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        page=page,
        theme=THEME,
        policy=_policy(scripts),
        style=Markup(_read("style.css")),
        scripts=[Markup(script) for script in scripts],
    )


def write(page: Page, path: Path) -> Path:
    """Render a page into a file, whole at once: a reader never sees half of it.

    Raises
    ------
    WarehouseAccessError
        The file cannot be written.
    """
    write_atomically(path, render(page))
    return path


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


@cache
def _vega() -> str:
    """Vega, Vega-Lite and vega-embed as one script, out of the package: no download."""
    # A closing tag inside a string of the script would end the element.
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", r"<\/script")


def _policy(scripts: list[str]) -> str:
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
