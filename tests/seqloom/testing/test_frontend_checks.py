"""Each check of frontends catches a frontend that breaks its promise, and says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import nn

from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Features, Frontend, FrontendCodec, Item, SequenceBatch
from seqloom.testing import FRONTEND_CHECKS, ConformanceError, FrontendCase, examples
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

    def encode(self, example: Example) -> Item:
        return {"words": np.array([self.numbers[word] for word in example.fields["tokens"]])}

    def augment(self, item: Item, rng: np.random.Generator) -> Item:
        dropped = rng.random(len(item["words"])) < 0.5
        return {"words": np.where(dropped, 0, item["words"])}

    def cost(self, item: Item) -> int:
        return len(item["words"])

    def frames(self, item: Item) -> int:
        return len(item["words"])


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

    def forward(self, batch: SequenceBatch) -> Features:
        return Features(self.table(batch["words"]), batch.lengths["words"])

    @classmethod
    def over(cls, codec: type[SoundCodec]) -> type[Self]:
        return type(codec.__name__, (cls,), {"codec_class": codec})


class WrongSize(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.output_size = 6


class WrongLengths(Sound):
    def forward(self, batch: SequenceBatch) -> Features:
        found = super().forward(batch)
        return Features(found.values, torch.full_like(found.lengths, found.values.shape[1]))


class OverPadding(Sound):
    def forward(self, batch: SequenceBatch) -> Features:
        found = super().forward(batch)
        return Features(found.values - found.values.mean(1, keepdim=True), found.lengths)


class PlaceMatters(Sound):
    def forward(self, batch: SequenceBatch) -> Features:
        found = super().forward(batch)
        shift = torch.arange(len(batch)).reshape(-1, 1, 1)
        return Features(found.values + shift, found.lengths)


class Unused(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.forgotten = nn.Linear(2, 2)


class HiddenTensor(Sound):
    def __init__(self, codec: SoundCodec) -> None:
        super().__init__(codec)
        self.shift = torch.randn(5)

    def forward(self, batch: SequenceBatch) -> Features:
        found = super().forward(batch)
        return Features(found.values + self.shift, found.lengths)


class Free(SoundCodec):
    def cost(self, item: Item) -> int:
        return 0


class OtherAfterJson(SoundCodec):
    """Keys that are numbers become texts in JSON."""

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {"words": dict(enumerate(super().fit(examples)["words"], 1))}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.numbers = {word: n if isinstance(n, int) else 0 for n, word in state["words"].items()}


class GrowsInPrepare(SoundCodec):
    def prepare(self, example: Example) -> Example:
        tokens = [*super().prepare(example).fields["tokens"], "end"]
        return replace(example, fields={**example.fields, "tokens": tokens})


class ChangesItem(SoundCodec):
    def augment(self, item: Item, rng: np.random.Generator) -> Item:
        item["words"][:] = 0
        return item


class RandomBeyond(SoundCodec):
    count = 0

    def augment(self, item: Item, rng: np.random.Generator) -> Item:
        RandomBeyond.count += 1
        return {"words": item["words"] + RandomBeyond.count}


class Empties(SoundCodec):
    def augment(self, item: Item, rng: np.random.Generator) -> Item:
        return {"words": item["words"][:0]}


class TakesAnything(SoundCodec):
    def prepare(self, example: Example) -> Example:
        return example

    def encode(self, example: Example) -> Item:
        tokens = example.fields.get("tokens", ())
        return {"words": np.array([self.numbers[word] for word in tokens])}


BROKEN: list[tuple[Any, Any, str]] = [
    (checks.check_sizes, WrongSize, "output_size is not that of features"),
    (checks.check_sizes, WrongLengths, r"lengths are not frames\(\)"),
    (checks.check_sizes, Sound.over(Free), r"cost\(\) must be positive"),
    (checks.check_padding, OverPadding, "features of row 0: differ by"),
    (checks.check_order, PlaceMatters, "features of row 0, moved: differ by 3, allowed"),
    (checks.check_codec, Sound.over(OtherAfterJson), r"encode\(\) gives another 'words'"),
    (checks.check_codec, Sound.over(GrowsInPrepare), r"prepare\(\) is not idempotent"),
    (checks.check_augment, Sound.over(ChangesItem), r"augment\(\) changes the item's 'words'"),
    (checks.check_augment, Sound.over(RandomBeyond), r"augment\(\) is random beyond rng: 'words'"),
    (checks.check_augment, Sound.over(Empties), "leaves an item without frames"),
    (checks.check_bad, Sound.over(TakesAnything), "an example without fields is not refused"),
    (checks.check_gradients, Unused, r"no gradient reaches forgotten\.weight"),
    (checks.check_round_trip, HiddenTensor, "outputs of the stored module"),
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


def test_every_check_has_a_broken_frontend() -> None:
    assert {check for check, _, _ in BROKEN} == set(FRONTEND_CHECKS)
