"""Encoders that damage what they read, or mistake its shape, are caught."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from seqloom.interfaces import Encoded, Features
from seqloom.testing import ConformanceError, EncoderCase
from seqloom.testing import encoders as checks

from .sound_encoder import Sound


class ChangesFeatures(Sound):
    """Sets the padding to zero in place, in what other components read too."""

    def clean(self, features: Features) -> Tensor:
        values = super().clean(features)
        features.values.data.copy_(values)
        return values


class BlocksFeatures(Sound):
    """Learns itself, but lets no gradient through."""

    def clean(self, features: Features) -> Tensor:
        return super().clean(features).detach()


class SqueezesSteps(Sound):
    """Drops the dimension of the steps if there is only one."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        found = super().result(states, features)
        found.states = states + states.squeeze(1) - states
        return found


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    [
        (
            checks.check_padding,
            ChangesFeatures,
            "forward changes the features that it reads: differ",
        ),
        (
            checks.check_input_gradients,
            BlocksFeatures,
            "no gradient reaches the features, so no front",
        ),
        (checks.check_lengths, SqueezesSteps, r"row 0 of three with one step: shape \(3, 8\), exp"),
    ],
)
def test_it_is_caught(check: Any, broken: type[Sound], complaint: str) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(EncoderCase(broken))
