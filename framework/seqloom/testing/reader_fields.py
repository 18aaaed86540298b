"""What every data reader promises of the fields of its examples."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

from seqloom.interfaces import Example
from seqloom.testing.compare import require
from seqloom.testing.reader_case import ReaderCase


def check_fields(case: ReaderCase) -> None:
    """Every example has each field that the component gives, in the form of its kind."""
    for split, examples in case.whole().items():
        for example in examples:
            for name, kind in case.gives.items():
                what = f"{example.id!r} of {split}"
                there = ", ".join(example.fields) or "none"
                require(name in example.fields, f"{what} has no field {name!r}, only {there}")
                _require_form(example.fields[name], kind, f"{what}: the field {name!r}")
            _require_aligned(case, example)


def _require_form(value: Any, kind: str, what: str) -> None:
    fits, form = FORMS.get(kind, (_there, "a value"))
    shown = repr(value)[:80]
    require(fits(value), f"{what} is {shown} ({type(value).__name__}); a {kind} is {form}")


def _require_aligned(case: ReaderCase, example: Example) -> None:
    """Require as many tags as there are tokens, where it is clear of which."""
    tokens = [name for name, kind in case.gives.items() if kind == "tokens"]
    if len(tokens) != 1:
        return
    count = len(example.fields[tokens[0]])
    for name, kind in case.gives.items():
        found = len(example.fields[name]) if kind == "tags" else count
        require(
            found == count,
            f"{example.id!r} has {found} tags in {name!r} for {count} tokens in {tokens[0]!r}",
        )


def _there(value: Any) -> bool:
    return value is not None


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _label(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _labels(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_label, value))


def _tokens(value: Any) -> bool:
    return _labels(value) and len(value) > 0


def _strokes(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_stroke, value))


def _stroke(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(map(_point, value))


def _point(value: Any) -> bool:
    return len(value) == 2 and all(isinstance(one, Real) for one in value)


FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "text": (_text, "a text"),
    "label": (_label, "a text that is not empty"),
    "labels": (_labels, "a list of texts"),
    "tokens": (_tokens, "a list of one or more texts"),
    "tags": (_tokens, "a list of texts, one for each token"),
    "strokes": (_strokes, "a list of strokes, each a list of points (x, y)"),
}
