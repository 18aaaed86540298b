"""Conformance checks: what data, frontends, encoders and heads promise, run over any of them.

In a test file, for a component that is installed under a name::

    class TestMine(EncoderConformance):
        name = "mine"

Anywhere, in one call: ``conform("encoder=mine", hidden_size=8)``. In the shell: ``seqloom
conformance encoder=mine``. A check is a function of a case that raises `ConformanceError` with a
sentence and its numbers, or `NotApplicable`.
"""

from seqloom.testing.classes import (
    EncoderConformance,
    FrontendConformance,
    HeadConformance,
    ReaderConformance,
)
from seqloom.testing.compare import ConformanceError, NotApplicable
from seqloom.testing.conform import Outcome, conform
from seqloom.testing.encoders import ENCODER_CHECKS
from seqloom.testing.frontends import FRONTEND_CHECKS, FrontendCase
from seqloom.testing.heads import HEAD_CHECKS, HeadCase
from seqloom.testing.ranks import on_two_ranks
from seqloom.testing.readers import READER_CHECKS, ReaderCase
from seqloom.testing.samples import MAKERS, examples, variants

__all__ = [
    "ENCODER_CHECKS",
    "FRONTEND_CHECKS",
    "HEAD_CHECKS",
    "MAKERS",
    "READER_CHECKS",
    "ConformanceError",
    "EncoderConformance",
    "FrontendCase",
    "FrontendConformance",
    "HeadCase",
    "HeadConformance",
    "NotApplicable",
    "Outcome",
    "ReaderCase",
    "ReaderConformance",
    "conform",
    "examples",
    "on_two_ranks",
    "variants",
]
