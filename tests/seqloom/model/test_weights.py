"""The sizes of a model's parts come from the header of its weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from seqloom.errors import BundleError
from seqloom.model.weights import sizes, total


def test_sizes_are_summed_by_part(tmp_path: Path) -> None:
    tensors = {
        "encoder.a": torch.zeros(2, 3),
        "encoder.b.c": torch.zeros(4, dtype=torch.float16),
        "heads.ner.d": torch.zeros((), dtype=torch.int64),
    }
    save_file(tensors, tmp_path / "weights", metadata={"any": "thing"})
    found = sizes(tmp_path / "weights")
    assert found == {
        "encoder": {"numbers": 10, "bytes": 32},
        "heads": {"numbers": 1, "bytes": 8},
    }
    assert total(found) == {"numbers": 11, "bytes": 40}


NESTED = b"[" * 100_000


def _headed(header: object) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 100,
        b"\x10" + b"\x00" * 7 + b"{",
        _headed([1]),
        _headed({"a": 1}),
        _headed({"a": {"shape": [1]}}),
        len(NESTED).to_bytes(8, "little") + NESTED,
        None,
    ],
)
def test_what_is_no_file_of_weights(tmp_path: Path, data: bytes | None) -> None:
    if data is not None:
        (tmp_path / "weights").write_bytes(data)
    with pytest.raises(BundleError, match=r"weights cannot be read: .*; copy the bundle again"):
        sizes(tmp_path / "weights")
