from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest

from seqloom.errors import ConfigError, DataError, ExampleError


def test_state_is_plain_and_enough(fit: Any, example: Any, three: Any) -> None:
    state = three.fit([example(v) for v in ["b", "a", "c", "a"]])
    assert state == {"classes": ["a", "b", "c"], "counts": [2, 1, 1], "weights": [1.0, 1.0, 1.0]}
    again = pickle.loads(pickle.dumps(three))
    again.restore(json.loads(json.dumps(state)))
    target = again.encode(example("c"))["target"]
    assert target.shape == ()
    assert target.dtype == np.int64
    assert target == 2


def test_sets_of_labels_are_many_hot(sets: Any, example: Any) -> None:
    rows = {v: sets.encode(example(list(v)))["target"].tolist() for v in ["", "b", "ca", "aa"]}
    assert rows == {"": [0, 0, 0], "b": [0, 1, 0], "ca": [1, 0, 1], "aa": [1, 0, 0]}
    assert sets.encode(example([]))["target"].dtype == np.float32


@pytest.mark.parametrize(
    ("params", "values", "weights"),
    [
        ({"class_weights": {"spam": 3}}, ["ham", "spam"], [1.0, 3.0]),
        ({"balanced": True}, ["ham", "ham", "ham", "spam"], [4 / 6, 4 / 2]),
        ({"balanced": True, "multi_label": True}, [["a"], [], [], ["a", "b"]], [1.0, 3.0]),
        ({"balanced": True, "multi_label": True}, [["a"], ["a"]], [0.5]),
    ],
)
def test_weights(fit: Any, params: Any, values: Any, weights: list[float]) -> None:
    assert fit(values, **params).weights == pytest.approx(weights)


@pytest.mark.parametrize(
    ("params", "value", "text"),
    [
        ({}, None, r"data\.csv:7: the field 'label' is missing.* fields are: label, text"),
        ({}, ["a"], r"\['a'\] \(list\), but one label was expected.*head\.multi_label=true"),
        ({}, 3, r"is 3 \(int\), but a label is a text"),
        ({"multi_label": True}, "a", r"expects a list of labels.*head\.multi_label=false"),
        ({"multi_label": True}, ["a", 1], r"but a label is a list of texts"),
    ],
)
def test_wrong_labels_are_named(params: Any, value: Any, text: str, fit: Any, example: Any) -> None:
    codec = fit([["a"], ["b"]] if params else ["a", "b"], **params)
    with pytest.raises(ExampleError, match=text):
        codec.encode(example(value, 7))
    with pytest.raises(ExampleError, match=text):
        codec.fit([example(value, 7)])


def test_unseen_label_suggests_a_known_one(fit: Any, example: Any) -> None:
    codec = fit(["PlayMusic", "GetWeather"])
    text = r"data\.csv:3: the label 'PlayMusik' is in no training .* Did you mean 'PlayMusic'\?"
    with pytest.raises(ExampleError, match=text):
        codec.encode(example("PlayMusik", 3))


@pytest.mark.parametrize(
    ("params", "values", "text"),
    [
        ({}, ["a", "a"], "The 2 training examples all have the label 'a' in the field 'label'"),
        ({}, [], "The 0 training examples have no label at all"),
        ({"multi_label": True}, [[], []], "The 2 training examples have no label at all"),
    ],
)
def test_too_few_classes(params: Any, values: Any, text: str, fit: Any) -> None:
    with pytest.raises(DataError, match=text):
        fit(values, **params)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"class_weights": {"spamm": 2.0}}, r"'spamm', which is not .* Did you mean 'spam'\?"),
        ({"class_weights": {"spam": 0.0}}, r"'spam' the weight 0\.0; weights are positive"),
        ({"class_weights": {"spam": float("nan")}}, r"'spam' the weight nan"),
        ({"class_weights": {"spam": 2.0}, "balanced": True}, r"both set the weights"),
    ],
)
def test_wrong_weights(params: Any, text: str, fit: Any) -> None:
    with pytest.raises(ConfigError, match=text):
        fit(["ham", "spam"], **params)
