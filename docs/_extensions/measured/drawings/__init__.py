"""The kinds of drawings: a module for each, with ``draw(values) -> str`` of SVG or HTML.

A module's docstring says which values it draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from measured.stored import StoredError


def kinds() -> list[str]:
    """Return the names of the kinds."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def draw(name: str, stored: Mapping[str, Any]) -> str:
    """Return a stored measurement as SVG or HTML.

    Raises:
        StoredError: There is no such kind of drawing, or a value is missing or of the wrong type.
    """
    kind = stored["drawing"]
    if kind not in kinds():
        known = ", ".join(kinds())
        raise StoredError(f"{name}: there is no drawing {kind!r}. Expected one of: {known}.")
    try:
        drawn: str = import_module(f"{__name__}.{kind}").draw(stored["values"])
    except (LookupError, TypeError, ValueError) as error:
        raise StoredError(
            f"{name}: docs/measured/{name}.json cannot be drawn as {kind!r}: {error!r}. Run "
            f"scripts/docs-data {name}."
        ) from None
    return drawn
