"""The pages of docs/learn: their Python prints what they say, and the playground works."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_page import chromium
from measured.drawings import draw
from measured.drawings.merges import MERGES
from measured.stored import Place
from playwright.sync_api import Browser, expect
from small_site import build

ROOT = Path(__file__).parent.parent
PAGES = ["rnn", "lstm", "two-directions", "merges"]
PRINTS = re.compile(r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
WORDS = ["Apple", "is", "red"]
PLAYGROUND = {
    "drawing": "merges",
    "title": "Two directions",
    "words": WORDS,
    "forward": [[0.5, -0.5], [1.0, 0.0], [-1.0, 0.25]],
    "backward": [[0.25, -0.5], [1.0, 0.5], [1.0, 0.25]],
    "scores": {
        name: {"value": 93.54, "low": 92.7, "high": 94.3, "parameters": 12345} for name in MERGES
    },
}


@pytest.mark.parametrize("page", PAGES)
def test_the_code_prints_what_the_page_says(page: str) -> None:
    text = (ROOT / "docs" / "learn" / f"{page}.md").read_text(encoding="utf-8")
    ((code, said),) = PRINTS.findall(text)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, page, "exec"), {})
    assert printed.getvalue() == said


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_what_it_promises(page: str) -> None:
    text = (ROOT / "docs" / "learn" / f"{page}.md").read_text(encoding="utf-8")
    assert "\nYou get: " in text
    for part in ("```{measured} ", "## Exercise\n", "Answer", "## References\n"):
        assert part in text, part
    (command,) = re.findall(r"^```(?:bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert " run_dir=runs/learn-" in command


def test_scores_are_those_of_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts" / "docs_parts"))
    for name in ("directions", "digits"):
        measured = importlib.import_module(name).measure()
        assert Place(ROOT).read(name)["values"]["rows"] == measured["rows"]
    results = importlib.import_module("_results")
    for merge, score in Place(ROOT).read("merges")["values"]["scores"].items():
        assert score == results.scores("snips: slots", f"bilstm {merge}")


@pytest.fixture(scope="module")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a playground of two units."""
    place = Place(tmp_path_factory.mktemp("playground"))
    place.part("merges").parent.mkdir(parents=True)
    place.part("merges").write_text("")
    place.write("merges", PLAYGROUND)
    page, warnings = build(place.root, "# Merges\n\n```{measured} merges\n```\n")
    assert warnings == ""
    return page


def test_every_merge_is_drawn() -> None:
    values = {key: value for key, value in PLAYGROUND.items() if key != "drawing"}
    html = draw("merges", {"drawing": "merges", "values": values})
    panels = dict(re.findall(r'data-panel="(\w+)"( hidden="hidden")?', html))
    assert panels == {"concat": "", **dict.fromkeys(list(MERGES)[1:], ' hidden="hidden"')}
    says = re.findall(r"<strong>(.*?)</strong>", html)
    assert says == [
        "4 numbers a word, here −1.00 to 1.00.",
        "2 numbers a word, here −1.00 to 2.00.",
        "2 numbers a word, here −0.50 to 1.00.",
        "2 numbers a word, here −1.00 to 1.00.",
    ]
    assert html.count("F1 93.5 (92.7 to 94.3), 12,345 parameters.") == 4


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True])
def test_the_buttons_change_the_map(browser: Browser, playground: Path, dark: bool) -> None:
    scheme = "dark" if dark else "light"
    errors: list[str] = []
    asked: list[str] = []
    with browser.new_context(viewport={"width": 360, "height": 700}, color_scheme=scheme) as one:
        page = one.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda sent: asked.append(sent.url))
        page.goto(playground.as_uri())
        cells = page.locator("[data-panel]:not([hidden]) rect")
        expect(cells).to_have_count(len(WORDS) * 4)
        for name, width in (("sum", 2), ("multiply", 2), ("average", 2), ("concat", 4)):
            page.get_by_role("button", name=name).click()
            expect(cells).to_have_count(len(WORDS) * width)
            panel = page.locator("[data-panel]:not([hidden])")
            expect(panel).to_contain_text(f"Trained with {name}:")
            expect(page.locator("button[aria-pressed=true]")).to_have_text(name)
        colour = cells.first.evaluate("cell => getComputedStyle(cell).fill")
        assert colour == ("rgb(110, 162, 255)" if dark else "rgb(47, 111, 223)")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 360
    assert errors == []
    assert all(url.startswith("file://") for url in asked)


@pytest.mark.browser
def test_without_javascript_concat_is_shown(browser: Browser, playground: Path) -> None:
    with browser.new_context(java_script_enabled=False) as one:
        page = one.new_page()
        page.goto(playground.as_uri())
        expect(page.locator("[data-panel]:visible")).to_contain_text("Trained with concat:")
        expect(page.get_by_role("button", name="sum")).to_be_hidden()
