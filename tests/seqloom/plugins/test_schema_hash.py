"""The hash of a schema tells whether parameters are the same, not how they are written down."""

from __future__ import annotations

from dataclasses import field, make_dataclass
from enum import StrEnum
from typing import Any, Optional

from seqloom.plugins import REQUIRED, Component
from seqloom.plugins.schema_hash import schema_hash


def test_the_hash_is_that_of_the_parameters_and_not_of_how_they_are_written() -> None:
    class Side(StrEnum):
        left = "left"

    class More(StrEnum):
        left = "left"
        right = "right"

    def hashed(*parameters: Any, **namespace: Any) -> str:
        schema = make_dataclass("Schema", parameters, namespace={"__module__": __name__})
        return schema_hash(Component("encoder", "x", schema, "a:B"))

    inner = make_dataclass("Inner", [("a", int, 1)])
    other = make_dataclass("Inner", [("a", int, 2)])
    assert hashed(("a", int | None, None)) == hashed(("a", Optional[int], None))  # noqa: UP045
    assert hashed(("a", "int | None", None)) == hashed(("a", int | None, None))
    assert hashed(("a", int)) == hashed(("a", int, REQUIRED))
    assert hashed(("a", int, 1), ("b", str, "")) == hashed(("b", str, ""), ("a", int, 1))
    assert hashed(("a", Side, Side.left)) != hashed(("a", More, More.left))
    assert hashed(("a", inner, field(default_factory=inner))) != hashed(
        ("a", other, field(default_factory=other))
    )
    assert hashed(("a", list[int], REQUIRED)) != hashed(("a", list[str], REQUIRED))
