"""What a head for CTC takes over from a trained one with another alphabet."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqloom.errors import ConfigError
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.head import CtcHead
from seqloom_ner.codec import NerCodec
from seqloom_ner.head import NerHead

Fit = Callable[..., CtcCodec]
Make = Callable[..., CtcHead]


def rows(head: CtcHead) -> dict[str, list[torch.Tensor]]:
    """What belongs to each character, and by "" to the blank: its weights in both layers."""
    layers = [head.linear, *([head.shortcut] if head.shortcut is not None else [])]
    names = ["", *head.codec.alphabet]
    return {
        name: [one[i].detach().clone() for layer in layers for one in (layer.weight, layer.bias)]
        for i, name in enumerate(names)
    }


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=False))


@pytest.mark.parametrize("shortcut", [0.1, 0.0])
def test_a_character_keeps_its_weights_wherever_it_stands(
    fit: Fit, make: Make, shortcut: float
) -> None:
    trained = make(fit("bdz"), seed=1)
    trained.calibration.copy_(torch.tensor([2.5, -0.5]))
    head = make(fit("abcz"), seed=2, shortcut=shortcut)
    before, theirs = rows(head), rows(trained)
    head.load_matching(trained)
    after = rows(head)
    for name in after:
        assert same(after[name], theirs[name] if name in ("", "b", "z") else before[name])
        assert not same(after[name], before[name]) or name in ("a", "c")
    assert head.calibration.tolist() == [2.5, -0.5]


def test_alphabets_without_a_common_character_share_the_blank(fit: Fit, make: Make) -> None:
    trained, head = make(fit("x"), seed=1), make(fit("ab"), seed=2)
    before = rows(head)
    head.load_matching(trained)
    after = rows(head)
    assert same(after[""], rows(trained)[""])
    assert all(same(after[name], before[name]) for name in "ab")


def test_other_sizes_are_refused(fit: Fit, make: Make) -> None:
    expected = (
        "head.linear.weight has the shape (2, 8), in the model (2, 6): encoder and frontend must "
        "be those of the model."
    )
    options: dict[str, Any] = {"shortcut": 0.0}
    with pytest.raises(ConfigError, match=f"^{re.escape(expected)}$"):
        make(fit("a"), **options).load_matching(make(fit("a"), size=6, **options))


def test_a_head_of_another_kind_is_refused(fit: Fit, make: Make) -> None:
    codec = NerCodec()
    codec.restore({"scheme": "iob2", "tags": ["O"]})
    with pytest.raises(ConfigError, match=r"^The model's head is NerHead, not CtcHead\.$"):
        make(fit("a")).load_matching(NerHead(codec, 8))
