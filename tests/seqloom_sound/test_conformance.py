"""The variants of the frontend keep every promise of the interface, as its defaults do."""

from __future__ import annotations

from typing import ClassVar

from seqloom.testing import FrontendConformance


class TestLogMelStacked(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {"deltas": True, "stack": 3, "stride": 2}
