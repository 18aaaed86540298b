"""The encoder keeps every promise of the interface."""

from __future__ import annotations

from typing import ClassVar

from seqloom.testing import EncoderConformance


class TestTransformer(EncoderConformance):
    name = "transformer"


class TestTransformerFirst(EncoderConformance):
    name = "transformer"
    params: ClassVar = {"summary": "first", "dropout": 0.0}
