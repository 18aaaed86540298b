"""Each check of encoders catches an encoder that breaks its promise, and says how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.nn.utils import parametrizations

from seqloom.interfaces import Encoded, Encoder, Features
from seqloom.testing import ENCODER_CHECKS, ConformanceError, EncoderCase, learning, modules
from seqloom.testing import encoders as checks
from seqloom.testing.samples import features

from .sound_encoder import SIZE, Sound


class WrongSize(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.output_size = 5


class WrongLengths(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        found = super().result(states, features)
        found.lengths = found.lengths + 1
        return found


class LastOfBatch(Sound):
    """Takes the last column for everybody's last step."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        found = super().result(states, features)
        found.summary = states[:, -1]
        return found


class ReadsPadding(Sound):
    def clean(self, features: Features) -> Tensor:
        return features.values


class NormalisesOverPadding(Sound):
    def clean(self, features: Features) -> Tensor:
        values = super().clean(features)
        return values - values.mean((0, 1))


class CountsPadding(Sound):
    """Normalises over all steps in training, those of the padding too."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.norm = nn.BatchNorm1d(SIZE)

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(self.norm(states.transpose(1, 2)).transpose(1, 2), features)


class LearnsPadding(CountsPadding):
    """Keeps a mean of all steps for later, those of the padding too."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        if self.training:
            self.norm(states.transpose(1, 2))
            return Sound.result(self, states, features)
        return super().result(states, features)


class PaddingHasGradients(Sound):
    """Adds the padding's mean, which is zero, and so are its effects, but not its gradient."""

    def clean(self, features: Features) -> Tensor:
        whole = features.values.nan_to_num()
        extra = whole - super().clean(features)
        return super().clean(features) + (extra - extra.detach()).sum()


class PlaceMatters(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + torch.arange(len(states)).reshape(-1, 1, 1) * 0.1, features)


class Explodes(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        T = states.shape[1]
        return super().result(states * (10.0 ** torch.arange(T).reshape(1, T, 1)), features)


class AcceptsNothing(Sound):
    def forward(self, features: Features, state: Any = None) -> Encoded:
        B = len(features.lengths)
        return Encoded(torch.zeros(B, 3, SIZE), torch.zeros(B, SIZE), features.lengths, features)


class Unused(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.forgotten = nn.Linear(2, 2)


class Idle(Sound):
    """Has weights that do nothing, and a gradient for them: of zeros."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.idle = nn.Parameter(torch.ones(SIZE))

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + self.idle * 0, features)


class GradientOfNan(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.scale = nn.Parameter(torch.zeros(()))

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + self.scale.sqrt(), features)


class HiddenTensor(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.shift = torch.randn(SIZE)

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + self.shift, features)


class NotCausal(Sound):
    def clean(self, features: Features) -> Tensor:
        return super().clean(features).flip(1).cumsum(1).flip(1)


class OtherStep(Sound):
    def step(self, values: Tensor, state: Any) -> tuple[Tensor, Any]:
        output, state = super().step(values, state)
        return (output if torch.is_grad_enabled() or self.inside else output + 1), state

    inside = False

    def forward(self, features: Features, state: Any = None) -> Encoded:
        self.inside = True
        found = super().forward(features, state)
        self.inside = False
        return found


class ForgetsState(Sound):
    def forward(self, features: Features, state: Any = None) -> Encoded:
        return super().forward(features, None)


class StateOfPadding(Sound):
    """Gives the state after the last step of the batch, not of each sequence."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        found = super().result(states, features)
        return Encoded(states, found.summary, features.lengths, features, lambda: states[:, -1])


class SteepEnd(Sound):
    """Its values stay finite for very long sequences, and its gradients do not."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.scale = nn.Parameter(torch.ones(()))

    def result(self, states: Tensor, features: Features) -> Encoded:
        far = torch.tensor(float(states.shape[1] < 400))
        return super().result(states + (self.scale * far).sqrt(), features)


class RandomInEval(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + torch.rand(()), features)


class OtherGenerator(Sound):
    """Draws its weights from a generator that no seed of torch's reaches."""

    generator = torch.Generator().manual_seed(0)

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        nn.init.normal_(self.inputs.weight, generator=self.generator)


class OtherDropout(Sound):
    """Draws what it drops from a generator that no seed of torch's reaches."""

    generator = torch.Generator().manual_seed(0)

    def result(self, states: Tensor, features: Features) -> Encoded:
        drawn = torch.rand(states.shape, generator=self.generator)
        return super().result(states * (drawn < 0.5) if self.training else states, features)


class LateWeights(Sound):
    """Makes a layer when it first reads something."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        if not hasattr(self, "late"):
            self.late = nn.Linear(SIZE, SIZE)
        return super().result(self.late(states), features)

    def eval(self) -> LateWeights:
        self(features(6))
        return super().eval()


class NotPlain:
    """Something that no checkpoint may hold."""


class CodeInState(Sound):
    def get_extra_state(self) -> NotPlain:
        return NotPlain()

    def set_extra_state(self, state: NotPlain) -> None:
        return None


class HoldsLambda(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.bound = lambda values: values


class Parametrised(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        parametrizations.weight_norm(self.inputs)


class OldWeightNorm(Sound):
    """Keeps in an attribute what it computes of its weights."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        weight = self.inputs.weight
        del self.inputs.weight
        self.inputs.register_parameter("direction", weight)
        self.inputs.weight = weight.detach() * 1.0

    def clean(self, features: Features) -> Tensor:
        self.inputs.weight = self.inputs.direction * 1.0
        return super().clean(features)


class ForgetsInPickle(Sound):
    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "shift": 1.0}

    shift = 0.0

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states + self.shift, features)


class HiddenInList(Sound):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.tables = {"shifts": [torch.zeros(SIZE)]}


class SinglePrecision(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states.float(), features)


class Amplifies(Sound):
    """Makes much of differences that bfloat16 does not have."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result((states * 500).sin(), features)


class Overflows(Sound):
    """Runs out of numbers where they have fewer bits."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        few = states.dtype == torch.bfloat16
        return super().result((states.half() * 1e5).float() if few else states, features)


class OnlyForLong(Sound):
    """Has a layer that takes part only if the batch has a long sequence."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.extra = nn.Linear(SIZE, SIZE)

    def result(self, states: Tensor, features: Features) -> Encoded:
        long = int(features.lengths.max()) > 4
        return super().result(self.extra(states) if long else states, features)


class KnowsItsRank(Sound):
    """Gives something else on each rank."""

    def result(self, states: Tensor, features: Features) -> Encoded:
        there = distributed.is_initialized()
        return super().result(states * (2.0 if there else 1.0), features)


class Detached(Sound):
    def result(self, states: Tensor, features: Features) -> Encoded:
        return super().result(states.detach(), features)


class IgnoresInput(Sound):
    def clean(self, features: Features) -> Tensor:
        return torch.zeros_like(features.values)


BROKEN: list[tuple[Any, Any, str]] = [
    (checks.check_sizes, WrongSize, r"states: shape \(4, 9, 8\), expected \(4, 9, 5\)"),
    (checks.check_sizes, WrongLengths, r"lengths are \[6, 2, .*features \[5, 1, 9, 3\]"),
    (checks.check_padding, ReadsPadding, "alone against padded: gradient of .*: differ by nan"),
    (checks.check_padding, LastOfBatch, r"summary of row 0, alone: differ by"),
    (checks.check_padding, NormalisesOverPadding, r"states of row 0, alone: differ by"),
    (checks.check_training, CountsPadding, "in training mode, with more padding: differ by"),
    (checks.check_training, LearnsPadding, "in eval mode, after training on .*: differ by"),
    (checks.check_input_gradients, PaddingHasGradients, "row 0: the padding has a gradient"),
    (checks.check_order, PlaceMatters, r"states of row 2, moved: differ by 0\.2, allowed"),
    (checks.check_lengths, Explodes, "sequence of 400 steps gives values that are not finite"),
    (checks.check_empty, AcceptsNothing, "an empty batch is not rejected"),
    (modules.check_gradients, Unused, r"no gradient reaches forgotten\.weight"),
    (modules.check_gradients, Idle, "the gradient of idle is zero, whatever the weights"),
    (modules.check_gradients, GradientOfNan, "the gradient of scale is not finite"),
    (modules.check_round_trip, HiddenTensor, "outputs of the loaded module.*neither parameter nor"),
    (checks.check_causality, NotCausal, "states before a changed step: differ"),
    (checks.check_causality, OtherStep, "step 0 against forward: differ by 1"),
    (checks.check_continuation, ForgetsState, "states of row 0, continued: differ by"),
    (checks.check_continuation, StateOfPadding, "states of row 0, continued: differ by"),
    (checks.check_lengths, SteepEnd, r"with 400 steps, the gradient of scale is not finite"),
    (modules.check_determinism, RandomInEval, "outputs in eval mode, computed twice: differ by"),
    (modules.check_determinism, OtherGenerator, "inputs.weight, rebuilt after the same seed"),
    (modules.check_determinism, OtherDropout, "outputs in training mode after the same seed"),
    (modules.check_state_dict, LateWeights, "cannot load the state: .*Unexpected key.*late"),
    (modules.check_state_dict, CodeInState, "cannot load the state: .*NotPlain"),
    (checks.check_pickle, HoldsLambda, "cannot be pickled: .*lambda"),
    (checks.check_pickle, Parametrised, "cannot be pickled: RuntimeError: Serialization of par"),
    (checks.check_pickle, ForgetsInPickle, "outputs after pickling: differ by 1"),
    (checks.check_device, HiddenTensor, "shift is a tensor that is neither parameter nor buffer"),
    (checks.check_device, HiddenInList, "tables is a tensor that is neither"),
    (checks.check_device, OldWeightNorm, r"inputs\.weight is a tensor that is neither"),
    (checks.check_device, SinglePrecision, r"states of .* in double precision are torch\.float32"),
    (checks.check_bfloat16, Amplifies, "outputs in bfloat16: differ by"),
    (checks.check_bfloat16, Overflows, "outputs in bfloat16 are not finite"),
    (modules.check_ranks, OnlyForLong, r"rank 1 of two: extra\.weight takes no part"),
    (modules.check_ranks, KnowsItsRank, "rank 0 against one process: gradient of .*: differ by"),
    (
        learning.check_learning,
        Detached,
        r"after 400 steps of Adam it classifies \d+ of 32",
    ),
    (
        learning.check_learning,
        IgnoresInput,
        r"after 400 steps of Adam it classifies \d+ of 32",
    ),
]


@pytest.mark.parametrize("check", ENCODER_CHECKS, ids=lambda check: check.__name__)
def test_a_sound_encoder_passes(check: Callable[[Any], None]) -> None:
    check(EncoderCase(Sound))


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    BROKEN,
    ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN],
)
def test_a_broken_encoder_is_caught(
    check: Callable[[Any], None], broken: Callable[[int], Encoder], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(EncoderCase(broken))


def test_every_check_has_a_broken_encoder() -> None:
    assert {check for check, _, _ in BROKEN} == set(ENCODER_CHECKS)
