"""Which targets the search of a head's targets tries, and where it has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Example, Head, Prediction, Targets
from seqloom.plugins import registry, resolve
from seqloom.testing import ConformanceError, HeadCase, NotApplicable, examples
from seqloom.testing import head_search as search
from seqloom.testing.samples import LENGTHS

from .sound_head import Sound, case_of


class Worst(Sound):
    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return super().decode(-outputs, encoded)


class GrowsLoss(Sound):
    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        return -super().loss(outputs, targets)


class HalfNormalised(Sound):
    """Is a likelihood of long examples only."""

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return super().forward(encoded, targets), encoded.lengths

    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        scores, lengths = outputs
        chosen = scores.gather(1, targets["target"].unsqueeze(1)).squeeze(1)
        return torch.where(lengths == 1, 1.0, scores.logsumexp(1)) - chosen

    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return super().decode(outputs[0], encoded)


BROKEN: list[tuple[Any, type[Head], str]] = [
    (search.check_search, Worst, r"decode\(\) returns '.*' with a loss of .* but '.*' has less"),
    (search.check_search, GrowsLoss, r"has less, -\d.*, of 3 targets that were tried"),
    (search.check_likelihood, HalfNormalised, r"sums to .*, not to 1, 6 times out of 12"),
]


@pytest.mark.parametrize(
    ("check", "broken", "complaint"), BROKEN, ids=[one.__name__ for _, one, _ in BROKEN]
)
def test_a_broken_head_is_caught(
    check: Callable[[HeadCase], None], broken: type[Head], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(case_of(broken))


def _labelled(name: str, frames: Sequence[int] = LENGTHS, **params: Any) -> HeadCase:
    """Return the case of an installed head whose field has the name of a kind."""
    component = registry().find("head", name)
    field = params.setdefault("field", component.defaults()["field"])
    labelled = examples({"tokens": "tokens", field: field}, frames)
    return HeadCase(resolve("head", name), labelled, frames, component.defaults() | params)


@pytest.mark.parametrize("check", [search.check_search, search.check_likelihood])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("classification", {}),
        ("classification", {"field": "labels", "multi_label": True}),
        ("ner", {}),
    ],
)
def test_all_targets_of_the_standard_kinds_are_tried(
    check: Callable[[HeadCase], None], name: str, params: dict[str, Any]
) -> None:
    check(_labelled(name, **params))


def test_a_likelihood_of_some_targets_only_is_told() -> None:
    case = _labelled("ner", decoder="softmax")
    with pytest.raises(NotApplicable, match=r"not a likelihood .* targets are rejected by"):
        search.check_likelihood(case)
    with pytest.raises(ConformanceError, match="not to 1, 12 times out of 12"):
        search.check_likelihood(replace(case, likelihood=True))
    with pytest.raises(NotApplicable, match="according to the case"):
        search.check_likelihood(replace(case, likelihood=False))


def _over(case: HeadCase, decode: Callable[..., list[Prediction]]) -> HeadCase:
    return replace(case, cls=type("Other", (case.cls,), {"decode": decode}))


def test_targets_of_another_kind_are_named_by_the_case() -> None:
    def worst(head: Any, outputs: Any, encoded: Encoded) -> list[Prediction]:
        decode = resolve("head", "classification").decode
        found: list[Prediction] = decode(head, -outputs, encoded)
        return found

    def moods(example: Example) -> list[Example]:
        return [replace(example, fields={"label": label}) for label in ("left", "right", "up")]

    unknown = replace(_over(_labelled("classification"), worst), kind="mood")
    with pytest.raises(NotApplicable, match=r"the kind 'mood' cannot be listed; pass them as Head"):
        search.check_search(unknown)
    with pytest.raises(ConformanceError, match="has less"):
        search.check_search(replace(unknown, candidates=moods))


@pytest.mark.parametrize(
    "prediction",
    [
        {"confidence": 0.5},
        {"label": "sideways"},
        {"label": "sideways", "probabilities": {"left": 1.0}},
        {"label": "sideways", "likeliest": "left"},
    ],
)
def test_a_prediction_names_one_of_the_targets(prediction: Prediction) -> None:
    def other(head: Any, outputs: Any, encoded: Encoded) -> list[Prediction]:
        return [prediction for _ in outputs]

    with pytest.raises(ConformanceError, match=r"no value of .* is one of the 3 targets"):
        search.check_search(_over(_labelled("classification"), other))


@pytest.mark.parametrize("classes", [[], [{"name": "left"}], {"left": 0.9}])
def test_what_a_prediction_says_in_another_form_cannot_be_searched(classes: Any) -> None:
    def nested(head: Any, outputs: Any, encoded: Encoded) -> list[Prediction]:
        return [{"classes": classes} for _ in outputs]

    with pytest.raises(NotApplicable, match=r"no value of the prediction \{'classes'"):
        search.check_search(_over(_labelled("classification"), nested))


def test_a_text_may_stand_for_a_list_of_letters() -> None:
    def as_text(head: Any, outputs: Any, encoded: Encoded) -> list[Prediction]:
        decode = resolve("head", "ner").decode
        return [{"said": " ".join(one["tags"])} for one in decode(head, outputs, encoded)]

    search.check_search(_over(_labelled("ner"), as_text))


class Rejected(Sound):
    """Predicts what its codec rejects."""

    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return [{"label": "?"} for _ in outputs]


def test_what_cannot_be_searched_is_said() -> None:
    case = case_of(Rejected)
    offer = [Example("a", {"tokens": ["b"]})]  # it has no label
    every = search._by_kind(case)
    rejecting = replace(case, candidates=lambda example: [*every(example), *offer])
    with pytest.raises(NotApplicable, match="returns only targets that the codec rejects"):
        search.check_search(rejecting)
    alone = replace(case, candidates=lambda example: [example])
    with pytest.raises(NotApplicable, match=r"no example of at most \d+ steps has several targets"):
        search.check_search(alone)
