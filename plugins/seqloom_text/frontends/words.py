"""The frontend ``words``: a vector for each word, with features of its characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from seqloom.errors import ConfigError, ExampleError, plural
from seqloom.interfaces import Arrays, Example, Features, Frontend, FrontendCodec, Inputs
from seqloom.nn import LockedDropout, is_full, length_mask
from seqloom_text.frontends.alphabet import Alphabet
from seqloom_text.frontends.fields import FIRST, PAD, UNK, choose_field, read_field, under
from seqloom_text.frontends.spelling import SpellingFeatures
from seqloom_text.frontends.subwords import SubwordVectors, buckets_for
from seqloom_text.schemas_frontend import Words
from seqloom_text.tokenizers import get_tokenizer
from seqloom_text.vectors import load_vectors, read_lines


class InitialVectors(NamedTuple):
    """Initial rows of a table of word vectors: ids (N,) and their vectors (N, D)."""

    ids: np.ndarray
    values: np.ndarray


class WordsCodec(FrontendCodec):
    """Encodes the tokens of an example as ``words`` (T,) and their ``characters`` (T, W).

    The state holds the known words with their counts in the training examples, most frequent first,
    and the known characters.

    Attributes:
        size: Number of word ids, with padding and unknown.
        alphabet: Known characters.
        buckets: Number of rows of the table of subwords.
        initial_vectors: What ``read_initial`` found in the file of pretrained vectors. Not part of
            the state: in a stored model the trained vectors replace them.
    """

    def __init__(self, **params: Any) -> None:
        self.params = Words(**params)
        self._tokenize = get_tokenizer(self.params.tokenizer)
        self.initial_vectors: InitialVectors | None = None
        self.restore({"words": [], "counts": [], "characters": ""})

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return a bare text or list of tokens as the field that is read."""
        return under(self.params.field, super().fields(value))

    def prepare(self, example: Example) -> Example:
        """Return the example with its tokens in the field ``tokens``.

        Tokens of a text come with ``meta["offsets"]``, a list of ``[start, end]`` in the text.

        Raises:
            ExampleError: There is no token, or something else than a text or tokens.
        """
        name = choose_field(example, self.params.field, ("tokens", "text"))
        value = read_field(example, name)
        if isinstance(value, list):
            if name == "tokens" and isinstance(example.fields[name], list):
                return example
            return replace(example, fields={**example.fields, "tokens": value})
        offsets = self._tokenize(value)
        if not offsets:
            raise ExampleError(
                example,
                f"{name!r} has no token, at most white space; leave out such examples.",
            )
        return replace(
            example,
            fields={**example.fields, "tokens": [value[start:end] for start, end in offsets]},
            meta={**example.meta, "offsets": [list(span) for span in offsets]},
        )

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the words, their counts, and the characters of the training examples.

        Raises:
            ExampleError: An example has no tokens.
            DataError: The file of vectors is missing or malformed.
            ConfigError: Its vectors have another size than ``frontend.size``.
        """
        return self.fit_counted(self.count(examples), examples)

    def count(self, examples: Iterable[Example]) -> Counter[str]:
        """Return how often each token occurs; see `Codec.count`."""
        return Counter(chain.from_iterable(map(self._tokens, examples)))

    def fit_counted(self, counts: Counter[str], examples: Sequence[Example]) -> dict[str, Any]:
        """Return what ``fit`` returns; see `Codec.fit_counted`."""
        characters = (
            "".join(sorted(set().union(*counts)))
            if self.params.characters or self.params.subwords
            else ""
        )
        if self.params.lowercase:
            counts = _fold(counts)
        known = [word for word, count in counts.items() if count >= self.params.min_count]
        known.sort(key=lambda word: (-counts[word], word))
        known += self._words_of_vectors(known)
        state: dict[str, Any] = {
            "words": known,
            "counts": [counts[w] for w in known],
            "characters": characters,
        }
        if self.params.subwords:
            lengths = (self.params.subword_shortest, self.params.subword_longest)
            state["buckets"] = buckets_for(counts, lengths, self.params.subword_buckets)
        self.restore(state)
        self.read_initial()
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state that ``fit`` returned."""
        self._ids = {word: number for number, word in enumerate(state["words"], start=FIRST)}
        self.size = len(self._ids) + FIRST
        self.alphabet = Alphabet(state["characters"])
        self.buckets = int(state.get("buckets", 1))
        rate = self.params.word_dropout
        counts = np.array(state["counts"], np.float64)
        probabilities = np.divide(rate, rate + counts, out=np.zeros_like(counts), where=rate > 0)
        # Padding and unknown are never dropped.
        self._drop = np.concatenate([np.zeros(FIRST), probabilities])

    def read_initial(self) -> None:
        """Look the known words up in the file of vectors, if one is set; ``fit`` does so.

        Raises:
            DataError: The file is missing or malformed.
            ConfigError: Its vectors have another size than ``frontend.size``.
        """
        path = self.params.vectors
        if path is None:
            return
        found = load_vectors(path, self._ids)
        if not found:
            return
        values = np.stack(list(found.values()))
        if values.shape[1] != self.params.size:
            raise ConfigError(
                f"The vectors in {path} have {values.shape[1]} {plural(values.shape[1], 'value')} "
                "each, but frontend.size is "
                f"{self.params.size}; set frontend.size={values.shape[1]}."
            )
        self.initial_vectors = InitialVectors(np.array([self._ids[w] for w in found]), values)

    def encode(self, example: Example) -> Arrays:
        """Return ``words`` (T,) int64 and, unless they are off, ``characters`` (T, W).

        Raises:
            ExampleError: The example has no tokens.
        """
        tokens = self._tokens(example)
        words = map(str.lower, tokens) if self.params.lowercase else tokens
        ids = map(self._ids.get, words, repeat(UNK))
        item = {"words": np.fromiter(ids, np.int64, len(tokens))}
        if self.params.characters or self.params.subwords:
            item["characters"] = self.alphabet.spell(tokens)
        return item

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        """Make words unknown, rare ones with a higher probability; characters are kept.

        Word dropout as in Kiperwasser and Goldberg, 2016 (TACL 4, section 4).
        """
        words = arrays["words"]
        dropped = rng.random(len(words)) < self._drop[words]
        return {**arrays, "words": np.where(dropped, UNK, words)} if dropped.any() else arrays

    def cost(self, arrays: Arrays) -> int:
        """Return the number of tokens."""
        return len(arrays["words"])

    def frames(self, arrays: Arrays) -> int:
        """Return the number of tokens."""
        return len(arrays["words"])

    def steps(self, example: Example) -> list[str]:
        """Return the tokens."""
        return self._tokens(example)

    def _tokens(self, example: Example) -> list[str]:
        prepared = example if "tokens" in example.fields else self.prepare(example)
        tokens = read_field(prepared, "tokens")
        return tokens if isinstance(tokens, list) else [tokens]

    def _words_of_vectors(self, known: Sequence[str]) -> list[str]:
        """Return the words that the file of vectors adds to the known ones, in its order."""
        if not self.params.vectors_vocabulary or self.params.vectors is None:
            return []
        words = (line.word for line in read_lines(self.params.vectors))
        added = dict.fromkeys(word.lower() if self.params.lowercase else word for word in words)
        present = set(known)
        return [word for word in added if word not in present]


def _fold(counts: Counter[str]) -> Counter[str]:
    folded: Counter[str] = Counter()
    for word, count in counts.items():
        folded[word.lower()] += count
    return folded


class WordsFrontend(Frontend):
    """Looks words up in a table and, if set, reads their characters.

    Args:
        codec: Codec with its state, and with the pretrained vectors that ``fit`` found.
        params: Parameters of the component; see ``seqloom_text.schemas_frontend.Words``.

    Attributes:
        output_size: D, size of a word's vector plus the number of character filters.
    """

    def __init__(self, codec: WordsCodec, **params: Any) -> None:
        super().__init__()
        options = Words(**params)
        self.embedding = nn.Embedding(codec.size, options.size, padding_idx=PAD)
        self.spelling = (
            SpellingFeatures(
                codec.alphabet.size,
                options.character_size,
                options.character_filters,
                options.character_width,
            )
            if options.characters
            else None
        )
        self.subwords = (
            SubwordVectors(
                torch.from_numpy(codec.alphabet.folded(options.lowercase)),
                options.subword_size,
                codec.buckets,
                (options.subword_shortest, options.subword_longest),
                options.init_std,
            )
            if options.subwords
            else None
        )
        self.dropout = LockedDropout(options.dropout or 0.0)
        readers = [one for one in (self.spelling, self.subwords) if one is not None]
        self.output_size = options.size + sum(one.output_size for one in readers)
        self._initialise(options.init_std, codec.initial_vectors)
        self.embedding.weight.requires_grad_(not options.freeze_vectors)

    @classmethod
    def make_codec(cls, **params: Any) -> WordsCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: A parameter is out of range.
        """
        return WordsCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``words`` (B, T), with the features of ``characters`` (B, T, W)."""
        words, lengths = inputs["words"], inputs.lengths["words"]
        full = is_full(lengths, words.shape[1])
        beyond = None if full else ~length_mask(lengths, words.shape[1], words.device)
        parts = [self.embedding(words if beyond is None else words.masked_fill(beyond, PAD))]
        if self.spelling is not None or self.subwords is not None:
            characters = inputs["characters"]
            if beyond is not None:
                characters = characters.masked_fill(beyond.unsqueeze(2), PAD)
            parts += [read(characters) for read in (self.spelling, self.subwords) if read]
        return Features(self.dropout(torch.cat(parts, 2)), lengths)

    @torch.no_grad()
    def _initialise(self, std: float, vectors: InitialVectors | None) -> None:
        """Draw the table from N(0, std); pretrained vectors and their mean, as UNK, replace it."""
        weight = self.embedding.weight
        nn.init.normal_(weight, std=std)
        weight[PAD] = 0.0
        if vectors is not None:
            values = torch.from_numpy(vectors.values).to(weight)
            weight[torch.from_numpy(vectors.ids)] = values
            weight[UNK] = values.mean(0)
