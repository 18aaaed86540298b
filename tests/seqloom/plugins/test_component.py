"""What plugins are made of, and what is written of it."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from seqloom.plugins import Command, Component

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_on_plugins_names_every_argument() -> None:
    page = (DOCS / "plugins.md").read_text(encoding="utf-8")
    for cls in (Component, Command):
        names = list(inspect.signature(cls).parameters)
        if cls is Component:
            names.insert(names.index("takes"), "*")
        assert f"`{cls.__name__}({', '.join(names)})`" in page


def test_what_a_component_needs_not_have_is_named() -> None:
    with pytest.raises(TypeError, match="positional argument"):
        Component("encoder", "x", object, "a:B", {})  # type: ignore[misc]
