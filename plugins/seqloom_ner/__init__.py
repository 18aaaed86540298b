"""The plugin of named-entity recognition and other span tagging: one tag for each token.

This module is the entry point: it is imported at every start and loads neither torch nor Lightning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from seqloom.plugins import Component, hookimpl


class Decoder(StrEnum):
    """How the tags of a sentence depend on one another."""

    crf = "crf"  # a linear-chain conditional random field that only predicts valid sequences
    softmax = "softmax"  # each tag independently; sequences may be ill-formed


class Scheme(StrEnum):
    """How the tags of the data mark entities; predictions are IOB2, but plain with ``io``."""

    auto = "auto"  # detected in all training tags
    iob1 = "iob1"  # I-, and B- only to separate adjacent entities of one type
    iob2 = "iob2"  # B- at the start of every entity
    bioes = "bioes"  # E- at the end, S- for entities of one token
    io = "io"  # plain types, such as PER or NOUN; equal neighbours are one entity


@dataclass
class Ner:
    """Parameters of ``head=ner``: a tag for each token, and the entities that the tags mark.

    Attributes:
        field: Field of the examples that is predicted: one tag for each token.
        decoder: How the tags of a sentence depend on one another.
        scheme: Tag scheme of the data.
        dropout: Probability of zeroing a unit of the encoder's states, at all steps of a sequence;
            null: what suits the data, 0.4 for sentences from files, or else 0. Example: ``0.3``.
    """

    field: str = "tags"
    decoder: Decoder = Decoder.crf
    scheme: Scheme = Scheme.auto
    dropout: float | None = None

    def __post_init__(self) -> None:
        self.dropout = self.dropout or 0.0


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the head ``ner``."""
    return [
        Component(
            kind="head",
            name="ner",
            schema=Ner,
            target="seqloom_ner.head:NerHead",
            files=(),
            takes={"field": ("tags",), "steps": ("token",)},
            suggests={"head=ner": {"dropout": 0.0}},
        )
    ]
