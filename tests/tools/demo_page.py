"""The demo in tests: a model served in this process, and Chromium to look at the page."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from seqloom.cli.demo import listen, url
from seqloom.demo.serve import server
from seqloom.demo.served import ServedModel

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic"]
NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def serving(served: ServedModel) -> Iterator[str]:
    """Serve a model on a free port of this machine; gives the address."""
    with listen("127.0.0.1", 0) as sock:
        web = server(served, "127.0.0.1")
        thread = threading.Thread(target=web.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        try:
            yield url(sock)  # requests wait in the socket until the server is up
        finally:
            web.should_exit = True
            thread.join()


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Start Chromium; without one the test is skipped, or fails where it must be there."""
    from playwright.sync_api import Error, expect, sync_playwright

    expect.set_options(timeout=60_000)  # on a machine with a busy neighbor

    program = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
        except Error as error:
            text = f"no Chromium to drive (scripts/setup-browser installs one): {error.message}"
            if os.environ.get("CI") or os.environ.get("SEQLOOM_REQUIRE_BROWSER"):
                pytest.fail(text)
            pytest.skip(text)
        with found:
            yield found


@contextmanager
def strict_page(browser: Browser) -> Iterator[Page]:
    """Open a page that fails on a JavaScript error, or if it loads anything from elsewhere."""
    errors: list[str] = []
    with browser.new_context(viewport={"width": 900, "height": 760}, has_touch=True) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda one: errors.append(one.text) if one.type == "error" else None)
        page.on(
            "request",
            lambda one: None if "//127.0.0.1:" in one.url else errors.append(one.url),
        )
        yield page
    assert [one for one in errors if "Failed to load resource" not in one] == []
