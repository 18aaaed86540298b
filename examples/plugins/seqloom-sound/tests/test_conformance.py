"""The reader and the frontend keep every promise of their interfaces."""

from __future__ import annotations

from typing import ClassVar

from seqloom.testing import FrontendConformance, ReaderConformance


class TestSounds(ReaderConformance):
    name = "sounds"


class TestLogMel(FrontendConformance):
    name = "log_mel"


class TestLogMelStacked(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {"deltas": True, "stack": 3, "stride": 2}
