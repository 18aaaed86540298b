"""Conformance checks: run what readers, frontends, encoders and heads promise over any of them.

In a test file, for an installed component::

    class TestMine(EncoderConformance):
        name = "mine"

Anywhere, in one call: ``conform("encoder=mine", hidden_size=8)``. In the shell: ``seqloom
conformance encoder=mine``. A check is a function of a case that raises `ConformanceError` with a
sentence and numbers, or `NotApplicable`.
"""

from seqloom.testing.checks import ENCODER_CHECKS, FRONTEND_CHECKS, HEAD_CHECKS, READER_CHECKS
from seqloom.testing.compare import ConformanceError, NotApplicable
from seqloom.testing.conform import (
    EncoderConformance,
    FrontendConformance,
    HeadConformance,
    Outcome,
    ReaderConformance,
    conform,
)
from seqloom.testing.encoders import EncoderCase
from seqloom.testing.frontends import FrontendCase
from seqloom.testing.heads import HeadCase
from seqloom.testing.ranks import on_two_ranks
from seqloom.testing.readers import ReaderCase
from seqloom.testing.samples import MAKERS, examples, variants

__all__ = [
    "ENCODER_CHECKS",
    "FRONTEND_CHECKS",
    "HEAD_CHECKS",
    "MAKERS",
    "READER_CHECKS",
    "ConformanceError",
    "EncoderCase",
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
