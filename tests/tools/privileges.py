"""Let the rules for files hold for root too, so that a test can meet a file it may not read."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VERSION = 0x20080522
"""Of the structure of capabilities: three sets of 64 bits, in two halves."""


@contextmanager
def dropped() -> Iterator[None]:
    """Do without the capabilities of root in the block, in this thread and its children."""
    if os.geteuid() != 0:
        yield
        return
    if not sys.platform.startswith("linux"):
        pytest.skip("root, who may read and write everything here")
    head, found = (ctypes.c_uint32 * 2)(VERSION, 0), (ctypes.c_uint32 * 6)()
    _call("capget", head, found)
    none = (ctypes.c_uint32 * 6)(*found)
    none[0] = none[3] = 0  # what is effective; what is permitted stays
    _call("capset", head, none)
    try:
        yield
    finally:
        _call("capset", head, found)


def _call(name: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)
