"""A bundle whose description claims other sizes and types than its weights have."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seqloom.errors import BundleError
from seqloom.model.bundle import load
from seqloom.model.size_limit import SizeLimit, TooLargeError, _bytes


def edit(folder: Path, kind: str, key: str, value: Any) -> None:
    path = folder / "bundle.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    components = found["components"]
    entry = components["heads"]["ner"] if kind == "head" else components[kind]
    entry["section"][key] = value
    del found["sha256"]
    path.write_text(json.dumps(found), encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("encoder", "num_layers", 10**8),
        ("encoder", "num_layers", 10**30),
        ("encoder", "hidden_size", 10**9),
        ("encoder", "hidden_size", 30_000),
        ("frontend", "size", 10**9),
        ("frontend", "size", 2**62),
        ("frontend", "character_filters", 10**8),
        ("frontend", "character_size", 10**7),
        ("frontend", "character_width", 10**9 + 1),
    ],
)
def test_sizes_that_the_weights_do_not_have(folder: Path, kind: str, key: str, value: int) -> None:
    edit(folder, kind, key, value)
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BundleError, match=r"does not match its weights|is damaged"):
        load(folder)
    assert time.monotonic() - start < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("encoder", "hidden_size", -1),
        ("encoder", "hidden_size", 1.5),
        ("encoder", "hidden_size", "x\x1b[2J"),
        ("encoder", "num_layers", None),
        ("encoder", "dropout", "${oc.env:HOME}"),
        ("encoder", "dropout", {"a": [1]}),
        ("frontend", "tokenizer", "os.system"),
        ("frontend", "word_dropout", float("nan")),
        ("frontend", "field", [1]),
        ("head", "dropout", -3),
    ],
)
def test_values_of_another_type_are_one_sentence(
    folder: Path, kind: str, key: str, value: Any
) -> None:
    edit(folder, kind, key, value)
    with pytest.raises(BundleError) as caught:
        load(folder)
    assert str(caught.value).isprintable()
    assert any(said in str(caught.value) for said in ("bundle again", "copy it again", "tampered"))


def limit(tmp_path: Path, **tensors: torch.Tensor) -> SizeLimit:
    save_file(tensors, tmp_path / "weights")
    return SizeLimit.of(tmp_path / "weights")


def test_what_the_file_has_can_be_built_with_shared_weights(tmp_path: Path) -> None:
    found = limit(tmp_path, weight=torch.zeros(3, 3))
    assert (found.tensors, found.numbers) == (1, 9)
    with found():
        one, other = nn.Linear(3, 3), nn.Module()
        other.weight = one.weight
    said = "more weights than the 1 tensors with 9 numbers"
    with pytest.raises(TooLargeError, match=said), found():
        nn.LSTM(3, 3)


def test_modules_and_single_tensors_are_limited_before_memory_is_taken(tmp_path: Path) -> None:
    found = limit(tmp_path, weight=torch.zeros(3))
    for create in (torch.zeros, torch.empty, torch.arange, torch.rand, torch.randperm):
        with pytest.raises(TooLargeError, match="it describes a tensor of"), found():
            create(10**11)
    with pytest.raises(TooLargeError, match="more than 1,050 modules for 1 tensors"), found():
        nn.Sequential(*(nn.Identity() for _ in range(2000)))
    torch.zeros(5 * 2**20)  # not limited any more


def test_only_large_parameters_get_no_random_values(tmp_path: Path) -> None:
    found = limit(tmp_path, weight=torch.zeros(300, 300), bias=torch.zeros(300))
    with found():
        weight, small = nn.Linear(300, 300).weight, nn.Linear(3, 3).weight
        buffer = torch.empty(300, 300).normal_()  # it may not be in the file
    assert not weight.any()
    assert small.all()
    assert buffer.any()


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}},
        [],
    ],
)
def test_a_header_that_lies(tmp_path: Path, header: Any) -> None:
    text = json.dumps(header).encode()
    path = tmp_path / "weights"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 4)
    with pytest.raises(BundleError, match="weights cannot be read"):
        SizeLimit.of(path)


def test_what_makes_no_tensor_of_its_own_needs_no_bytes() -> None:
    aten: Any = torch.ops.aten
    assert _bytes(aten.relu.default, (torch.zeros(3),), {}) == 0
    assert _bytes(aten.zeros.default, ([1000, 3],), {}) == 12_000
    assert _bytes(aten.zeros.default, (["x"],), {}) == 0
