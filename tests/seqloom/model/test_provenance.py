"""What is recorded of a component: plugin, distribution, version, schema, commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqloom.config.compose import compose_run
from seqloom.model.compatibility import install as pip
from seqloom.model.provenance import ComponentMatch, entries, entry, installed, record
from seqloom.plugins import registry
from seqloom.plugins.schema_hash import schema_hash
from seqloom.versions import versions

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


def test_an_entry_tells_where_a_component_is_from(install: Callable[..., Path]) -> None:
    install("faulty", PLUGIN)
    assert entry("encoder", {"name": "window", "size": 4}) == {
        "section": {"name": "window", "size": 4},
        "plugin": "faulty",
        "distribution": "faulty",
        "version": "1.5",
        "schema": schema_hash(registry().find("encoder", "window")),
    }


def test_a_record_holds_all_four_components_in_plain_types() -> None:
    config = compose_run([]).components
    found = record(config)
    assert list(found["components"]) == ["data", "frontend", "encoder", "head"]
    assert found["versions"] == versions()
    assert json.loads(json.dumps(found)) == found
    assert list(entries({"encoder": {"name": "nowhere"}})) == []


def test_what_is_not_installed_has_no_parameters_to_compare() -> None:
    section = {"name": "nowhere", "size": 3}
    known = {"section": section, "plugin": "x", "distribution": "x", "version": "1", "schema": ""}
    match = ComponentMatch("encoder", known, None, None)
    assert match.state == "missing"
    assert (match.renamed, match.removed) == ({}, [])


@pytest.mark.parametrize(
    ("version", "expected"),
    [("0.1.dev3+g12ab", ">=0.1.dev3"), ("1.0\n", ">=1.0"), ("V2.0-rc1", ">=2.0rc1")],
)
def test_what_is_offered_to_the_shell_is_a_version_that_pip_takes(
    version: str, expected: str
) -> None:
    assert pip({"distribution": "x", "version": version}, ">=") == f'pip install "x{expected}"'


@pytest.mark.parametrize("name", ["unknown", 'x"; rm -rf ~; "', "", "-r file"])
def test_nothing_is_offered_to_the_shell_that_is_no_name(name: str) -> None:
    found = pip({"distribution": name, "version": "1.0", "plugin": "window"}, ">=")
    assert found == "install the package that provides the plugin 'window'"
