"""Arrays of files are read by their headers only if these agree with the bytes that are there."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from seqloom.data import read_npy


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(4, dtype=">f4").reshape(2, 2),
        np.zeros((0, 3), np.float32),
        np.array(True),
        np.array([["a", "bc"]]),
    ],
)
def test_arrays_are_read_as_numpy_wrote_them(array: np.ndarray[Any, Any]) -> None:
    stream = io.BytesIO()
    np.save(stream, array)
    found = read_npy(stream.getvalue())
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


def npy(header: str, data: bytes = bytes(24), version: bytes = b"\1\0") -> bytes:
    size = len(header).to_bytes(2 if version == b"\1\0" else 4, "little")
    return b"\x93NUMPY" + version + size + header.encode() + data


def header(shape: str, kind: str = "'<f4'", fortran: str = "False") -> str:
    return f"{{'descr': {kind}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"


DAMAGED = r"^its header is damaged, or not one that NumPy writes$"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", DAMAGED),
        (b"\x93NUMPY\1\0\xff\xff{", DAMAGED),
        (npy(header("(2, 3)").replace("}", "")), DAMAGED),  # tokenize.TokenError of NumPy
        (npy("{'descr': cr': cr': cr'"), DAMAGED),
        (npy("(" * 5000), DAMAGED),  # MemoryError or RecursionError of Python's parser
        (npy("\0" * 100), DAMAGED),  # SyntaxError or ValueError
        (npy("[1] + [2]\n"), DAMAGED),
        (npy(header("(2, 3)", "'<f4', 'more': 1")), DAMAGED),
        (npy(header("(2.0, 3)")), DAMAGED),
        (npy(header("(2, " + "9" * 5000 + ")")), DAMAGED),  # too many digits for Python
        (npy(header("(2, 3)", "'<U2000000000'")), DAMAGED),
        (npy(header("(2, 3)", "[('a', '<f4'), ('a', '<f4')]")), DAMAGED),
        (npy(header("(2, 3)", "'\\d'"), version=b"\2\0"), DAMAGED),  # SyntaxWarning
        (npy(header("(2, 3)"), version=b"\3\0"), DAMAGED),
        (npy(header("(2, 3)", "'|O'")), r"^it holds object, not numbers$"),
        (npy(header("(2, 3)", "'|V0'")), r"^it holds \|V0, not numbers$"),
        (npy(header("(5, 999999999999999999993)")), r"^it has 24 bytes of data, but its header st"),
        (npy(header("(-2, -3)")), r"states -2 x -3 of float32$"),
        (npy(header("(2, 4)")), r"^it has 24 bytes of data, but its header states 2 x 4 of float3"),
        (npy(header("(2, 2)")), r"^it has 24 bytes of data, but its header states 2 x 2 of float3"),
        (npy(header("(0, 99999999999999999999)"), b""), r"^its header states 0 x 9+$"),
        (npy(header("(0, 2)")), r"states 0 x 2 of float32$"),
    ],
)
def test_damaged_files_are_one_clause(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_npy(content)
