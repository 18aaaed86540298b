"""The frontend ``characters``: a vector for each character of a text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Example, Features, Frontend, FrontendCodec, Inputs
from seqloom.nn import LockedDropout, length_mask
from seqloom_text.frontends.alphabet import Alphabet
from seqloom_text.frontends.fields import PAD, UNK, choose_field, read_field, under
from seqloom_text.schemas_frontend import Characters, Normalisation


class CharactersCodec(FrontendCodec):
    """Encodes a text as ``characters`` (T,). The state holds the known characters.

    Attributes:
        alphabet: Known characters.
    """

    def __init__(self, **params: Any) -> None:
        self.params = Characters(**params)
        self.restore({"characters": ""})

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return a bare text or list of tokens as the field that is read."""
        return under(self.params.field, super().fields(value))

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the characters of the training examples.

        Raises:
            ExampleError: An example has nothing to read.
        """
        return self.fit_counted(self.count(examples), examples)

    def count(self, examples: Iterable[Example]) -> Counter[str]:
        """Return how often each character occurs; see `Codec.count`."""
        counts: Counter[str] = Counter()
        for example in examples:
            counts.update(self.read(example))
        return counts

    def fit_counted(self, counts: Counter[str], examples: Sequence[Example]) -> dict[str, Any]:
        """Return what ``fit`` returns; see `Codec.fit_counted`."""
        known = sorted(c for c, count in counts.items() if count >= self.params.min_count)
        state = {"characters": "".join(known)}
        self.restore(state)
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state that ``fit`` returned."""
        self.alphabet = Alphabet(state["characters"])

    def read(self, example: Example) -> str:
        """Return the text that is encoded: tokens joined, lower-cased if so set, normalized.

        Raises:
            ExampleError: There is nothing to read.
        """
        name = choose_field(example, self.params.field, ("text", "tokens"))
        value = read_field(example, name)
        text = value if isinstance(value, str) else " ".join(value)
        text = self._normalise(text.lower() if self.params.lowercase else text)
        if not text:
            raise ExampleError(
                example, f"{name!r} has no character; leave out examples without characters."
            )
        return text

    def encode(self, example: Example) -> Arrays:
        """Return ``characters`` (T,).

        Raises:
            ExampleError: There is nothing to read.
        """
        return {"characters": self.alphabet.ids(self.read(example))}

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Make characters unknown, each with the same probability."""
        probability = self.params.character_dropout
        characters = arrays["characters"]
        if not probability:
            return arrays
        dropped = rng.random(len(characters)) < probability
        return {**arrays, "characters": np.where(dropped, UNK, characters).astype(characters.dtype)}

    def cost(self, arrays: Arrays) -> int:
        """Return the number of characters."""
        return len(arrays["characters"])

    def frames(self, arrays: Arrays) -> int:
        """Return the number of characters."""
        return len(arrays["characters"])

    def steps(self, example: Example) -> list[str]:
        """Return the characters."""
        return list(self.read(example))

    def _normalise(self, text: str) -> str:
        match self.params.unicode:
            case Normalisation.NFC:
                return unicodedata.normalize("NFC", text)
            case Normalisation.NFKC:
                return unicodedata.normalize("NFKC", text)
        return text


class CharactersFrontend(Frontend):
    """Looks characters up in a table.

    Args:
        codec: Codec with its state.
        params: Parameters of the component; see ``seqloom_text.schemas_frontend.Characters``.

    Attributes:
        output_size: D, size of a character's vector.
    """

    def __init__(self, codec: CharactersCodec, **params: Any) -> None:
        super().__init__()
        options = Characters(**params)
        self.output_size = options.size
        self.embedding = nn.Embedding(codec.alphabet.size, options.size, padding_idx=PAD)
        self.dropout = LockedDropout(options.dropout)
        self._initialise(options.init_std)

    @classmethod
    def make_codec(cls, **params: Any) -> CharactersCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: A parameter is out of range.
        """
        return CharactersCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``characters`` (B, T)."""
        characters, lengths = inputs["characters"].long(), inputs.lengths["characters"]
        beyond = ~length_mask(lengths, characters.shape[1], characters.device)
        values = self.embedding(characters.masked_fill(beyond, PAD))
        return Features(self.dropout(values), lengths)

    @torch.no_grad()
    def _initialise(self, std: float) -> None:
        """Draw N(0, std); unknown starts at zero, since without dropout it is never trained."""
        nn.init.normal_(self.embedding.weight, std=std)
        self.embedding.weight[[PAD, UNK]] = 0.0
