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


class Unit(StrEnum):
    """What a class of the head stands for."""

    character = "character"  # a class for each character of the training texts
    subword = "subword"  # a class for each piece of words that byte pair encoding finds


class ArpaUnit(StrEnum):
    """What the n-grams of an ARPA file are made of."""

    word = "word"  # white space separates them
    character = "character"  # the space is one of them: <space>, ▁ or |


@dataclass
class Ctc:
    """Parameters of ``head=ctc``: a text, by characters or subwords, along the steps.

    Attributes:
        field: Field of the examples that is predicted: a text.
        form: Unicode normal form.
        unit: What the head predicts: characters, or subwords, which are pieces of words that byte
            pair encoding learns from the training texts (requires sentencepiece).
        vocabulary: Largest number of subwords; fewer if the training texts have fewer.
        extra_characters: Characters to add to those of the training texts, for a later training
            that has them. Not needed to evaluate: unseen characters count as mistakes.
            Example: ``"áé"``.
        dropout: Dropout of the encoder's states, with the same mask at all steps of a sequence.
        shortcut: Weight of a second CTC loss on the frontend's features in training, which gives
            the convolutions useful gradients early.
        decoder: How a text is found in the scores of the frames.
        beam_width: Number of prefixes that are kept at each frame.
        skip_blank: Frames whose blank is more probable than this are skipped in the beam search.
            Example: ``0.999``.
        ngram_order: Order of the model of characters (or subwords) that the beam search uses,
            fitted on the training texts (and ``corpus``); 0: no model.
        ngram_weight: Weight of the n-gram model's log probabilities; ``seqloom tune`` finds one.
        ngram_bonus: Bonus for each character (or subword), which counteracts the model's preference
            for short texts; with an ARPA file of words, for each word.
        arpa: File with an n-gram model in the ARPA format, as KenLM and SRILM write it; it replaces
            the model of ``ngram_order``. It is read in training, and the bundle contains its
            n-grams. Example: ``lm.arpa``.
        arpa_unit: What the n-grams of ``arpa`` are made of: words between spaces, or characters.
        corpus: File with more text for the n-gram model, one line each. Example: ``corpus.txt``.
        lexicon: File with the allowed words, one per line; or ``train`` for those of the training
            texts and ``corpus``; null: any. Example: ``train``.
    """

    field: str = "text"
    form: Form = Form.NFC
    unit: Unit = Unit.character
    vocabulary: int = 500
    extra_characters: str = ""
    dropout: float = 0.0
    shortcut: float = 0.1
    decoder: Decoder = Decoder.greedy
    beam_width: int = 16
    skip_blank: float = 0.9995
    ngram_order: int = 6
    ngram_weight: float = 0.4
    ngram_bonus: float = 0.6
    arpa: str | None = None
    arpa_unit: ArpaUnit = ArpaUnit.word
    corpus: str | None = None
    lexicon: str | None = None
