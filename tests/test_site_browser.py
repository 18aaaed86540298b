"""The site in Chromium: wide, on a tablet and on a phone, light and dark, from files alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote_plus

import pytest
from demo_page import chromium
from playwright.sync_api import Browser, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {"wide": 1280, "tablet": 820, "phone": 390}
PAGES = {
    "index": ["Is a BiLSTM worth it", "Which Apple?", "bilstm", "Compare encoders on my CSV"],
    "start/index": ["Start"],
    "start/install": ["Install", "CPU or GPU", "Extras"],
    "start/getting-started": ["Getting started in 15 minutes"],
    "learn/index": ["Learn"],
    "learn/merges": ["Merges"],
    "concepts": ["Concepts", "What lands where"],
    "encoders/index": ["Encoders", "Speed"],
    "encoders/bilstm": ["BiLSTM", "Equation", "Choose it when"],
    "tasks/index": ["Tasks", "Text classification", "Pen strokes"],
    "tasks/text-classification": ["Text classification", "Common mistakes"],
    "howto/index": ["How-to"],
    "reference/index": ["Reference"],
    "reference/keys/encoder": ["Encoders"],
    "reference/interfaces": ["Interfaces"],
    "plugins/index": ["Plugins"],
    "about/index": ["About"],
    "compare": ["Comparing models"],
    "results": ["Results"],
}
"""Pages of each kind, with texts that must be in sight at every width."""

LONG = {
    "howto/sweep-cookbook": ["Sweep cookbook", "Which merge?"],
    "howto/ner-in-production": ["Named entities in production", "Size and latency"],
    "reference/formats": ["Formats"],
    "reference/commands": ["Commands"],
    "troubleshooting": ["Troubleshooting"],
    "about/glossary": ["Glossary"],
}
"""Pages of long lines, tables or names, which are looked at where there is the least room."""

SECTIONS = ["Start", "Learn", "Tasks", "How-to", "Reference", "Plugins", "About"]

PALE = """
() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] > 0.9) return found;
    }
    return [255, 255, 255];
  };
  const pale = [];
  for (const one of document.querySelectorAll("article :is(h1, p, td, a, pre)")) {
    if (!one.textContent.trim() || !one.checkVisibility()) continue;
    const color = getComputedStyle(one).color;
    if (!color.startsWith("rgb")) continue;
    const [a, b] = [light(numbers(color)), light(behind(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 3) pale.push(one.textContent.trim().slice(0, 40) + " " + color);
  }
  return pale;
}
"""
"""Texts with a contrast of less than 3 to what is behind them."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@contextmanager
def opened(browser: Browser, file: Path, *, script: bool = True) -> Iterator[Page]:
    """Open a page that fails on an error of a script, and if it asks for anything but files."""
    problems: list[str] = []
    with browser.new_context(java_script_enabled=script) as context:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda one: problems.append(one.text) if one.type == "error" else None)
        page.on(
            "request",
            lambda one: (
                None if one.url.startswith(("file:", "data:")) else problems.append(one.url)
            ),
        )
        page.on("requestfailed", lambda one: problems.append(f"not there: {one.url}"))
        page.goto(file.as_uri())
        yield page
    assert problems == []


@pytest.mark.parametrize("name", [*PAGES, *LONG])
def test_a_page_is_in_sight_at_every_width(site: Path, browser: Browser, name: str) -> None:
    with opened(browser, site / f"{name}.html") as page:
        for width in WIDTHS.values() if name in PAGES else [WIDTHS["phone"]]:
            page.set_viewport_size({"width": width, "height": 800})
            sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(sideways) <= 0, f"{name} is wider than {width} pixels"
            for text in {**PAGES, **LONG}[name]:
                found = page.locator("article").get_by_text(text).first
                expect(found).to_be_visible()
                box = found.bounding_box()
                assert box is not None
                assert 0 <= box["x"] <= box["x"] + box["width"] <= width, text
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate(PALE) == [], scheme
            behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (behind == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_sections_are_a_menu_on_a_phone_and_a_sidebar_elsewhere(
    site: Path, browser: Browser
) -> None:
    with opened(browser, site / "compare.html") as page:
        page.set_viewport_size({"width": WIDTHS["wide"], "height": 800})
        top = page.locator(".sidebar-tree > ul > li > a")
        expect(top).to_have_text(SECTIONS)
        expect(top.first).to_be_in_viewport()
        page.set_viewport_size({"width": WIDTHS["phone"], "height": 800})
        expect(top.first).not_to_be_in_viewport()
        page.locator(".mobile-header .nav-overlay-icon").click()
        expect(top.first).to_be_in_viewport()


def test_the_slider_reads_word_by_word(site: Path, browser: Browser) -> None:
    with opened(browser, site / "index.html") as page:
        bilstm = page.locator(".apple-panel:visible .apple-row[data-model=BiLSTM]")
        lstm = page.locator(".apple-panel:visible .apple-row[data-model=LSTM]")
        expect(page.locator(".apple-panel:visible")).to_have_count(1)
        slider = page.get_by_role("slider")
        slider.fill("4")
        expect(page.locator(".apple output")).to_have_text("4 of 9 words read")
        expect(page.locator(".apple-panel:visible .unread")).to_have_count(5)
        before, guess = bilstm.inner_text(), lstm.inner_text()
        slider.press("ArrowRight")
        expect(bilstm).not_to_have_text(before)
        expect(bilstm.locator(".apple-company")).to_have_text("company 99.6%")
        expect(lstm).to_have_text(guess.replace("\n", ""))
        page.get_by_role("button", name="like to eat").click()
        expect(page.locator(".apple-panel:visible .apple-words")).to_contain_text("eat")
        slider.fill("9")
        expect(bilstm.locator(".apple-fruit")).to_have_text("fruit 99.5%")


def test_without_scripts_the_figure_shows_both_sentences(site: Path, browser: Browser) -> None:
    with opened(browser, site / "index.html", script=False) as page:
        expect(page.locator(".apple-panel svg")).to_have_count(2)
        expect(page.locator(".apple-panel").first).to_be_visible()
        expect(page.locator(".apple-panel").last).to_be_visible()
        expect(page.locator(".apple-controls")).to_be_hidden()


def test_commands_are_copied_without_their_prompt(site: Path, browser: Browser) -> None:
    with opened(browser, site / "start" / "install.html") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.locator(".highlight-console:visible").first.hover()
        page.locator(".highlight-console:visible button.copybtn").first.click()
        copied = page.locator(".highlight-console:visible button.copybtn.success")
        expect(copied.first).to_be_visible()


FOUND = {
    "install": "start/install.html",
    "class weights": "reference/keys/head.html",
    "hidden_size": "reference/keys/encoder.html",
    "GPU": "reference/keys/trainer.html",
    "confidence": "runs.html",
    "merge": "learn/merges.html",
    "gate": "learn/lstm.html",
    "early stopping": "reference/keys/callbacks.html",
    "multi-label": "tasks/text-classification.html",
    "resume": "runs.html",
    "Slurm": "cluster.html",
    "spaCy": "howto/coming-from.html",
}
"""What people search for, with a page that must be among the first five found."""


def test_the_search_finds_the_page_first(site: Path, browser: Browser) -> None:
    with browser.new_context() as context:  # not `opened`: no script reads other files' excerpts
        page = context.new_page()
        for words, wanted in FOUND.items():
            page.goto(f"{(site / 'search.html').as_uri()}?q={quote_plus(words)}")
            found = page.locator("#search-results ul.search > li > a")
            said = page.locator("#search-results > p.search-summary")
            expect(said).to_contain_text("finished", timeout=60_000)
            first = [one.get_attribute("href") or "" for one in found.all()[:5]]
            assert wanted in [one.partition("#")[0] for one in first], (words, first)
