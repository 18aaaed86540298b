"""What plugins are made of, and what is written of it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from seqloom.plugins import Command, Component

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_on_plugins_names_every_argument() -> None:
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    for cls in (Component, Command):
        assert f"`{cls.__name__}({', '.join(one.name for one in fields(cls))})`" in page
