"""Encoders that are unlike others and sound: checks pass, or do not apply and say why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqloom.interfaces import Encoded, Encoder, Features
from seqloom.testing import ENCODER_CHECKS, EncoderCase, NotApplicable, learning, modules
from seqloom.testing import encoders as checks

from .sound_encoder import SIZE, Sound


class NeedsTheEnd(Sound):
    causal = False


class TooSmall(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.output_size = 4


class Frozen(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.requires_grad_(False)


class OwnDropout(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(nn.functional.dropout(states, training=self.training), features)


class Drops(Sound):
    """Has dropout, which draws for the padding too."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.dropout = nn.Dropout(0.5)

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(self.dropout(states), features)


class Skips(Sound):
    """Gives its input beside its states, so that its size depends on it."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.output_size = SIZE + input_size

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(torch.cat([states, self.clean(features)], -1), features)


class ZeroAtFirst(Sound):
    """A part of it does nothing before it has learnt."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.scale = nn.Parameter(torch.zeros(()))
        self.extra = nn.Linear(SIZE, SIZE)

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + self.scale * self.extra(states), features)


@pytest.mark.parametrize("check", ENCODER_CHECKS, ids=lambda check: check.__name__)
def test_an_encoder_without_weights_has_nothing_to_hide(check: Callable[[Any], None]) -> None:
    with suppress(NotApplicable):
        check(EncoderCase(Frozen))


@pytest.mark.parametrize(
    ("check", "encoder"),
    [
        (checks.check_training, Drops),
        (modules.check_gradients, ZeroAtFirst),
        (learning.check_learning, Skips),
    ],
)
def test_an_unusual_encoder_passes(
    check: Callable[[Any], None], encoder: Callable[[int], Encoder]
) -> None:
    check(EncoderCase(encoder))


def test_the_time_of_learning_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "LIMIT", 0.0)
    with pytest.raises(NotApplicable, match=r"took more than 0 s.*check a smaller one"):
        learning.check_learning(EncoderCase(Sound))


def test_a_large_encoder_has_a_small_task() -> None:
    given, _, _ = learning._task(learning.MOST_SIZE)
    assert given.values.shape == (32, 9, 272)


@pytest.mark.parametrize(
    ("check", "encoder", "reason"),
    [
        (checks.check_causality, NeedsTheEnd, "it does not claim to be causal"),
        (checks.check_continuation, NeedsTheEnd, "it does not claim to be causal"),
        (learning.check_learning, TooSmall, "its states have 4 values, too few"),
        (modules.check_ranks, Frozen, "it has no weights to train"),
        (learning.check_learning, Frozen, "it has no weights to train"),
        (checks.check_training, OwnDropout, "its training is random"),
    ],
)
def test_a_check_that_does_not_apply_says_why(
    check: Callable[[Any], None], encoder: Callable[[int], Encoder], reason: str
) -> None:
    with pytest.raises(NotApplicable, match=reason):
        check(EncoderCase(encoder))
