"""The encoders keep every promise of the interface, with each candidate and each merge."""

from __future__ import annotations

from typing import ClassVar

from seqloom.testing import EncoderConformance


class TestMinGRU(EncoderConformance):
    name = "mingru"


class TestMinGRUWithoutNorm(EncoderConformance):
    name = "mingru"
    params: ClassVar = {"norm": False}


class TestBiMinGRU(EncoderConformance):
    name = "bimingru"
