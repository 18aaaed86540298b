"""The encoders that have a card: the bundled ones, and those of the example plugins."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from seqloom.interfaces import Encoder
from seqloom.plugins import Component

ROOT = Path(__file__).parent.parent.parent.parent
EXAMPLES = ("mingru", "transformer")
_MODULES = ("seqloom_recurrent", *(f"seqloom_{name}" for name in EXAMPLES))


def _components() -> dict[str, Component]:
    """Return the encoders by name; the examples are read where they are, without installing."""
    sys.path += [str(ROOT / "examples/plugins" / f"seqloom-{name}" / "src") for name in EXAMPLES]
    made = [one for name in _MODULES for one in import_module(name).seqloom_components()]
    return {one.name: one for one in made}


ENCODERS = _components()
"""Component by name."""


def package(name: str) -> str:
    """Return the folder of the example plugin that has an encoder; empty for a bundled one."""
    module = ENCODERS[name].target.partition(".")[0].removeprefix("seqloom_")
    return f"seqloom-{module}" if module in EXAMPLES else ""


def build(name: str, input_size: int, **params: Any) -> Encoder:
    """Return an encoder with its default parameters except ``params``."""
    module, _, attribute = ENCODERS[name].target.partition(":")
    make = getattr(import_module(module), attribute)
    made: Encoder = make(input_size, **{**ENCODERS[name].defaults(), **params})
    return made


def count(name: str, input_size: int, **params: Any) -> int:
    """Return the number of an encoder's parameters."""
    return sum(one.numel() for one in build(name, input_size, **params).parameters())


def evaluate(formula: str, **sizes: int) -> int:
    """Return the value of a formula of sums, differences and products of named sizes.

    >>> evaluate("4*H*(D + H + 2)", D=2, H=3)
    84

    Raises:
        ValueError: It has something else in it.
    """
    return _value(ast.parse(formula, mode="eval").body, sizes)


def _value(node: ast.expr, sizes: dict[str, int]) -> int:
    match node:
        case ast.BinOp(left, ast.Add(), right):
            return _value(left, sizes) + _value(right, sizes)
        case ast.BinOp(left, ast.Sub(), right):
            return _value(left, sizes) - _value(right, sizes)
        case ast.BinOp(left, ast.Mult(), right):
            return _value(left, sizes) * _value(right, sizes)
        case ast.Constant(int(value)):
            return value
        case ast.Name(name) if name in sizes:
            return sizes[name]
    raise ValueError(f"{ast.unparse(node)} in a formula of {', '.join(sizes)}.")


def tex(formula: str) -> str:
    """Return a formula in TeX.

    >>> tex("4*H*(D + H + 2)")
    '4 H (D + H + 2)'
    """
    return formula.replace("*", " ")
