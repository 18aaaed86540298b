"""The parameters of the components. Imported at every start of the program: no torch, no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a text is split into."""

    subword = "subword"
    word = "word"
    character = "character"


class SubwordModel(StrEnum):
    """How subwords are found: by merging frequent pairs, or by their probabilities."""

    bpe = "bpe"
    unigram = "unigram"


class Cell(StrEnum):
    """Recurrent cell of the decoder."""

    lstm = "lstm"
    gru = "gru"


class Attention(StrEnum):
    """How a state of the decoder is compared with those of the encoder."""

    general = "general"
    dot = "dot"
    additive = "additive"


@dataclass
class Subwords:
    """Parameters of ``frontend=subwords``: a vector for each subword of a text. Since 0.2.

    Attributes:
        field: Field that is read, a text; null: the text or, joined by spaces, the tokens.
            Example: ``text``.
        unit: What has a vector: subwords, words between spaces, or characters. Only subwords need
            no unknown symbol: characters without a piece are encoded as bytes.
        model: How subwords are found: ``bpe`` (Sennrich et al. 2016) or ``unigram`` (Kudo 2018).
        vocabulary: Largest number of units; fewer if the training texts have fewer.
        size: Size of a unit's vector.
        dropout: Probability of zeroing a value of the vectors, the same for all steps of an
            example.
        sampling: In training, how often subwords are split into smaller ones at random: with
            ``bpe`` the probability of leaving out a merge (Provilkov et al. 2020), with
            ``unigram`` the inverse temperature of sampling (Kudo 2018). 0: never.
    """

    field: str | None = None
    unit: Unit = Unit.subword
    model: SubwordModel = SubwordModel.bpe
    vocabulary: int = 4000
    size: int = 256
    dropout: float = 0.2
    sampling: float = 0.0


@dataclass
class Translation:
    """Parameters of ``head=translation``: a decoder with attention that predicts a text. Since 0.2.

    Attributes:
        field: Field that is predicted: a text, or several texts, any of which is correct.
        prefix_field: Field with the forced start of the translation, if an example has it.
        unit: What is predicted step by step: subwords, words between spaces, or characters.
        model: How subwords are found: ``bpe`` or ``unigram``.
        vocabulary: Largest number of units; fewer if the training texts have fewer.
        sampling: In training, how often subwords are split into smaller ones; see the frontend.
        cell: Recurrent cell of the decoder.
        size: Size of the decoder's states and of its units' vectors.
        attention: Score of a state of the encoder: ``general`` (s·W·h) or ``dot`` (s·h) as in
            Luong et al. 2015, or ``additive`` as in Bahdanau et al. 2015.
        input_feeding: Whether a step also reads the output of the step before (Luong et al. 2015).
            Without it, a second cell reads the context, and training computes all steps at once.
        dropout: Probability of zeroing a value of the vectors and outputs, the same for all steps.
        label_smoothing: In training, the probability that is spread evenly over all units instead
            of the true one.
        beam: Number of hypotheses that the search keeps; 1: greedy.
        val_beam: Number of hypotheses in validation, which only selects an epoch.
        alternatives: Number of translations to return, at most ``beam``; more than one are
            returned as a list. Example: ``3``.
        length_penalty: Exponent α: hypotheses are ranked by log P / length^α (Wu et al. 2016).
        coverage_penalty: Weight β of the penalty for steps that were attended to less than once
            (Wu et al. 2016).
        no_repeat: Length of a sequence of units that may not occur twice in a translation; 0: no
            limit.
        max_ratio: Largest number of units of a translation, per step of the encoder.
        max_extra: Number of units that a translation may have beyond ``max_ratio``.
        alignment: Whether to return word pairs (source, target), by the largest attention.
    """

    field: str = "translation"
    prefix_field: str = "prefix"
    unit: Unit = Unit.subword
    model: SubwordModel = SubwordModel.bpe
    vocabulary: int = 4000
    sampling: float = 0.0
    cell: Cell = Cell.lstm
    size: int = 256
    attention: Attention = Attention.general
    input_feeding: bool = False
    dropout: float = 0.2
    label_smoothing: float = 0.1
    beam: int = 5
    val_beam: int = 1
    alternatives: int = 1
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    no_repeat: int = 6
    max_ratio: float = 2.0
    max_extra: int = 10
    alignment: bool = False


@dataclass
class Lingo:
    """Sentences in English and in Lingo, an invented language; generated from a seed. Since 0.2.

    Attributes:
        seed: Seed of the sentences.
        train_size: Number of sentences to train on.
        val_size: Number of sentences for validation.
        test_size: Number of sentences for the test.
    """

    seed: int = 7
    train_size: int = 4000
    val_size: int = 200
    test_size: int = 400
