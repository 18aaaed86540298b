"""What pip noted of a distribution tells what its version does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqloom.model.installed import installed
from seqloom.model.provenance import entry

COMMIT = "0f3a" * 10
PLUGIN = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Window:
    size: int = 4

@hookimpl
def seqloom_components():
    return [Component("encoder", "window", Window, "nowhere:Window")]
"""


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        ({"url": "file:///home/me/x", "dir_info": {"editable": True}}, {"editable": True}),
        ({"url": "file:///home/me/x", "dir_info": {}}, {}),
        ({"url": "https://x", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, {"commit": COMMIT}),
        (
            {"dir_info": {"editable": True}, "vcs_info": {"commit_id": COMMIT}},
            {"editable": True, "commit": COMMIT},
        ),
        ({"vcs_info": {"commit_id": 3}}, {}),
        ({"vcs_info": 3}, {}),
        ([], {}),
    ],
)
def test_an_entry_tells_how_its_distribution_was_installed(
    install: Callable[..., Path], noted: Any, expected: dict[str, Any]
) -> None:
    site = install("faulty", PLUGIN)
    assert installed("faulty") == {}
    (site / "faulty-1.5.dist-info" / "direct_url.json").write_text(json.dumps(noted), "utf-8")
    found = entry("encoder", {"name": "window"})
    assert {key: found[key] for key in ("editable", "commit") if key in found} == expected


def test_what_is_not_installed_or_not_readable_tells_nothing(
    install: Callable[..., Path],
) -> None:
    assert installed("a-distribution-that-is-not-there") == installed("unknown") == {}
    site = install("faulty", PLUGIN)
    (site / "faulty-1.5.dist-info" / "direct_url.json").write_text("{", encoding="utf-8")
    assert installed("faulty") == {}
