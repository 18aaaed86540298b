"""The frontend ``subwords``: a vector for each piece of a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from seqloom.checks import check_probability
from seqloom.errors import Cause, ConfigError, ExampleError, kind_of
from seqloom.interfaces import Arrays, Example, Features, Frontend, FrontendCodec, Inputs
from seqloom.nn import LockedDropout, length_mask
from seqloom_translation.schemas import Subwords
from seqloom_translation.units import EOS, FIRST, PAD, Listed, Units, fit_units, restored_units


class SubwordsCodec(FrontendCodec):
    """Encodes a text as ``pieces`` (T,), which end with the end of the text.

    So an empty text, such as a blank line among the inputs, has one step.

    Attributes:
        units: Units of the training texts.
    """

    padding: Mapping[str, float] = {"pieces": PAD}

    def __init__(self, **params: Any) -> None:
        self.params = Subwords(**params)
        check_vocabulary("frontend", self.params)
        self.units: Units = Listed(self.params.unit, [])

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return a bare text or list of tokens as the field that is read."""
        found = super().fields(value)
        if found is None or self.params.field is None:
            return found
        return {self.params.field: next(iter(found.values()))}

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the units of the training texts.

        Raises:
            ExampleError: An example has nothing to read.
            ConfigError: ``frontend.vocabulary`` is too small for the texts.
        """
        params = self.params
        texts = (self.read(example) for example in examples)
        self.units = fit_units(texts, params.unit, params.model, params.vocabulary)
        return self.units.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state that ``fit`` returned."""
        self.units = restored_units(state)

    def read(self, example: Example) -> str:
        """Return the text that is encoded, in Unicode's composed form (NFC).

        Raises:
            ExampleError: There is no text.
        """
        names = ("text", "tokens") if self.params.field is None else (self.params.field,)
        value = next((example.fields[name] for name in names if name in example.fields), None)
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            value = " ".join(value)
        if not isinstance(value, str):
            wanted = " or ".join(map(repr, names))
            found = "it is missing" if value is None else f"it is {kind_of(value)}"
            raise ExampleError(
                example, f"expected a text in the field {wanted}; {found}.", cause=Cause.no_field
            )
        return unicodedata.normalize("NFC", value)

    def encode(self, example: Example) -> Arrays:
        """Return ``pieces`` (T,) int32.

        Raises:
            ExampleError: There is no text.
        """
        return {"pieces": np.array([*self.units.numbers(self.read(example)), EOS], np.int32)}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Divide subwords into smaller ones at random, if ``sampling`` is set."""
        if not self.params.sampling:
            return arrays
        return {"pieces": self.units.sampled(arrays["pieces"], self.params.sampling, rng)}

    def cost(self, arrays: Arrays) -> int:
        """Return the number of pieces."""
        return len(arrays["pieces"])

    def frames(self, arrays: Arrays) -> int:
        """Return the number of pieces."""
        return len(arrays["pieces"])

    def steps(self, example: Example) -> list[str]:
        """Return the pieces; the end of the text is an empty one."""
        return [self.units.name(one) for one in self.encode(example)["pieces"]]


def check_vocabulary(kind: str, params: Any) -> None:
    """Check the parameters of units.

    Raises:
        ConfigError: One is out of range.
    """
    if params.vocabulary <= FIRST:
        raise ConfigError(
            f"{kind}.vocabulary={params.vocabulary}: expected more than {FIRST}, as padding, "
            "unknown, start and end are among the units.",
            cause=Cause.wrong_value,
        )
    if not 0 <= params.sampling <= 1:
        raise ConfigError(
            f"{kind}.sampling={params.sampling}: expected a number in [0, 1]",
            cause=Cause.wrong_value,
        )
    check_probability(f"{kind}.dropout", params.dropout)


class SubwordsFrontend(Frontend):
    """Looks pieces up in a table.

    Args:
        codec: Codec with its state.
        params: Parameters of the component; see ``seqloom_translation.schemas.Subwords``.

    Attributes:
        output_size: D, size of a piece's vector.
    """

    def __init__(self, codec: SubwordsCodec, **params: Any) -> None:
        super().__init__()
        options = Subwords(**params)
        self.output_size = options.size
        self.embedding = nn.Embedding(codec.units.size, options.size, padding_idx=PAD)
        self.dropout = LockedDropout(options.dropout)
        nn.init.normal_(self.embedding.weight, std=options.size**-0.5)
        with_padding = self.embedding.weight.data
        with_padding[PAD] = 0.0

    @classmethod
    def make_codec(cls, **params: Any) -> SubwordsCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: A parameter is out of range.
        """
        return SubwordsCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``pieces`` (B, T)."""
        pieces, lengths = inputs["pieces"].long(), inputs.lengths["pieces"]
        beyond = ~length_mask(lengths, pieces.shape[1], pieces.device)
        return Features(self.dropout(self.embedding(pieces.masked_fill(beyond, PAD))), lengths)
