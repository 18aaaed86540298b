"""Rows become batches: padded on every axis, with lengths on the CPU."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.collate import Collate, EncodedExample, pad
from seqloom.interfaces import Arrays, Example, Origin


def _row(number: int, length: int) -> EncodedExample:
    inputs: Arrays = {
        "words": np.arange(1, length + 1),
        "pixels": np.full((length, number + 1, 2), 0.5, dtype=np.float32),
    }
    targets: Arrays = {
        "tags": np.ones(length, dtype=np.int64),
        "weight": np.array(number * 1.0),
    }
    example = Example(f"row-{number}", {}, Origin("file.txt", number))
    return EncodedExample(example, inputs, {"ner": targets})


@given(
    st.integers(1, 3).flatmap(
        lambda rank: st.lists(
            st.lists(st.integers(0, 4), min_size=rank, max_size=rank), min_size=1, max_size=5
        )
    ),
    st.sampled_from([0.0, -1.0, 7.0]),
)
def test_arrays_of_any_rank_stand_at_the_front_and_padding_fills_the_rest(
    shapes: list[list[int]], value: float
) -> None:
    arrays = [np.random.default_rng(0).random(shape) + 10 for shape in shapes]
    padded = pad(arrays, value).numpy()
    assert padded.shape == (len(arrays), *np.max(shapes, axis=0))
    for found, array in zip(padded, arrays, strict=True):
        front = tuple(map(slice, array.shape))
        assert np.array_equal(found[front], array)
        rest = np.ones(found.shape, bool)
        rest[front] = False
        assert (found[rest] == value).all()


def test_single_values_are_stacked_and_have_no_lengths() -> None:
    batch = Collate()([_row(number, 2) for number in range(3)])
    targets = batch.targets["ner"]
    assert targets["weight"].tolist() == [0.0, 1.0, 2.0]
    assert targets["weight"].shape == (3,)
    assert "weight" not in targets.lengths


def test_types_are_kept_and_padding_is_the_codecs() -> None:
    collate = Collate({"words": -1, "pixels": np.nan}, {"other": {"tags": 5}})
    batch = collate([_row(0, 1), _row(1, 3)], weight=0.5)
    assert batch.inputs["words"].tolist() == [[1, -1, -1], [1, 2, 3]]
    assert batch.inputs["words"].dtype == torch.int64
    assert batch.inputs["pixels"].dtype == torch.float32
    assert batch.inputs["pixels"].isnan().sum() == 2 * 3 * 2 - 2
    assert batch.targets["ner"]["tags"].tolist() == [[1, 0, 0], [1, 1, 1]]
    collate = Collate(targets={"ner": {"tags": 5}})
    found = collate([_row(0, 1), _row(1, 3)])
    assert found.targets["ner"]["tags"].tolist() == [[1, 5, 5], [1, 1, 1]]
    assert batch.weight == 0.5


def test_ids_origins_and_lengths_follow_the_order() -> None:
    batch = Collate()([_row(2, 3), _row(0, 1)])
    assert batch.ids == ["row-2", "row-0"]
    assert [str(origin) for origin in batch.origins] == ["file.txt:2", "file.txt:0"]
    assert len(batch) == 2
    assert set(batch.inputs.lengths) == {"words", "pixels"}
    assert set(batch.targets["ner"].lengths) == {"tags"}
    for lengths in [*batch.inputs.lengths.values(), batch.targets["ner"].lengths["tags"]]:
        assert lengths.tolist() == [3, 1]
        assert (lengths.dtype, lengths.device.type) == (torch.int64, "cpu")


def test_a_head_sees_its_own_targets_alone() -> None:
    batch = Collate()([_row(0, 2)])
    assert set(batch.inputs.tensors) == {"words", "pixels"}
    assert set(batch.targets) == {"ner"}
    targets = batch.targets["ner"]
    assert set(targets.tensors) == {"tags", "weight"}
    assert "tags" in targets
    assert "words" not in targets
    assert targets.ids == batch.ids
    assert len(targets) == len(batch.inputs) == len(batch) == 1


def test_a_target_may_have_the_name_of_an_input() -> None:
    row = EncodedExample(
        Example("a", {}), {"tags": np.zeros(1)}, {"ner": {"tags": np.ones(1)}, "other": {}}
    )
    batch = Collate({"tags": 3}, {"ner": {"tags": 4}})([row])
    assert batch.inputs["tags"].item() == 0
    assert batch.targets["ner"]["tags"].item() == 1
    assert batch.targets["other"].tensors == {}


def test_the_batch_moves_and_its_lengths_stay() -> None:
    batch = Collate()([_row(0, 2)])
    moved = batch.to("meta")
    for part in (moved.inputs, moved.targets["ner"]):
        assert {tensor.device.type for tensor in part.tensors.values()} == {"meta"}
        assert {tensor.device.type for tensor in part.lengths.values()} == {"cpu"}
    assert batch.inputs["words"].device.type == "cpu"
    assert moved.ids == batch.ids


@pytest.mark.gpu
def test_the_batch_is_pinned() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU, and pinned memory is a GPU's")
    batch = Collate()([_row(0, 2)]).pin_memory()
    for part in (batch.inputs, batch.targets["ner"]):
        assert all(tensor.is_pinned() for tensor in part.tensors.values())


def test_a_batch_survives_a_workers_queue() -> None:
    batch = Collate()([_row(0, 2), _row(1, 1)], weight=0.25)
    again = pickle.loads(pickle.dumps(batch))
    assert (again.ids, again.weight) == (batch.ids, 0.25)
    assert torch.equal(again.inputs["words"], batch.inputs["words"])
