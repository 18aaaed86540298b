"""The model, from tensors to outputs, and the pipeline, from examples to predictions."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, overload

import torch
from torch import Tensor, nn

from seqloom.data.characters import refuse_surrogates
from seqloom.data.collate import EncodedExample
from seqloom.data.encode import Codecs
from seqloom.errors import Cause, ConfigError, DataError, ExampleError
from seqloom.interfaces import (
    Encoded,
    Encoder,
    Example,
    Frontend,
    Head,
    Inputs,
    Origin,
    Prediction,
    Purpose,
    SequenceBatch,
    Targets,
)
from seqloom.interfaces.arguments import accepted
from seqloom.model.grouping import Pace, similar_sizes
from seqloom.model.inputs import are_words, refuse_columns, refuse_single, words_hint
from seqloom.model.streaming import chunks, lists

SHOWN = 60  # characters of a value in a message

LARGEST_ENCODED = 2**26
"""Bytes of encoded examples that are kept to be sorted; then they are predicted from."""

OnBad = Literal["error", "skip"] | Callable[[ExampleError], None]
"""What happens to an example that cannot be used: ``error``, ``skip``, or a function of the error,
after which it is skipped."""


class Model(nn.Module):
    """A frontend, an encoder and named heads, from tensors to outputs.

    Attributes:
        frontend: Network that returns features.
        encoder: Network that returns states.
        heads: Networks that return outputs, by name.
    """

    def __init__(self, frontend: Frontend, encoder: Encoder, heads: Mapping[str, Head]) -> None:
        super().__init__()
        self.frontend = frontend
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)

    def encode(self, tensors: Mapping[str, Tensor], lengths: Mapping[str, Tensor]) -> Encoded:
        """Return the encoder's states; the arguments are those of ``forward``."""
        encoder_output: Encoded = self.encoder(self.frontend(Inputs(tensors, lengths)))
        return encoder_output

    def forward(
        self,
        tensors: Mapping[str, Tensor],
        lengths: Mapping[str, Tensor],
        targets: Mapping[str, Targets] | None = None,
    ) -> tuple[Encoded, dict[str, Any]]:
        """Return the encoder's states, and each head's outputs by its name.

        Args:
            tensors: The padded arrays of the frontend's codec by name, (B, T, …) each.
            lengths: Their unpadded lengths by the same names, (B,) int64 on the CPU.
            targets: Targets by head, for those that read them in training (teacher forcing).
        """
        encoder_output = self.encode(tensors, lengths)
        known = targets or {}
        return encoder_output, {
            name: head(encoder_output, known.get(name)) for name, head in self.heads.items()
        }


class Pipeline:
    """A model with its codecs: predicts from raw inputs.

    Calling it returns a prediction, or a list of them for a list::

        pipeline("Apple is something that I like to eat.")
        pipeline([["Apple", "is", "something"], ["I", "like", "it"]])

    Attributes:
        codecs: Codecs with their states.
        model: The networks.
        info: Description of the bundle that it was loaded from; otherwise empty.
        folder: Folder of that bundle; None if it was not loaded.
    """

    def __init__(self, codecs: Codecs, model: Model) -> None:
        self.codecs = codecs
        self.model = model
        self.collate = codecs.collate()
        self.info: dict[str, Any] = {}
        self.folder: Path | None = None

    @property
    def head(self) -> Head:
        """The only head."""
        (head,) = self.model.heads.values()
        assert isinstance(head, Head)
        return head

    @property
    def head_name(self) -> str:
        """The name of the only head."""
        (name,) = self.model.heads
        return name

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.model.parameters()).device

    def to(self, device: torch.device | str) -> Self:
        """Move the weights to a device; return this pipeline.

        Raises:
            ConfigError: There is no such device here, or it has no room for the weights.
        """
        try:
            self.model.to(device)
        except (AssertionError, RuntimeError) as error:  # AssertionError: torch is built without it
            reason = str(error).partition("\n")[0]
            raise ConfigError(
                f"The device {str(device)!r} cannot be used: {reason}. "
                "Expected one that torch has here, such as 'cpu' or 'cuda'.",
                cause=Cause.wrong_value,
            ) from error
        return self

    def outputs(self, batch: SequenceBatch) -> tuple[Encoded, Any]:
        """Return the encoder's states and the only head's outputs for a batch."""
        tensors, lengths = batch.inputs.tensors, batch.inputs.lengths
        encoder_output, outputs = self.model(tensors, lengths, batch.targets)
        return encoder_output, outputs[self.head_name]

    @overload
    def __call__(
        self, inputs: list[Any] | tuple[Any, ...] | Iterator[Any], *, scores: bool = True
    ) -> list[Prediction]: ...
    @overload
    def __call__(self, inputs: Any, *, scores: bool = True) -> Prediction: ...
    def __call__(self, inputs: Any, *, scores: bool = True) -> Any:
        """Return the prediction for one input, or a list of them for a list of inputs.

        An input is what the frontend reads (a text, a list of tokens, an image), a dict of fields,
        or an `Example`.

        Args:
            inputs: An input, or a list, tuple or iterator of them.
            scores: Whether predictions have confidences; without, heads may take less time.

        Raises:
            DataError: An input is of another kind, or cannot be read.
        """
        if not isinstance(inputs, list | tuple | Iterator):
            encoded = self._encode_one(self.example(inputs))
            return self.predict_encoded([encoded], scores=scores)[0][1]
        values = list(inputs)
        examples = list(self._examples(values))
        pace = Pace(None, waits=False)
        read = iter([examples])  # nobody sees the first predictions earlier
        found = list(self._predict(read, pace, "error", scores=scores))
        if all(isinstance(one, str) for one in values) and are_words(one for one, _ in found):
            warnings.warn(words_hint(values), stacklevel=2)
        return [prediction for _, prediction in found]

    def example(self, value: Any, name: str = "input") -> Example:
        """Return a value as an unlabelled example.

        Raises:
            DataError: The frontend does not read such a value.
        """
        if isinstance(value, Example):
            return value
        if isinstance(value, Mapping):
            refuse_columns(value, (self.info.get("data") or {}).get("kinds") or {})
            return Example(name, dict(value))
        fields = self.codecs.frontend.fields(value)
        if fields is None:
            raise DataError(
                f"Cannot predict from {_shown(value)} ({type(value).__name__}); expected what the "
                "frontend reads (a text, a list of tokens, an image, …), a dict of fields, an "
                "Example, or a list of these."
            )
        return Example(name, fields)

    def _examples(self, values: Iterable[Any]) -> Iterator[Example | ExampleError]:
        """Yield values as examples, and an error in the place of each that cannot be one."""
        for number, value in enumerate(values):
            name = f"inputs[{number}]"
            try:
                yield value if isinstance(value, ExampleError) else self.example(value, name)
            except DataError as error:
                yield ExampleError(Example(name, {}, Origin(name)), str(error), cause=error.code)

    def predict(
        self,
        examples: Iterable[Any],
        batch_size: int | None = None,
        *,
        on_bad: OnBad = "error",
        stream: bool = False,
        scores: bool = True,
    ) -> Iterator[tuple[Example, Prediction]]:
        """Yield each example, prepared, with its prediction, in the order of the input.

        Examples are read ahead, a batch first and then up to 16 batches, and those of similar cost
        are batched.

        Args:
            examples: Examples, or errors in their place, as `Reader.inputs` yields them; or other
                inputs of which a list can be passed to ``__call__``.
            batch_size: Maximum number of examples in a batch; None: 64, or up to 256 short ones.
            on_bad: What to do with an example that cannot be used: raise its ``error``, ``skip``
                it, or call a function with the error and skip it.
            stream: Whether to predict what has arrived when no more comes for a moment; a thread
                then reads ahead, and no more is read ahead than takes about a second.
            scores: Whether predictions have confidences; without, heads may take less time.

        Raises:
            ConfigError: ``batch_size`` or ``on_bad`` has another value.
            DataError: ``examples`` is a single input.
            ExampleError: An example cannot be used and ``on_bad`` is ``error``; predictions of the
                examples before it were yielded.
        """
        refuse_single(examples)
        if not callable(on_bad) and on_bad not in ("error", "skip"):
            raise ConfigError(
                f"on_bad={on_bad!r}: expected 'error', 'skip' or a function of the error.",
                cause=Cause.wrong_value,
            )
        pace = Pace(batch_size, waits=stream)
        items = self._examples(examples)
        read = chunks(items, pace.size, pace.most) if stream else lists(items, pace.size)
        yield from self._predict(read, pace, on_bad, scores=scores)

    def _predict(
        self,
        read: Iterator[list[Example | ExampleError]],
        pace: Pace,
        on_bad: OnBad,
        *,
        scores: bool,
    ) -> Iterator[tuple[Example, Prediction]]:
        """Yield the predictions from lists of examples."""
        for part in read:
            spent, started = 0.0, time.perf_counter()
            for encoded, error in self._encode(part, on_bad):
                found = self.predict_encoded(encoded, batch_size=pace.batch_size, scores=scores)
                spent += time.perf_counter() - started
                yield from found
                if error is not None:
                    raise error
                started = time.perf_counter()
            pace.note(len(part), spent)

    def _encode(
        self, examples: Sequence[Example | ExampleError], on_bad: OnBad
    ) -> Iterator[tuple[list[EncodedExample], ExampleError | None]]:
        """Yield the encoded examples, all or a few megabytes at a time.

        With the last ones comes the error of the example after them, if it must be raised.
        """
        encoded: list[EncodedExample] = []
        size = 0
        for example in examples:
            try:
                encoded.append(self._encode_one(example))
            except ExampleError as error:
                if callable(on_bad):
                    on_bad(error)
                elif on_bad != "skip":
                    yield encoded, error
                    return
                continue
            size += sum(array.nbytes for array in encoded[-1].inputs.values())
            if size > LARGEST_ENCODED:
                yield encoded, None
                encoded, size = [], 0
        if encoded:
            yield encoded, None

    def _encode_one(self, example: Example | ExampleError) -> EncodedExample:
        if isinstance(example, ExampleError):
            raise example
        refuse_surrogates(example)
        return self.codecs.encode_inputs(self.codecs.frontend.prepare(example))

    def predict_encoded(
        self,
        examples: Sequence[EncodedExample],
        purpose: Purpose = "predict",
        *,
        batch_size: int | None = None,
        scores: bool = True,
    ) -> list[tuple[Example, Prediction]]:
        """Return each example with its prediction; examples of similar cost are batched."""
        predictions: dict[int, Prediction] = {}
        was_training = self.model.training
        if was_training:
            self.model.eval()
        try:
            device = self.device
            for group in similar_sizes([one.cost for one in examples], batch_size):
                batch = self.collate([examples[i] for i in group])
                batch = batch if device.type == "cpu" else batch.to(device)
                found = self._decoded(batch, purpose, scores=scores)
                predictions |= zip(group, found, strict=True)
        finally:
            if was_training:
                self.model.train()
        found = [predictions[number] for number in range(len(examples))]
        return self._described([one.example for one in examples], found)

    def _decoded(self, batch: SequenceBatch, purpose: Purpose, *, scores: bool) -> list[Prediction]:
        head, name = self.head, self.head_name
        known = {"given": batch.given.get(name), "purpose": purpose, "scores": scores}
        with torch.inference_mode():
            encoder_output, outputs = self.outputs(batch)
            return head.decode(outputs, encoder_output, **accepted(head.decode, **known))

    def _described(
        self, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> list[tuple[Example, Prediction]]:
        codec, frontend = self.codecs.heads[self.head_name], self.codecs.frontend
        describe: Callable[..., Prediction] = codec.describe
        named = bool(accepted(describe, steps=()))
        described = []
        for one, prediction in zip(examples, predictions, strict=True):
            steps = {"steps": frontend.steps(one)} if named else {}
            found = describe(one, prediction, **steps)
            described.append((one, frontend.describe(one, found)))
        return described


def _shown(value: Any) -> str:
    """Return a value for messages, shortened to 60 characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
