"""Arrays in NumPy's format .npy, from files that may be damaged or hostile."""

from __future__ import annotations

import io
import math
import tokenize
import warnings
from typing import Any

import numpy as np
from numpy.lib import format as npy

DAMAGED = (
    EOFError,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
    tokenize.TokenError,
)
"""What NumPy raises for headers that are damaged: it parses them as Python."""

READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npy(content: bytes) -> np.ndarray[Any, Any]:
    """Return the array in the content of a .npy file; it cannot be written to.

    Nothing is allocated by what the header states, and no objects are unpickled.

    Args:
        content: Content of the file.

    Raises:
        ValueError: The content is damaged or cut off, or holds objects; the text
            is a clause about "it".
    """
    stream = io.BytesIO(content)
    shape, fortran, kind = _header(stream)
    if kind.hasobject or not kind.itemsize:
        raise ValueError(f"it holds {kind}, not numbers")
    count, start = math.prod(shape), stream.tell()
    if min(shape, default=0) < 0 or count * kind.itemsize != len(content) - start:
        raise ValueError(
            f"it has {len(content) - start} bytes of data, but its header states {_shown(shape)} "
            f"of {kind}"
        )
    if count:
        flat = np.frombuffer(content, kind, count, start)
        return flat.reshape(shape, order="F" if fortran else "C")
    try:
        return np.empty(shape, kind)
    except (OverflowError, ValueError):  # no values, but sizes beyond any number
        raise ValueError(f"its header states {_shown(shape)}") from None


def _header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether the first index changes fastest, and the type.

    Raises:
        ValueError: The header is damaged.
    """
    try:
        read = READERS[npy.read_magic(stream)]
        with warnings.catch_warnings(action="ignore"):  # of headers that Python 2 wrote
            return read(stream)
    except DAMAGED:  # the messages quote the header or give advice on unpickling
        raise ValueError("its header is damaged, or not one that NumPy writes") from None


def _shown(shape: tuple[int, ...]) -> str:
    text = " x ".join(map(str, shape)) or "one value"
    return text if len(text) <= 80 else f"{text[:80]}…"
