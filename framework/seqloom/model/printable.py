"""Text of a stranger's model, made fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a line without what a terminal would obey: a stranger's model may hold anything.

    >>> print(printable("1.0\n\x1b[2J"))
    1.0\n\x1b[2J
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
