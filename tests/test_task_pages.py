"""The pages of tasks are complete, and their pictures are those of the README."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pictures
import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in (DOCS / "tasks").glob("*.md") if path.name != "index.md")
SECTIONS = (
    "Data",
    "Train",
    "Scores",
    "What a prediction contains",
    "The keys that matter",
    "Common mistakes",
)
FOUND = pictures.cards(ElementTree.parse(DOCS / "tasks.svg").getroot())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_has_all_sections_and_its_picture(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS
    (picture,) = re.findall(r"^```\{task-picture\} (.*)$", text, re.MULTILINE)
    assert picture in FOUND


def test_every_picture_is_on_the_gallery_once() -> None:
    text = (DOCS / "tasks" / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^```\{task-picture\} (.*)$", text, re.MULTILINE)) == sorted(FOUND)
    assert len(FOUND) == len(PAGES) == 8


def test_cards_are_the_elements_up_to_the_next_card() -> None:
    root = ElementTree.fromstring(
        '<svg><rect class="ground"/><rect class="card"/><text class="h">One</text><path/>'
        '<rect class="card"/><text class="h">Two</text></svg>'
    )
    assert {name: len(part) for name, part in pictures.cards(root).items()} == {"One": 3, "Two": 2}


def test_a_style_is_limited_to_pictures_and_follows_the_switch_of_the_page() -> None:
    style = pictures.limited(
        "svg { --ink: #000; } @media (prefers-color-scheme: dark) { svg { --ink: #fff; } }"
        ".h, .t { fill: var(--ink); }"
    )
    assert ".task-picture .h, .task-picture .t { fill: var(--ink); }" in style
    assert "body[data-theme=dark] .task-picture { --ink: #fff; }" in style
    assert "body:not([data-theme=light]) .task-picture { --ink: #fff; }" in style
    assert not re.search(r"(^|\})\s*\.[ht]\b", style)
