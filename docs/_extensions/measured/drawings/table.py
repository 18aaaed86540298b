"""A table.

Values: ``columns``, the heads; ``rows``, lists of texts and numbers; ``best`` may be the number of
the row to set in bold, from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from measured.svg import element


def draw(values: Mapping[str, Any]) -> str:
    """Return an HTML table; numbers are set right."""
    columns = values["columns"]
    head = "".join(element("th", escape(str(column))) for column in columns)
    body = []
    for index, row in enumerate(values["rows"]):
        if len(row) != len(columns):
            raise ValueError(f"row {index} has {len(row)} cells, not {len(columns)}")
        kind = "best" if index == values.get("best") else ""
        body.append(element("tr", *map(_cell, row), class_=kind))
    table = element("table", element("thead", element("tr", head)), element("tbody", *body))
    return element("div", table, class_="table-wrapper")


def _cell(value: Any) -> str:
    if isinstance(value, (int, float)):
        return element("td", f"{value:,}", class_="number")
    return element("td", escape(str(value)))
