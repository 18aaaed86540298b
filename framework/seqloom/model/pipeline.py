"""The model as a whole: codecs, frontend, encoder and heads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import torch
from torch import Tensor, nn

from seqloom.data.collate import EncodedExample
from seqloom.data.encode import Codecs
from seqloom.errors import DataError
from seqloom.interfaces import Encoded, Encoder, Example, Frontend, Head, Prediction, SequenceBatch

SHOWN = 60  # characters of a value in a message


class Pipeline(nn.Module):
    """Codecs, a frontend, an encoder and named heads, without anything that only training needs.

    Calling it with a `SequenceBatch` gives outputs; with anything else, predictions::

        pipeline("Apple is something that I like to eat.")
        pipeline([["Apple", "is", "something"], ["I", "like", "it"]])

    Attributes:
        codecs: with their states.
        info: what the bundle that it came from says of it; empty if it was built here.
    """

    def __init__(
        self, codecs: Codecs, frontend: Frontend, encoder: Encoder, heads: Mapping[str, Head]
    ) -> None:
        super().__init__()
        self.codecs = codecs
        self.frontend = frontend
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)
        self.collate = codecs.collate()
        self.info: dict[str, Any] = {}

    @property
    def head(self) -> Head:
        """The only head."""
        (head,) = self.heads.values()
        assert isinstance(head, Head)
        return head

    @property
    def head_name(self) -> str:
        """The name of the only head."""
        (name,) = self.heads
        return name

    def encode(self, batch: SequenceBatch) -> Encoded:
        """Return the encoder's states for a batch."""
        encoded: Encoded = self.encoder(self.frontend(batch.inputs))
        return encoded

    def forward(self, batch: SequenceBatch) -> tuple[Encoded, Any]:
        """Return the encoder's states and the head's outputs for a batch."""
        encoded = self.encode(batch)
        return encoded, self.head(encoded, batch.targets.get(self.head_name))

    def losses(self, batch: SequenceBatch) -> Tensor:
        """Return (B,) losses, one an example."""
        _, outputs = self(batch)
        return self.head.loss(outputs, batch.targets[self.head_name])

    @overload
    def __call__(self, inputs: SequenceBatch) -> tuple[Encoded, Any]: ...
    @overload
    def __call__(self, inputs: list[Any] | tuple[Any, ...] | Iterator[Any]) -> list[Prediction]: ...
    @overload
    def __call__(self, inputs: Any) -> Prediction: ...
    def __call__(self, inputs: Any) -> Any:
        """Return outputs for a batch, a list of predictions for a list of inputs, or one for one.

        An input is what the frontend reads (a text, a list of tokens, an image), a dict of fields,
        or an `Example`.
        """
        if isinstance(inputs, SequenceBatch):
            return super().__call__(inputs)
        if not isinstance(inputs, list | tuple | Iterator):
            return next(self.predict([self.example(inputs)]))[1]
        examples = [self.example(one, str(number)) for number, one in enumerate(inputs)]
        return [prediction for _, prediction in self.predict(examples)]

    def example(self, value: Any, name: str = "input") -> Example:
        """Return a value as an unlabelled example.

        Raises:
            DataError: it is nothing that can be predicted from.
        """
        if isinstance(value, Example):
            return value
        if isinstance(value, Mapping):
            return Example(name, dict(value))
        fields = self.codecs.frontend.fields(value)
        if fields is None:
            raise DataError(
                f"Nothing can be predicted from {_shown(value)} ({type(value).__name__}); expected "
                "what the frontend reads (a text, a list of tokens, an image, …), a dict of "
                "fields, an Example, or a list of these."
            )
        return Example(name, fields)

    def predict(
        self, examples: Iterable[Example], batch_size: int = 64
    ) -> Iterator[tuple[Example, Prediction]]:
        """Yield each example, prepared, with its prediction, in the order given.

        Reads ``batch_size`` examples before it yields their predictions; dropout is off.

        Raises:
            ExampleError: an example cannot be read.
        """
        chunk: list[Example] = []
        for example in examples:
            chunk.append(example)
            if len(chunk) == batch_size:
                yield from self.predict_chunk(chunk)
                chunk = []
        if chunk:
            yield from self.predict_chunk(chunk)

    @torch.inference_mode()
    def predict_chunk(self, examples: Sequence[Example]) -> list[tuple[Example, Prediction]]:
        """Return each example of one batch, prepared, with its prediction."""
        rows = [self.codecs.encode_inputs(self.codecs.frontend.prepare(one)) for one in examples]
        return self.predict_rows(rows)

    @torch.inference_mode()
    def predict_rows(self, rows: Sequence[EncodedExample]) -> list[tuple[Example, Prediction]]:
        """Return each row's example with its prediction; rows of like size are read together."""
        predictions: dict[int, Prediction] = {}
        training = self.training
        self.eval()
        try:
            for group in alike([row.cost for row in rows]):
                encoded, outputs = self(self.collate([rows[i] for i in group]).to(self.device))
                found = self.head.decode(outputs, encoded)
                predictions |= dict(zip(group, found, strict=True))
        finally:
            self.train(training)
        return [
            (
                row.example,
                self.codecs.heads[self.head_name].describe(row.example, predictions[number]),
            )
            for number, row in enumerate(rows)
        ]

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device


def _shown(value: Any) -> str:
    """Return a value for messages, cut down to 60 characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def alike(costs: Sequence[int]) -> list[list[int]]:
    """Return the places of costs in groups in which at least half of the padded size is real.

    >>> alike([9, 100, 10, 8])
    [[3, 0, 2], [1]]
    """
    groups: list[list[int]] = []
    total = 0
    for place in sorted(range(len(costs)), key=costs.__getitem__):
        total += costs[place]
        if not groups or costs[place] * (len(groups[-1]) + 1) > 2 * total:
            groups.append([])
            total = costs[place]
        groups[-1].append(place)
    return groups
