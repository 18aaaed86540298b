"""Conformance checks: what encoders, frontends and heads promise, run over any of them.

A check is a function that raises `ConformanceError` with a sentence and its numbers::

    @pytest.mark.parametrize("check", ENCODER_CHECKS)
    def test_my_encoder(check):
        check(lambda input_size: MyEncoder(input_size, hidden_size=8))
"""

from seqloom.testing.compare import ConformanceError
from seqloom.testing.encoders import ENCODER_CHECKS
from seqloom.testing.frontends import FRONTEND_CHECKS, FrontendCase
from seqloom.testing.heads import HEAD_CHECKS, HeadCase
from seqloom.testing.samples import MAKERS, examples, variants

__all__ = [
    "ENCODER_CHECKS",
    "FRONTEND_CHECKS",
    "HEAD_CHECKS",
    "MAKERS",
    "ConformanceError",
    "FrontendCase",
    "HeadCase",
    "examples",
    "variants",
]
