"""The parameters of the CTC head."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """The Unicode normal form of texts in training, targets and scoring alike."""

    NFC = "NFC"
    NFD = "NFD"
    NFKC = "NFKC"
    NFKD = "NFKD"


class Decoder(StrEnum):
    """How a text is found in the scores of the frames."""

    greedy = "greedy"  # the best path
    beam = "beam"  # prefix beam search, with the language model and the lexicon, if any


@dataclass
class Ctc:
    """Parameters of ``head=ctc``: a text, character by character, along the steps.

    Attributes:
        field: Field of the examples that is predicted: a text.
        form: Unicode normal form.
        extra_characters: Characters to add to those of the training texts, for a later training
            that has them. Evaluated texts need it no more: unseen characters count as mistakes.
            Example: ``"áé"``.
        dropout: Dropout of the encoder's states, with the same mask at all steps of a sequence.
        shortcut: Weight of a second CTC loss, on the frontend's features, in training; it brings
            gradients to the convolutions early.
        decoder: How a text is found in the scores of the frames.
        beam_width: Number of prefixes that are kept at each frame.
        skip_blank: Frames whose blank is more probable than this are skipped in the beam search.
        ngram_order: Order of the model of characters that the beam search uses, fitted on the
            training texts (and ``corpus``); 0: no model.
        ngram_weight: Weight of its log probabilities; ``seqloom tune`` finds one.
        ngram_bonus: Bonus for each character, against the model's preference for short texts.
        corpus: File with more text for the n-gram model, one line each. Example: ``corpus.txt``.
        lexicon: File with the words that may be read, one a line; or ``train`` for those of the
            training texts and ``corpus``; null: any. Example: ``train``.
    """

    field: str = "text"
    form: Form = Form.NFC
    extra_characters: str = ""
    dropout: float = 0.0
    shortcut: float = 0.1
    decoder: Decoder = Decoder.greedy
    beam_width: int = 16
    skip_blank: float = 0.9995
    ngram_order: int = 6
    ngram_weight: float = 0.4
    ngram_bonus: float = 0.6
    corpus: str | None = None
    lexicon: str | None = None
