"""All examples that a codec refuses are found, and no others, without fitting for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.encode import Codecs
from seqloom.data.fit_codecs import fit_codecs
from seqloom.data.rejected import Rejected
from seqloom.errors import ConfigError, DataError, ExampleError, ExamplesError
from seqloom.interfaces import Arrays, Codec, Example, FrontendCodec, HeadCodec


class Labels(HeadCodec):
    """Knows labels; ``bad`` is none. ``odd`` is bad beside a majority of others only."""

    def __init__(self) -> None:
        self.seen = 0
        self.known: set[str] = set()

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        labels = [str(example.fields["label"]) for example in examples]
        strict = labels.count("odd") * 2 < len(labels)
        for example, label in zip(examples, labels, strict=True):
            self.seen += 1
            if label == "bad" or (strict and label == "odd"):
                raise ExampleError(example, f"has the label {label}")
        if not labels:
            raise DataError("nothing to learn")
        return {"known": sorted(set(labels))}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.known = set(state["known"])

    def encode(self, example: Example) -> Arrays:
        if example.fields["label"] not in self.known:
            raise ExampleError(example, "has an unknown label")
        return {"target": np.array(0)}


class Nothing(FrontendCodec):
    """Reads nothing."""

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {"examples": len(examples)}

    def restore(self, state: Mapping[str, Any]) -> None:
        return None

    def encode(self, example: Example) -> Arrays:
        return {}

    def cost(self, arrays: Arrays) -> int:
        return 1

    def frames(self, arrays: Arrays) -> int:
        return 1


def _fit(labels: Sequence[str]) -> tuple[dict[str, Any], list[str], list[str], Labels]:
    head, rejected = Labels(), Rejected(skip=True)
    examples = [Example(str(n), {"label": label}) for n, label in enumerate(labels)]
    states = fit_codecs(Codecs(Nothing(), {"labels": head}), examples, rejected)
    return states, [one.id for one in examples], [one.example_id for one in rejected.errors], head


@given(st.lists(st.sampled_from(["a", "b", "c", "bad"]), min_size=1, max_size=30))
def test_exactly_the_bad_ones_are_set_aside(labels: list[str]) -> None:
    expected = [str(n) for n, label in enumerate(labels) if label != "bad"]
    if not expected:
        with pytest.raises(DataError, match="No training example is left"):
            _fit(labels)
        return
    states, kept, set_aside, _ = _fit(labels)
    assert kept == expected
    assert sorted([*kept, *set_aside], key=int) == [str(n) for n in range(len(labels))]
    assert len(set_aside) == len(set(set_aside))
    assert states["heads"]["labels"]["known"] == sorted(set(labels) - {"bad"})
    assert states["frontend"]["examples"] == len(kept)


@pytest.mark.parametrize("fault", ["bad", "odd"])
def test_the_work_grows_in_proportion(fault: str) -> None:
    work = []
    for times in (50, 200):
        _, kept, set_aside, head = _fit(["a", "a", "b", *["a", "b", "a", fault] * times])
        assert len(set_aside) == times
        assert len(kept) == 3 * times + 3
        work.append(head.seen)
    assert work[1] < 6 * work[0]


def test_good_examples_are_fitted_once() -> None:
    _, _, set_aside, head = _fit(["a", "b"] * 20)
    assert not set_aside
    assert head.seen == 40


def test_a_codec_is_fitted_again_only_where_another_removed_examples() -> None:
    class Few(Nothing):
        def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
            for example in examples:
                if example.fields["label"] == "few":
                    raise ExampleError(example, "is not read")
            return super().fit(examples)

    class Counted(Labels):
        whole = 0

        def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
            state = super().fit(examples)
            self.whole += len(examples) > 10
            return state

    for frontend, bad, times in ((Nothing(), "bad", 1), (Few(), "few", 2)):
        head, labels = Counted(), ["a", "b"] * 20 + [bad]
        examples = [Example(str(n), {"label": label}) for n, label in enumerate(labels)]
        fit_codecs(Codecs(frontend, {"labels": head}), examples, Rejected(skip=True))
        assert (len(examples), head.whole - (bad == "bad")) == (40, times)


def test_what_only_all_examples_tell_accuses_none_beside_few() -> None:
    class Rarer(Labels):
        def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
            state = super().fit(examples)
            a = [one for one in examples if one.fields["label"] == "a"]
            if a and len(a) < 20:
                raise ExamplesError(ExampleError(one, "is rare") for one in a)
            return state

    labels = ["bad", *["a", "b"] * 20, "bad"]
    for start, refused in ((0, 2), (20, 11)):  # twenty are enough; ten are all rare
        rejected = Rejected(skip=True)
        examples = [Example(str(n), {"label": one}) for n, one in enumerate(labels[start:])]
        fit_codecs(Codecs(Nothing(), {"labels": Rarer()}), examples, rejected)
        assert len(rejected.errors) == refused


@pytest.mark.parametrize("kind", [ExampleError, lambda *args: ExamplesError([ExampleError(*args)])])
def test_an_error_about_an_unknown_example_is_not_swallowed(kind: Any) -> None:
    class Lost(Labels):
        def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
            raise kind(Example("elsewhere", {}), "is bad")

    lost: Codec = Lost()
    assert isinstance(lost, HeadCodec)
    with pytest.raises(ExampleError, match="elsewhere: is bad"):
        fit_codecs(
            Codecs(Nothing(), {"x": lost}), [Example("1", {"label": "a"})], Rejected(skip=True)
        )


class Merging(Labels):
    """Can be merged with others."""

    def merge(self, state: Any, examples: Sequence[Example]) -> dict[str, Any]:
        return {"known": [*state["known"], *(str(one.fields["label"]) for one in examples)]}


BASIS = {"frontend": {"examples": 99}, "heads": {"labels": {"known": ["a", "z"]}}}


@pytest.mark.parametrize(
    ("classes", "known"),
    [("keep", ["a", "z"]), ("merge", ["a", "z", "c", "b"]), ("replace", ["b", "c"])],
)
def test_a_trained_models_states(classes: str, known: list[str]) -> None:
    examples = [Example(label, {"label": label}) for label in "cb"]
    codecs = Codecs(Nothing(), {"labels": Merging()})
    states = fit_codecs(codecs, examples, Rejected(skip=False), BASIS, classes)
    assert states == {"frontend": {"examples": 99}, "heads": {"labels": {"known": known}}}


@pytest.mark.parametrize("classes", ["keep", "merge", "replace"])
def test_a_head_that_the_model_does_not_have_is_fitted(classes: str) -> None:
    examples = [Example(label, {"label": label}) for label in "cb"]
    states = fit_codecs(
        Codecs(Nothing(), {"other": Labels()}), examples, Rejected(skip=False), BASIS, classes
    )
    assert states["heads"] == {"other": {"known": ["b", "c"]}}


def test_a_codec_that_cannot_merge() -> None:
    examples = [Example("c", {"label": "c"})]
    with pytest.raises(ConfigError) as found:
        fit_codecs(
            Codecs(Nothing(), {"labels": Labels()}), examples, Rejected(skip=False), BASIS, "merge"
        )
    assert str(found.value) == (
        "Labels cannot merge two sets of classes. Set init_classes=keep or init_classes=replace."
    )
