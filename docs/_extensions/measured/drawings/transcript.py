"""A session of a terminal: each block with what it printed.

Values: ``steps``, a list of ``block`` and ``output``. Pages show them one by one, by ``{output}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from measured.svg import element


def draw(values: Mapping[str, Any]) -> str:
    """Return the session as preformatted text."""
    steps = (f"$ {step['block']}\n{step['output']}" for step in values["steps"])
    return element("pre", escape("\n".join(steps)))
