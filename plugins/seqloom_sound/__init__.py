"""Sound for seqloom: readers of recordings, spoken commands, and log-mel features.

This is the entry module. It is imported whenever the program starts, even for TAB completion, so it
imports neither torch nor numpy: classes are named by strings.
"""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.plugins import Component, Pad, hookimpl
from seqloom_sound.schemas.data import (
    MANIFESTS,
    SUFFIXES,
    TABLES,
    Sounds,
    Speech,
    given_fields,
    spoken_fields,
)
from seqloom_sound.schemas.frontend import LogMel
from seqloom_sound.schemas.spoken import Spoken
from seqloom_sound.schemas.strings import SoundStrings


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the readers, the data set ``spoken`` and the frontend ``log_mel``."""
    log_mel = Component(
        kind="frontend",
        name="log_mel",
        schema=LogMel,
        target="seqloom_sound.features.frontend:LogMelFrontend",
        files=(),
        takes={"field": ("sound",)},
        gives={"steps": "frame"},
        extra="sound",
        sample="seqloom_sound.samples:tones",
    )
    return [*_readers(), log_mel]


def _readers() -> list[Component]:
    return [
        Component(
            kind="data",
            name="sounds",
            schema=Sounds,
            target="seqloom_sound.readers.sounds:SoundReader",
            gives=given_fields,
            files=("train", "val", "test", "sounds"),
            suffixes=(*SUFFIXES, ".zip", "/", *TABLES),
            extra="sound",
            sample="seqloom_sound.samples:sounds",
        ),
        Component(
            kind="data",
            name="speech",
            schema=Speech,
            target="seqloom_sound.readers.speech:SpeechReader",
            gives=spoken_fields,
            files=("train", "val", "test", "sounds"),
            suffixes=(*SUFFIXES, ".zip", "/", *TABLES, *MANIFESTS, ".scp"),
            writers={
                "srt": "seqloom_sound.subtitles:Srt",
                "vtt": "seqloom_sound.subtitles:Vtt",
            },
            extra="sound",
            sample="seqloom_sound.samples:speech",
        ),
        Component(
            kind="data",
            name="sound_strings",
            schema=SoundStrings,
            target="seqloom_sound.readers.strings:SoundStringReader",
            gives={"sound": "sound", "text": "text"},
            files=("train", "val", "test", "sounds"),
            extra="sound",
            sample="seqloom_sound.samples:sound_strings",
        ),
        Component(
            kind="data",
            name="spoken",
            schema=Spoken,
            target="seqloom_sound.spoken.reader:SpokenReader",
            gives={"sound": "sound", "text": "text", "label": "label", "speaker": "label"},
            files=(),
            extra="sound",
            sample="seqloom_sound.samples:spoken",
        ),
    ]


@hookimpl
def seqloom_pads() -> Iterable[Pad]:
    """Return the microphone."""
    target, page = "seqloom_sound.demo.pad:SoundPad", "seqloom_sound.demo.page"
    return [Pad("sound", target, page, invitation="Speak", extra="sound")]
