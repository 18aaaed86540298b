from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from seqloom.data.collate import Collate, EncodedExample
from seqloom.errors import ConfigError, ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.readers.series import ArrayFile
from seqloom_handwriting.vectors import VectorCodec, VectorFrontend


def example(values: Any, field: str = "features") -> Example:
    return Example("e", {field: values}, Origin("series.tsv", 4))


def fitted(values: list[np.ndarray], **params: Any) -> VectorCodec:
    codec = VectorCodec(**params)
    codec.restore(codec.fit([example(value) for value in values]))
    return codec


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1.0, 1e4]))
def test_columns_are_scaled_as_by_scikit_learn(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    series = [rng.normal(shift, rng.uniform(0.5, 3), (rng.integers(1, 9), 4)) for _ in range(4)]
    for values in series:
        values[:, 2] = 0.1  # a constant column
    codec, scaler = fitted(series), StandardScaler().fit(np.concatenate(series))
    new = rng.normal(shift, 2, (5, 4))
    wanted = scaler.transform(new)
    np.testing.assert_allclose(codec.encode(example(new))["features"], wanted, rtol=1e-4, atol=1e-4)


def test_unscaled_vectors_are_as_they_are() -> None:
    values = np.arange(12.0).reshape(4, 3)
    item = fitted([values], scaling="none").encode(example(values))
    assert item["features"].dtype == np.float32
    assert np.array_equal(item["features"], values)


def test_files_and_whole_numbers_are_read(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.int16).reshape(4, 3)
    np.save(tmp_path / "one.npy", values)
    file = ArrayFile(str(tmp_path / "one.npy"))
    codec = fitted([values])
    found = codec.encode(example(file))["features"]
    assert np.array_equal(found, codec.encode(example(values))["features"])
    assert codec.cost({"features": found}) == codec.frames({"features": found}) == 4


def test_bare_vectors_become_the_field() -> None:
    values, codec = np.zeros((2, 3)), VectorCodec(field="mfcc")
    fields = codec.fields(values)
    assert fields is not None
    assert fields["mfcc"] is values
    assert codec.fields([1.0]) is None


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (np.zeros((2, 4)), "have 4 values each; those of the first training example have 3."),
        (np.zeros(3), "holds float64 of shape (3,); expected numbers of shape (T, D), with one"),
        (np.zeros((0, 3)), "holds float64 of shape (0, 3); expected numbers of shape (T, D)"),
        (np.full((2, 3), "a"), "holds <U1 of shape (2, 3); expected numbers of shape (T, D)"),
        (np.array([[1, 2, 3], [4, math.nan, 6]]), "has nan at step 1, column 1 (from 0); every"),
        (np.array([[1, 2, -math.inf]]), "has -inf at step 0, column 2 (from 0); every"),
        (np.array([[1e300, 2, 3]]), "has 1e+300 at step 0, column 0 (from 0); every value must"),
        ([[1, 2], [3]], "cannot be read: "),
        (ArrayFile("/no/where.npy"), "cannot be read: "),
    ],
)
def test_what_is_wrong_is_said(values: Any, complaint: str) -> None:
    sound = np.zeros((2, 3))
    with pytest.raises(ExampleError) as caught:
        fitted([sound]).encode(example(values))
    assert str(caught.value).startswith("series.tsv:4: ")
    assert complaint in str(caught.value)
    with pytest.raises(ExampleError):
        fitted([sound, values])


@pytest.mark.parametrize(("column", "value"), [(0, 1e38), (0, -3e30), (1, 5.0)])
def test_values_that_no_model_can_compute_with(column: int, value: float) -> None:
    codec = fitted([np.array([[1.0, 5.0], [3.0, 5.0 + 1e-14]])])
    far = np.array([[2.0, 5.0], [2.0, 5.0]])
    assert np.isfinite(codec.encode(example(far))["features"]).all()
    far[1, column] = value if column == 0 else 1e5
    with pytest.raises(ExampleError, match=rf"has .* at step 1, column {column} .*too large to"):
        codec.encode(example(far))


def test_missing_vectors_are_named() -> None:
    with pytest.raises(ExampleError, match=r"the field 'features' has no series of vectors; set"):
        VectorCodec().fit([example(np.zeros((1, 1)), "feature")])


def test_parameters_out_of_range() -> None:
    with pytest.raises(ConfigError, match=r"frontend.scaling=log: expected standard or none\."):
        VectorCodec(scaling="log")
    with pytest.raises(ConfigError, match=r"frontend.size=-1: expected 0 or more\."):
        VectorCodec(size=-1)


def test_the_projection_is_linear_and_ignores_the_padding() -> None:
    values = [np.random.default_rng(n).normal(size=(n, 3)) for n in (2, 5)]
    codec = fitted(values, size=4)
    frontend = VectorFrontend(codec, size=4)
    rows = [EncodedExample(example(v), codec.encode(example(v))) for v in values]
    batch = Collate()(rows).inputs
    batch["features"][0, 2:] = torch.nan
    given = frontend(batch)
    assert frontend.projection is not None
    wanted = batch["features"][1] @ frontend.projection.weight.T + frontend.projection.bias
    torch.testing.assert_close(given.values[1], wanted)
    given.values[0, :2].sum().backward()
    assert frontend.projection.weight.grad is not None
    assert torch.isfinite(frontend.projection.weight.grad).all()
