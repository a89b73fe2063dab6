"""A real browser, the one that is there; every page in it is watched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, ViewportSize, sync_playwright

from pytest_burden.budget.files import write_whole
from pytest_burden.budget.run import Run
from pytest_burden.report.page import html

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
VARIABLE = "BURDEN_BROWSER"
VERSIONS = {"pytest-burden": "0.1.0", "python": "3.11"}

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of `VARIABLE`, or the first one on the path; on CI there has to be one."""
    path = os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        why = f"no browser: neither {VARIABLE} nor one of {', '.join(NAMES)} on the path"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


class Watched:
    """Pages in the browser, and what was wrong with them."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder
        self._pages: list[Page] = []
        self.wrong: list[str] = []

    def open(self, run: Run, *, at: str = "", width: int = 1200, **options: Any) -> Page:
        """Open the page of a run from a file, as somebody opens a CI artifact."""
        file = self._folder / "page.html"
        write_whole(file, html(run, VERSIONS))
        return self.open_file(file, at=at, width=width, **options)

    def open_file(self, file: Path, *, at: str = "", width: int = 1200, **options: Any) -> Page:
        """Open a page that is written already, at an address in it."""
        window = ViewportSize(width=width, height=800)
        context = self._browser.new_context(
            viewport=window,
            **options,
        )
        context.set_default_timeout(10_000)
        page = context.new_page()
        self._pages.append(page)
        page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("dialog", self._dismiss)
        page.on("request", partial(self._see, file.as_uri()))
        page.goto(f"{file.as_uri()}{at}")
        return page

    def close(self) -> None:
        """Close all pages, and see how wide they were."""
        for page in self._pages:
            wide, window = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            if wide > window:
                self.wrong.append(f"{wide} pixels wide in a window of {window}")
            page.context.close()

    def _dismiss(self, dialog: Dialog) -> None:
        self.wrong.append("a dialog")
        dialog.dismiss()

    def _see(self, address: str, request: Request) -> None:
        if request.url.partition("#")[0] != address:
            self.wrong.append(f"request: {request.url}")


@pytest.fixture
def watched(browser: Browser, tmp_path: Path) -> Iterator[Watched]:
    """See afterwards that all was well with the pages that a test opens.

    They ask for nothing but themselves, report no error, open no dialog, and are no wider than
    their window.
    """
    found = Watched(browser, tmp_path)
    yield found
    found.close()
    assert found.wrong == []


@pytest.fixture
def opened(watched: Watched) -> Open:
    """Open the page of a run."""
    return watched.open
