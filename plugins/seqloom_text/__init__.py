"""Text for seqloom: readers of data sets, the data set ``apples``, tokenizers and frontends."""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.plugins import Component, hookimpl
from seqloom_text.schemas_data import DATA
from seqloom_text.schemas_frontend import FRONTENDS


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the data sets and frontends of this plugin."""
    return (*DATA, *FRONTENDS)
