"""Each check of frontends catches a frontend that breaks its promise, and says how."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import nn

from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Example, Features, Frontend, FrontendCodec, Inputs, View
from seqloom.testing import (
    FRONTEND_CHECKS,
    ConformanceError,
    FrontendCase,
    NotApplicable,
    examples,
    modules,
)
from seqloom.testing import frontends as checks


class SoundCodec(FrontendCodec):
    """Numbers the tokens of an example."""

    def prepare(self, example: Example) -> Example:
        if not example.fields.get("tokens"):
            raise ExampleError(example, "has no tokens")
        return example

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        words = sorted({word for example in examples for word in example.fields["tokens"]})
        return {"words": words}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.numbers = {word: n for n, word in enumerate(state["words"], start=1)}

    def encode(self, example: Example) -> Arrays:
        return {"words": np.array([self.numbers[word] for word in example.fields["tokens"]])}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        dropped = rng.random(len(arrays["words"])) < 0.5
        return {"words": np.where(dropped, 0, arrays["words"])}

    def cost(self, arrays: Arrays) -> int:
        return len(arrays["words"])

    def frames(self, arrays: Arrays) -> int:
        return len(arrays["words"])


class Sound(Frontend):
    """A table of vectors."""

    codec_class: type[SoundCodec] = SoundCodec

    def __init__(self, codec: SoundCodec) -> None:
        super().__init__()
        self.table = nn.Embedding(len(codec.numbers) + 1, 5)
        self.output_size = 5

    @classmethod
    def make_codec(cls, **params: Any) -> FrontendCodec:
        return cls.codec_class(**params)

    def forward(self, inputs: Inputs) -> Features:
        return Features(self.table(inputs["words"]), inputs.lengths["words"])

    @classmethod
    def over(cls, codec: type[SoundCodec]) -> type[Self]:
        return type(codec.__name__, (cls,), {"codec_class": codec})


class WrongSize(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.output_size = 6


class WrongLengths(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        return Features(found.values, torch.full_like(found.lengths, found.values.shape[1]))


class OverPadding(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        return Features(found.values - found.values.mean(1, keepdim=True), found.lengths)


class PlaceMatters(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        shift = torch.arange(len(inputs)).reshape(-1, 1, 1)
        return Features(found.values + shift, found.lengths)


class Unused(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.forgotten = nn.Linear(2, 2)


class HiddenTensor(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.shift = torch.randn(5)

    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        return Features(found.values + self.shift, found.lengths)


class CountsPadding(Sound):
    """Normalises over all steps in training, those of the padding too."""

    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.norm = nn.BatchNorm1d(5)

    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        return Features(self.norm(found.values.transpose(1, 2)).transpose(1, 2), found.lengths)


class Idle(Sound):
    """Has weights that do nothing, and a gradient for them: of zeros."""

    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.idle = nn.Parameter(torch.ones(5))

    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        return Features(found.values + self.idle * 0, found.lengths)


class BlocksInWorker(SoundCodec):
    def __setstate__(self, state: dict[str, Any]) -> None:
        time.sleep(600)


class DiesInWorker(SoundCodec):
    def __setstate__(self, state: dict[str, Any]) -> None:
        os._exit(3)


class Free(SoundCodec):
    def cost(self, arrays: Arrays) -> int:
        return 0


class NamesFewSteps(SoundCodec):
    def steps(self, example: Example) -> list[str]:
        return example.fields["tokens"][:1]


class OtherAfterJson(SoundCodec):
    """Keys that are numbers become texts in JSON."""

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {"words": dict(enumerate(super().fit(examples)["words"], 1))}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.numbers = {word: n if isinstance(n, int) else 0 for n, word in state["words"].items()}


class CountsOnePart(SoundCodec):
    def count(self, examples: Iterable[Example]) -> Counter[str]:
        return Counter()

    def fit_counted(self, counts: Counter[str], examples: Sequence[Example]) -> dict[str, Any]:
        return {"words": {}}


class GrowsInPrepare(SoundCodec):
    def prepare(self, example: Example) -> Example:
        tokens = [*super().prepare(example).fields["tokens"], "end"]
        return replace(example, fields={**example.fields, "tokens": tokens})


class ChangesItem(SoundCodec):
    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        arrays["words"][:] = 0
        return arrays


class RandomBeyond(SoundCodec):
    count = 0

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        RandomBeyond.count += 1
        return {"words": arrays["words"] + RandomBeyond.count}


class Empties(SoundCodec):
    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        return {"words": arrays["words"][:0]}


class TakesAnything(SoundCodec):
    def prepare(self, example: Example) -> Example:
        return example

    def encode(self, example: Example) -> Arrays:
        tokens = example.fields.get("tokens", ())
        return {"words": np.array([self.numbers[word] for word in tokens])}


class LongIsNan(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        scale = torch.tensor(2.0) ** found.lengths.reshape(-1, 1, 1)
        return Features(found.values * scale, found.lengths)


class LostInWorker(SoundCodec):
    def __getstate__(self) -> dict[str, Any]:
        return {"numbers": dict.fromkeys(self.numbers, 1)}


class NoNumbersInWorker(SoundCodec):
    def __getstate__(self) -> dict[str, Any]:
        return {"numbers": {}}


class Unpicklable(SoundCodec):
    def __init__(self) -> None:
        self.strip = lambda text: text.strip()


class MadeInForward(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        if not hasattr(self, "scale"):
            self.scale = nn.Parameter(torch.ones(5))
        return Features(found.values * self.scale, found.lengths)


class OwnRandomness(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        nn.init.normal_(self.table.weight, generator=torch.Generator().manual_seed(self.next()))

    seeds = 0

    @classmethod
    def next(cls) -> int:
        cls.seeds += 1
        return cls.seeds


class DropsInEval(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        return Features(nn.functional.dropout(found.values), found.lengths)


class Overflows(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        weight = torch.eye(5)
        size = (found.values @ weight).dtype.itemsize
        return Features(found.values * (1.0 if size == 4 else torch.inf), found.lengths)


class ByLength(Sound):
    """Has weights for long examples that others do not use."""

    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.long = nn.Linear(5, 5)

    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        values = self.long(found.values) if int(found.lengths.max()) > 6 else found.values
        return Features(values, found.lengths)


class RoundsInBfloat16(Sound):
    def forward(self, inputs: Inputs) -> Features:
        found = super().forward(inputs)
        low = (found.values @ torch.eye(5)).dtype == torch.bfloat16
        return Features(found.values.round() if low else found.values, found.lengths)


class NoFrames(SoundCodec):
    def frames(self, arrays: Arrays) -> int:
        return 0


class ChangesExample(SoundCodec):
    def encode(self, example: Example) -> Arrays:
        example.fields["tokens"].reverse()
        return super().encode(example)


class UsesHash(SoundCodec):
    def encode(self, example: Example) -> Arrays:
        return {"words": np.array([hash(word) % 5 for word in example.fields["tokens"]])}


class ShowsMarkup(SoundCodec):
    def show(self, example: Example) -> View:
        return View(f"<p>{' '.join(example.fields['tokens'])}</p>")


class PlacesFew(SoundCodec):
    def show(self, example: Example) -> View:
        return View("<p>what was read</p>", places=[(0.0, 9.0)] * 2)


BROKEN: list[tuple[Any, Any, str]] = [
    (checks.check_sizes, WrongSize, "features have 5 columns, output_size is 6"),
    (checks.check_sizes, WrongLengths, r"lengths are \[9, 9, .* but frames\(\) returned \[5, 1,"),
    (checks.check_sizes, Sound.over(NoFrames), r"frames\(\) returned \[0, 0, 0, 0\]"),
    (checks.check_sizes, Sound.over(Free), r"cost\(\) returns \[0, 0, 0, 0\]; expected pos"),
    (checks.check_sizes, Sound.over(NamesFewSteps), r"steps\(\) returns .* for 5 frames; expected"),
    (checks.check_padding, OverPadding, "features of row 0, alone: differ by"),
    (checks.check_training, CountsPadding, "in training mode, with more padding: differ by"),
    (checks.check_order, PlaceMatters, "features of row 0, moved: differ by 3, allowed"),
    (checks.check_codec, Sound.over(OtherAfterJson), r"encode\(\) returns another 'words'"),
    (checks.check_codec, Sound.over(CountsOnePart), r"for two halves differs from fit\(\)"),
    (checks.check_codec, Sound.over(GrowsInPrepare), r"prepare\(\) is not idempotent"),
    (checks.check_codec, Sound.over(ChangesExample), "changes the field 'tokens' of its example"),
    (checks.check_codec, Sound.over(UsesHash), "in a process with other hashes of texts, encode"),
    (checks.check_show, Sound.over(ShowsMarkup), r"show\(\) does not escape texts: ….*<script>"),
    (checks.check_show, Sound.over(PlacesFew), r"show\(\) has 2 places for 5 frames"),
    (checks.check_augment, Sound.over(ChangesItem), r"augment\(\) changes its argument's 'words'"),
    (checks.check_augment, Sound.over(RandomBeyond), r"augment\(\) is random beyond rng: 'words'"),
    (checks.check_augment, Sound.over(Empties), "leaves no frames"),
    (checks.check_bad, Sound.over(TakesAnything), "an example without fields is not rejected"),
    (modules.check_gradients, Unused, r"no gradient reaches forgotten\.weight"),
    (modules.check_gradients, Idle, "the gradient of idle is zero, whatever the weights"),
    (modules.check_round_trip, HiddenTensor, "outputs of the loaded module"),
    (checks.check_lengths, LongIsNan, "an example of 405 steps has features that are not finite"),
    (checks.check_workers, Sound.over(LostInWorker), r"loader, encode\(\) returns another 'words'"),
    (checks.check_workers, Sound.over(NoNumbersInWorker), r"encode\(\) raised KeyError"),
    (checks.check_workers, Sound.over(Unpicklable), "the codec cannot be pickled: .*lambda"),
    (modules.check_state_dict, MadeInForward, "a new one cannot load the state: .*scale"),
    (modules.check_determinism, OwnRandomness, r"table\.weight, rebuilt after the same seed"),
    (modules.check_determinism, DropsInEval, "features in eval mode, computed twice: differ by"),
    (modules.check_device, HiddenTensor, "shift is a tensor that is neither parameter nor buffer"),
    (modules.check_bfloat16, Overflows, "features in bfloat16 are not finite"),
    (modules.check_bfloat16, RoundsInBfloat16, r"features in bfloat16: differ by 0\.\d+, allowed"),
    (modules.check_ranks, ByLength, r"rank 1 of two: long\.weight takes no part in a batch of 2"),
]


def _case(cls: type[Frontend]) -> FrontendCase:
    return FrontendCase(cls, examples({"tokens": "tokens"}))


@pytest.mark.parametrize("check", FRONTEND_CHECKS, ids=lambda check: check.__name__)
def test_a_sound_frontend_passes(check: Callable[[FrontendCase], None]) -> None:
    check(_case(Sound))


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    BROKEN,
    ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN],
)
def test_a_broken_frontend_is_caught(
    check: Callable[[FrontendCase], None], broken: type[Frontend], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(_case(broken))


@pytest.mark.parametrize("codec", [BlocksInWorker, DiesInWorker])
def test_a_worker_that_returns_nothing_is_not_waited_for(
    codec: type[SoundCodec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "LIMIT", 1.0)
    with pytest.raises(ConformanceError, match="died, or encoded no example within 1 s"):
        checks.check_workers(_case(Sound.over(codec)))


class Weightless(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.table.requires_grad_(False)


def test_nothing_to_train_on_ranks() -> None:
    with pytest.raises(NotApplicable, match="no weights to train"):
        modules.check_ranks(_case(Weightless))


def test_every_check_has_a_broken_frontend() -> None:
    assert {check for check, _, _ in BROKEN} == set(FRONTEND_CHECKS)
