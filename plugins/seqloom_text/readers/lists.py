"""Lists that were written into a cell, as pandas and NumPy write those of Python."""

from __future__ import annotations

import ast
import json
import re
import warnings

_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_TEXTS = re.compile(rf"[\[({{]{_TEXT}(?:[\s,]+{_TEXT})*,?[\])}}]", re.DOTALL)
_NUMBERS = re.compile(r"[\[({]\s*\d+(?:[\s,]+\d+)*,?\s*[\])}]")
_EMPTY = re.compile(r"\[\s*\]")
_BEGUN = re.compile(rf"""\[{_TEXT}\s*,\s*['"]""", re.DOTALL)
_CUT = re.compile(r"""[\[]['"\d]""")
_LEFT_OUT = re.compile(r"\s\.\.\.\s")


def as_list(raw: str, numbers: bool = True) -> list[str] | None:
    r"""Return the items of a list in a cell; None if the cell is something else.

    Args:
        raw: The cell.
        numbers: Whether a list may also be of whole numbers.

    >>> as_list("['good', \"isn't\"]"), as_list("['a' 'b'\n 'c']"), as_list("[0, 3]")
    (['good', "isn't"], ['a', 'b', 'c'], ['0', '3'])
    >>> as_list("[see 'here']"), as_list("[12]", numbers=False)
    (None, None)

    Raises:
        ValueError: It is a list of which NumPy has left out the middle, or of texts that Python
            cannot read, or its end is missing.
    """
    cell = raw.strip()
    if not cell.startswith(("[", "(", "{")):
        return None
    if _EMPTY.fullmatch(cell):
        return []
    if numbers and _NUMBERS.fullmatch(cell):
        return re.findall(r"\d+", cell)
    if _TEXTS.fullmatch(cell):
        return _texts(cell)
    if _CUT.match(cell) and cell.endswith("]") and _LEFT_OUT.search(cell):
        raise ValueError(f"the list {cell[:40]!r} has '...' where items were left out")
    if _BEGUN.match(cell):
        what = "is not as Python writes it" if cell.endswith("]") else "has no end"
        raise ValueError(f"the list {cell[:40]!r} {what}")
    return None


def _texts(cell: str) -> list[str]:
    try:
        found = json.loads(cell)  # strings only, by the pattern
    except ValueError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            try:
                found = [ast.literal_eval(one) for one in re.findall(_TEXT, cell, re.DOTALL)]
            except (SyntaxError, ValueError):  # an escape that is cut off, a line end
                raise ValueError(f"the list {cell[:40]!r} is not as Python writes it") from None
    return [str(one) for one in found]
