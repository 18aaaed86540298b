"""Values as words of Hydra's command line."""

from __future__ import annotations


def quoted(value: object) -> str:
    """Return a value, a path say, in quotes, so that Hydra takes it as it is.

    >>> print(quoted("here, or there"))
    'here, or there'
    """
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
