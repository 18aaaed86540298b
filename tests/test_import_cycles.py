"""No module imports itself by way of others, not even inside a function."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

import grimp


def cycle(imports: Mapping[str, set[str]]) -> list[str]:
    """Return modules that import each other in a circle, the first one again at the end."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_modules_do_not_import_each_other() -> None:
    graph = grimp.build_graph("seqloom", exclude_type_checking_imports=True, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    assert len(imports) > 200
    assert "seqloom.train.run" in imports["seqloom.train.ranks.rank"]  # which is in a function
    assert cycle(imports) == []


def test_a_circle_is_found() -> None:
    assert {*cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}})} == {"b", "c"}
