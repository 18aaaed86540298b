"""The variants of the readers keep every promise of the interface, as their defaults do."""

from __future__ import annotations

from typing import ClassVar

import pytest

from seqloom.testing import ReaderConformance


@pytest.mark.slow
class TestSpacedStrings(ReaderConformance):
    name = "sound_strings"
    params: ClassVar = {"separator": " ", "trim": 0.0, "channel": 0, "min_length": 1}


@pytest.mark.slow
class TestStringsOfAnUnseenSpeaker(ReaderConformance):
    name = "sound_strings"
    params: ClassVar = {"unseen": ["1"], "repeats": 2, "seed": 3}


@pytest.mark.slow
class TestStringsOfRandomSplits(ReaderConformance):
    name = "sound_strings"
    params: ClassVar = {"val": None, "test": None, "split": {"val": 0.3, "test": 0.3}}


@pytest.mark.slow
class TestSpeechOfRandomSplits(ReaderConformance):
    name = "speech"
    params: ClassVar = {"val": None, "split": {"val": 0.5, "seed": 2}}


@pytest.mark.slow
class TestSpeechHeldOut(ReaderConformance):
    name = "speech"
    params: ClassVar = {
        "val": None,
        "test": None,
        "pattern": r"train(?P<speaker>\d)\.wav",
        "hold_out": {"val": {"speaker": ["0"]}, "test": {"speaker": ["1", "2"]}},
        "cut": False,
        "channel": 0,
    }


@pytest.mark.slow
class TestSpeechCutAtOtherPauses(ReaderConformance):
    name = "speech"
    params: ClassVar = {"pauses": {"longest": 2.0, "start": 6.0, "margin": 0.1}}


@pytest.mark.slow
class TestSoundsThatAreCut(ReaderConformance):
    name = "sounds"
    params: ClassVar = {"cut": True, "pattern": r"(?P<label>\w+)/(?P<number>\d)\.wav"}


class TestSpokenByOthers(ReaderConformance):
    name = "spoken"
    params: ClassVar = {"seed": 9, "train_speakers": 1, "val_size": 1, "test_size": 1}
