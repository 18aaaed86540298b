"""The head ``translation``: a text, predicted unit by unit with attention to the input."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqloom.interfaces import Encoded, Head, Prediction, Purpose, Targets
from seqloom.nn import length_mask
from seqloom_translation.alignment import words
from seqloom_translation.attention import Memory
from seqloom_translation.codec import TranslationCodec
from seqloom_translation.decoder import Decoder
from seqloom_translation.greedy import greedy_search
from seqloom_translation.loss import Problem, cross_entropy
from seqloom_translation.schemas import Translation
from seqloom_translation.search import Hypothesis, Search, search
from seqloom_translation.units import EOS

if TYPE_CHECKING:
    from seqloom_translation.metric import TranslationMetric

log = logging.getLogger("seqloom")

DIGITS = 4
"""Number of decimals of attention weights in predictions."""


@dataclass
class Outputs:
    """Outputs of the head.

    Attributes:
        memory: States of the encoder, prepared for attention.
        summary: Summaries of the encoder, (B, H).
        hidden: What the units of the targets are predicted from, (B, S, D); None without targets.
    """

    memory: Memory
    summary: Tensor
    hidden: Tensor | None


class TranslationHead(Head):
    """Predicts a text from the states of any encoder.

    Args:
        codec: Codec with its state.
        input_size: Size H of the encoder's states.
        params: Parameters; see ``seqloom_translation.schemas.Translation``.
    """

    monitor = "chrf"  # BLEU is 0 where texts have less than four words

    def __init__(self, codec: TranslationCodec, input_size: int, **params: Any) -> None:
        super().__init__()
        self.codec = codec
        self.options = Translation(**params)
        self.decoder = Decoder(self.options, codec.units.size, input_size)
        self._said = False

    @classmethod
    def make_codec(cls, **params: Any) -> TranslationCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: A parameter is out of range.
        """
        return TranslationCodec(**params)

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Outputs:
        """Return the prepared states and, for known targets, what each unit is predicted from."""
        memory = self.decoder.attention.remember(encoded.states, encoded.lengths)
        hidden = None
        if targets is not None:
            hidden = self.decoder(targets["units"].long(), encoded.summary, memory).hidden
        return Outputs(memory, encoded.summary, hidden)

    def loss(self, outputs: Outputs, targets: Targets) -> Tensor:
        """Return −log P(target) divided by the mean length of the training targets, (B,).

        The mean over a set of texts is then the mean over units, of which each counts equally,
        whatever the length of its text; in a step of training by `HeadCodec.terms`.
        """
        assert outputs.hidden is not None
        units, lengths = targets["units"].long(), targets.lengths["units"]
        # The positions are found on the CPU, so that a GPU is not waited for.
        rows, columns = length_mask(lengths, units.shape[1]).nonzero(as_tuple=True)
        rows, columns = rows.to(units.device), columns.to(units.device)
        problem = Problem(
            outputs.hidden[rows, columns],
            self.decoder.embedding.weight,
            self.decoder.bias,
            units[rows, columns],
            self.options.label_smoothing if self.training else 0.0,
        )
        losses = cross_entropy(problem)
        sums = losses.new_zeros(len(units)).index_add(0, rows, losses)
        return sums / self.codec.mean_length

    def decode(
        self,
        outputs: Outputs,
        encoded: Encoded,
        *,
        given: Targets | None = None,
        purpose: Purpose = "predict",
        scores: bool = True,
    ) -> list[Prediction]:
        """Return translations, with confidences by piece, by word and as a whole if ``scores``.

        Validation searches with ``val_beam``.
        """
        options, lengths = self.options, encoded.lengths.tolist()
        scores = scores or options.alignment  # word pairs name the pieces
        settings = self._settings(purpose)
        limits = [math.ceil(options.max_ratio * one) + options.max_extra for one in lengths]
        prefixes = [[] for _ in lengths] if given is None else _sequences(given, "prefix")
        if settings.beam == 1 and not settings.keeps_attention:
            greedy = greedy_search(
                self.decoder,
                outputs.summary,
                outputs.memory,
                limits=limits,
                prefixes=prefixes,
                no_repeat=options.no_repeat,
                logs=scores,
            )
            return [self._prediction([one], settings, scores) for one in greedy]
        found = search(
            self.decoder,
            outputs.summary,
            outputs.memory,
            limits=limits,
            prefixes=prefixes,
            settings=settings,
        )
        return [self._prediction(row, settings, scores) for row in found]

    def _settings(self, purpose: Purpose) -> Search:
        """Return how to search, and say once that validation searches otherwise."""
        options, validating = self.options, purpose == "validate"
        if validating and options.val_beam != options.beam and not self._said:
            self._said = True
            log.info(
                "Validation searches with head.val_beam=%d; tests and predictions with "
                "head.beam=%d.",
                options.val_beam,
                options.beam,
            )
        beam = options.val_beam if validating else options.beam
        return Search(
            beam=beam,
            best=min(options.alternatives, beam),
            length_penalty=options.length_penalty,
            coverage_penalty=options.coverage_penalty,
            no_repeat=options.no_repeat,
            attention=purpose == "report" or options.alignment,
        )

    def _prediction(self, found: list[Hypothesis], settings: Search, scores: bool) -> Prediction:
        field, best, units = self.options.field, found[0], self.codec.units
        prediction: Prediction = {field: units.text(best.units)}
        if scores:
            prediction |= {
                "confidence": _probability(best.logs),
                "score": best.score(settings),
                "words": self._words(best),
                "pieces": [
                    {"text": units.name(unit), "confidence": _probability([value])}
                    for unit, value in zip(best.units, best.logs, strict=False)
                ],
            }
        if settings.best > 1:
            prediction["alternatives"] = [
                {field: units.text(one.units)}
                | ({"confidence": _probability(one.logs)} if scores else {})
                for one in found
            ]
        if best.attention and settings.attention:
            weights = torch.stack(best.attention)[: len(best.units)]
            prediction["attention"] = [
                [round(value, DIGITS) for value in row] for row in weights.tolist()
            ]
        return prediction

    def _words(self, found: Hypothesis) -> list[dict[str, Any]]:
        """Return the words of a translation, each with the product of its pieces' confidences."""
        units = self.codec.units
        parts: dict[int, list[int]] = {}
        for place, word in enumerate(words([units.name(unit) for unit in found.units])):
            if word >= 0:
                parts.setdefault(word, []).append(place)
        return [
            {
                "text": units.text([found.units[place] for place in places]).strip(),
                "confidence": _probability([found.logs[place] for place in places]),
            }
            for places in parts.values()
        ]

    def load_matching(self, trained: Head) -> None:
        """Take over the weights of a trained decoder, and the vectors of units that both have."""
        if not isinstance(trained, TranslationHead):
            super().load_matching(trained)
            return
        own, other = self.state_dict(), trained.state_dict()
        names = {self.codec.units.name(n): n for n in range(EOS + 1, self.codec.units.size)}
        pairs = [(n, n) for n in range(EOS + 1)]
        pairs += [
            (names[name], n)
            for n in range(EOS + 1, trained.codec.units.size)
            if (name := trained.codec.units.name(n)) in names
        ]
        mine, theirs = (list(numbers) for numbers in zip(*pairs, strict=True))
        for name, value in own.items():
            if name in ("decoder.embedding.weight", "decoder.bias"):
                value[mine] = other[name][theirs]
            elif name in other and other[name].shape == value.shape:
                value.copy_(other[name])

    def metrics(self) -> TranslationMetric:
        """Return BLEU, chrF, the share of exact translations, and the perplexity of a unit."""
        from seqloom_translation.metric import TranslationMetric  # imports torchmetrics

        return TranslationMetric(self.options.field, self.codec.mean_length)


def _sequences(targets: Targets, name: str) -> list[list[int]]:
    lengths = targets.lengths[name].tolist()
    rows = targets[name].tolist()
    return [row[:length] for row, length in zip(rows, lengths, strict=True)]


def _probability(logs: list[float]) -> float:
    return min(1.0, math.exp(math.fsum(logs)))
