"""Which targets the search of a head's targets tries, and where it has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from seqloom.interfaces import Encoded, Example, Prediction
from seqloom.plugins import registry, resolve
from seqloom.testing import ConformanceError, HeadCase, NotApplicable, examples
from seqloom.testing import head_search as search
from seqloom.testing.samples import LENGTHS


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
    with pytest.raises(NotApplicable, match=r"no likelihood .* targets are refused by the codec"):
        search.check_likelihood(case)
    with pytest.raises(ConformanceError, match="not to 1, 12 times of 12"):
        search.check_likelihood(replace(case, likelihood=True))
    with pytest.raises(NotApplicable, match="as the case says"):
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
    with pytest.raises(NotApplicable, match=r"the kind 'mood' cannot be listed; say them by Head"):
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
