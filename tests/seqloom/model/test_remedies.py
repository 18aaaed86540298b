"""What is offered to be typed into a shell is safe to type, and works."""

from __future__ import annotations

import pytest

from seqloom.model.remedies import install as pip


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
    assert found == "install the package that has the plugin 'window'"
