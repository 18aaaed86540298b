"""What every head promises, as checks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from seqloom.data.collate import Collate, EncodedExample
from seqloom.errors import ExampleError
from seqloom.interfaces import (
    Encoded,
    Example,
    Features,
    Head,
    HeadCodec,
    Prediction,
    Targets,
)
from seqloom.interfaces.arguments import accepted
from seqloom.testing import modules
from seqloom.testing.compare import (
    ConformanceError,
    require,
    require_equal,
    require_finite,
    require_same,
)
from seqloom.testing.modules import Probe, gradients
from seqloom.testing.samples import features

SIZE = 6

STEPS = 40
LEARNING_RATE = 0.05

SHARE = 0.8
"""Largest part of the mean loss that training may leave."""

Candidates = Callable[[Example], Iterable[Example]]
"""From an example to examples like it, with each target that it could have."""


@dataclass(frozen=True)
class HeadCase:
    """A head class with parameters, labelled examples, and each example's number of states.

    Attributes:
        cls: Head class.
        examples: A few examples with the field that the head predicts.
        frames: Number of states of each example; one has 1, and one at most 3.
        params: Parameters by name.
        candidates: Returns all targets that an example could have, to search them for the best.
            Without it those of a field of the kind ``label``, ``labels`` or ``tags`` are known:
            the values of all examples.
        kind: Kind of the predicted field; the field's name if empty.
        likelihood: Whether the loss is −log P(target), or that divided by the number of tokens or
            classes. None requires it if it holds for some examples.
    """

    cls: type[Head]
    examples: Sequence[Example]
    frames: Sequence[int]
    params: Mapping[str, Any] = field(default_factory=dict)
    candidates: Candidates | None = None
    kind: str = ""
    likelihood: bool | None = None

    def codec(self) -> HeadCodec:
        """Return a fitted codec."""
        codec = self.cls.make_codec(**self.params)
        codec.restore(codec.fit(self.examples))
        return codec

    def make(self, codec: HeadCodec) -> Head:
        """Return a new head, built as pipelines build it."""
        sizes = {"features_size": SIZE} if self.cls.reads_features else {}
        return self.cls(codec, SIZE, **sizes, **self.params)

    def head(self, codec: HeadCodec) -> Head:
        """Return a new head in eval mode, the same one every time."""
        return HeadProbe(self, codec).seeded()

    def probe(self) -> HeadProbe:
        """Return how to build and run it for the checks that all networks share."""
        return HeadProbe(self, self.codec())

    @property
    def rows(self) -> list[int]:
        """The positions of all examples."""
        return list(range(len(self.examples)))

    def targets(self, codec: HeadCodec, rows: Sequence[int]) -> Targets:
        """Return the targets of some examples."""
        return targets(codec, [self.examples[row] for row in rows])

    def encoded(self, rows: Sequence[int]) -> Encoded:
        """Return states of some examples, NaN in the padding, whatever their neighbours."""
        whole = features(SIZE, list(self.frames))
        lengths = whole.lengths[list(rows)]
        states = whole.values[list(rows), : int(lengths.max())].clone()
        summary = torch.stack([state[0] for state in states])
        return Encoded(states, summary, lengths, Features(states, lengths))

    def losses(self, head: Head, codec: HeadCodec, rows: Sequence[int] | None = None) -> Tensor:
        """Return the losses of some examples, or of all, (B,)."""
        rows = self.rows if rows is None else rows
        wanted = self.targets(codec, rows)
        return head.loss(head(self.encoded(rows), wanted), wanted)

    def decoded(self, head: Head, rows: Sequence[int], scores: bool = True) -> list[Prediction]:
        """Return predictions for some examples; ``scores`` as training passes it."""
        encoded = self.encoded(rows)
        with torch.no_grad():
            options = accepted(head.decode, given=None, purpose="test", scores=scores)
            return head.decode(head(encoded), encoded, **options)

    def takes(self, codec: HeadCodec, row: int, example: Example) -> bool:
        """Return whether a codec accepts an example's target for the states of a row."""
        try:
            codec.check(example, codec.encode(example), self.frames[row])
        except ExampleError:
            return False
        return True


def targets(codec: HeadCodec, examples: Sequence[Example]) -> Targets:
    """Return the encoded targets of examples, padded."""
    encoded = [EncodedExample(one, {}, {"head": codec.encode(one)}) for one in examples]
    return Collate(targets={"head": codec.padding})(encoded).targets["head"]


@dataclass(frozen=True)
class HeadProbe(Probe[Head]):
    """Runs a head on the states and targets of a case.

    Attributes:
        case: Head and examples.
        codec: Fitted codec.
    """

    case: HeadCase
    codec: HeadCodec
    noun = "losses"

    @property
    def rows(self) -> list[int]:  # type: ignore[override]
        """The positions of all examples."""
        return self.case.rows

    def new(self) -> Head:
        """Return a new head."""
        return self.case.make(self.codec)

    def outputs(self, module: Head, device: torch.device | None = None) -> Tensor:
        """Return the losses of all examples, (B,)."""
        if device is None:
            return self.case.losses(module, self.codec)
        encoded, wanted = self.case.encoded(self.rows), self.case.targets(self.codec, self.rows)
        states, wanted = encoded.states.to(device), wanted.to(device)
        given = Features(states, encoded.lengths)
        moved = Encoded(states, encoded.summary.to(device), encoded.lengths, given)
        outputs = module(moved, wanted)
        metric = module.metrics().to(device)
        metric.update(module.decode(outputs, moved), wanted)
        metric.compute()
        return module.loss(outputs, wanted)

    def loss(self, module: Head, rows: Sequence[int]) -> Tensor:
        """Return the sum of the losses of some examples."""
        return self.case.losses(module, self.codec, rows).sum()


def check_loss(case: HeadCase) -> None:
    """Losses are (B,), finite, and independent per example: alone, padded and in any order.

    Their gradient reaches what the head reads, so that the encoder and the frontend learn.
    """
    codec = case.codec()
    head, rows = case.head(codec), case.rows
    losses = case.losses(head, codec)
    require(
        losses.shape == (len(rows),),
        f"losses are {tuple(losses.shape)}, not one for each example: expected {(len(rows),)}",
    )
    require_finite(losses, "losses beside NaN in the padding")
    losses.sum().backward()
    together = gradients(head)
    for row in rows:
        alone = case.losses(head, codec, [row])
        require_equal(alone[0], losses[row], f"loss of example {row}, alone")
        alone.sum().backward()
    modules.require_equal_gradients(gradients(head), together, head, "alone against padded")
    moved = case.losses(head, codec, rows[::-1])
    require_equal(moved.flip(0), losses, "losses in another order")
    read = case.encoded(rows)
    inputs = (read.states, read.summary, read.features.values.clone())
    for one in inputs:
        one.requires_grad_()
    read.features = Features(inputs[2], read.features.lengths)
    wanted = case.targets(codec, rows)
    head.loss(head(read, wanted), wanted).sum().backward()
    reached = any(one.grad is not None and bool(one.grad.any()) for one in inputs)
    require(reached, "no gradient reaches the states, so neither encoder nor frontend would learn")


def check_decode(case: HeadCase) -> None:
    """Predictions are plain data with confidences in [0, 1], and independent per example.

    With ``scores=False`` they may leave out confidences, and are the same otherwise.
    """
    codec = case.codec()
    head, rows = case.head(codec), case.rows
    predictions = case.decoded(head, rows)
    require(
        len(predictions) == len(rows),
        f"decode() returns {len(predictions)} predictions for {len(rows)} examples",
    )
    try:
        json.dumps(predictions, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConformanceError(f"predictions are not plain data: {error}") from error
    for row in rows:
        require_same(case.decoded(head, [row])[0], predictions[row], f"example {row}, alone")
        for confidence in _confidences(predictions[row]):
            require(0 <= confidence <= 1, f"a confidence of {confidence}; expected 0 to 1")
    require_same(case.decoded(head, rows[::-1])[::-1], predictions, "in another order")
    brief = case.decoded(head, rows, scores=False)
    require_same(predictions, brief, "decode() against decode(scores=False)", more=True)


def _confidences(value: Any, key: str = "") -> Iterator[float]:
    """Yield all confidences in a prediction, at any depth."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _confidences(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from _confidences(one, key)
    elif key == "confidence":
        yield value


def check_round_trip(case: HeadCase) -> None:
    """The weights survive a safetensors file, and so does what ``calibrate`` fits.

    After ``calibrate`` losses are still finite.
    """
    codec = case.codec()
    head = case.head(codec)
    said = head.calibrate(_passes(case, head, codec))
    require(
        all(math.isfinite(value) for value in said.values()),
        f"calibrate() returns {said}; expected finite numbers",
    )
    require_finite(case.losses(head, codec), "losses after calibrate()")
    torch.manual_seed(2)

    def outputs(one: Head) -> Tensor:
        found = [*_confidences(case.decoded(one, case.rows))]
        return torch.cat([case.losses(one, codec), torch.tensor(found)])

    modules.require_round_trip(head, case.make(codec), outputs)


@torch.no_grad()
def _passes(case: HeadCase, head: Head, codec: HeadCodec) -> Iterator[tuple[Any, Encoded, Targets]]:
    """Yield the arguments of ``calibrate`` for two batches."""
    for rows in (case.rows[::2], case.rows[1::2]):
        encoded = case.encoded(rows)
        yield head(encoded), encoded, case.targets(codec, rows)


def check_load_matching(case: HeadCase) -> None:
    """After ``load_matching`` losses are finite, and those of the other head are unchanged."""
    codec = case.codec()
    head = case.head(codec)
    before = case.losses(head, codec)
    torch.manual_seed(2)
    heir = case.make(codec).eval()
    heir.load_matching(head)
    require_finite(case.losses(heir, codec), "losses after load_matching()")
    require_equal(case.losses(head, codec), before, "losses of the head that was loaded from")


def check_bfloat16(case: HeadCase) -> None:
    """Under autocast to bfloat16 losses are finite and close to float32, and it decodes."""
    modules.check_bfloat16(case)
    head = case.head(case.codec())
    with torch.autocast("cpu", torch.bfloat16):
        predictions = case.decoded(head, case.rows)
    require(
        len(predictions) == len(case.rows),
        f"in bfloat16, {len(predictions)} predictions for {len(case.rows)} examples",
    )


def check_learning(case: HeadCase) -> None:
    """A few dozen steps of the head alone, on constant states, lower the mean loss."""
    probe = case.probe()
    head = probe.seeded()
    modules.require_weights(head)
    before = float(probe.outputs(head).detach().mean())
    optimizer = torch.optim.Adam(head.parameters(), LEARNING_RATE)
    torch.manual_seed(3)
    head.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        probe.outputs(head).mean().backward()
        optimizer.step()
    after = float(probe.outputs(head.eval()).detach().mean())
    wanted = before - (1 - SHARE) * abs(before)
    require(
        after < wanted,
        f"{STEPS} steps of training took the mean loss from {before:.4g} to {after:.4g}; expected "
        f"below {wanted:.4g}. Do gradients reach the weights?",
    )
