from __future__ import annotations

import subprocess
import sys

import pytest

import seqloom.nn


def test_every_public_name_is_there() -> None:
    assert all(getattr(seqloom.nn, name) is not None for name in seqloom.nn.__all__)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match=r"'seqloom.nn' has no attribute 'Sack'"):
        _ = seqloom.nn.Sack


def test_options_need_no_torch() -> None:
    code = (
        "import sys; from seqloom.nn import Merge, PoolingMethod;"
        "print(Merge('sum'), 'torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["sum", "False", "False"]
