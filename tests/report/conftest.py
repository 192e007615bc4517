"""A real browser without a network, for the pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_chromium() -> str | None:
    """The browser on this machine; CROSS_SELL_CHROMIUM names another."""
    given = os.environ.get("CROSS_SELL_CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here: install it (apt-get install chromium) or name one in "
                    "CROSS_SELL_CHROMIUM")  # fmt: skip
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@dataclass
class Visit:
    """An open page, and everything it said or asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)


class Visitor(Protocol):
    """Opens a file from disk, offline, and waits until every chart is drawn."""

    def __call__(self, path: Path, **context: Any) -> AbstractContextManager[Visit]: ...


@pytest.fixture
def visit(browser: Browser) -> Visitor:
    @contextmanager
    def opened(path: Path, **context: Any) -> Iterator[Visit]:
        options = {"viewport": {"width": 1280, "height": 900}, "offline": True, **context}
        with browser.new_context(**options) as shell:
            visited = Visit(shell.new_page())
            visited.page.on("console", lambda said: visited.said.append(said.text))
            visited.page.on("pageerror", lambda error: visited.said.append(str(error)))
            visited.page.on("request", lambda asked: visited.requested.append(asked.url))
            visited.page.goto(path.as_uri())
            visited.evaluate("window.charts")
            yield visited

    return opened
