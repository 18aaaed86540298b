"""The variants of the frontend keep every promise of the interface, as its defaults do."""

from __future__ import annotations

from typing import ClassVar

from seqloom.testing import FrontendConformance


class TestStacked(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {"deltas": True, "stack": 3, "stride": 2, "dropout": 0.1}


class TestHalved(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {"subsampling": 2, "channels": [4], "deltas": True, "size": 6}


class TestQuartered(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {"subsampling": 4, "channels": [4, 5, 6], "center": True, "bands": 10}


class TestCausal(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {"subsampling": 4, "channels": [4, 5], "causal": True, "size": 0}


class TestConvolved(FrontendConformance):
    name = "log_mel"
    params: ClassVar = {
        "channels": [4],
        "augment": {"speed": 0.1, "warp": 0.1, "noise": 1.0},
    }
