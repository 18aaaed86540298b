"""Sound for seqloom: readers of sound files with labels or texts, and log-mel features.

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


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the readers ``sounds`` and ``speech`` and the frontend ``log_mel``."""
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
            extra="sound",
            sample="seqloom_sound.samples:speech",
        ),
        Component(
            kind="frontend",
            name="log_mel",
            schema=LogMel,
            target="seqloom_sound.features.frontend:LogMelFrontend",
            takes={"field": ("sound",)},
            gives={"steps": "frame"},
            extra="sound",
            sample="seqloom_sound.samples:tones",
        ),
    ]


@hookimpl
def seqloom_pads() -> Iterable[Pad]:
    """Return the microphone."""
    target, page = "seqloom_sound.demo.pad:SoundPad", "seqloom_sound.demo.page"
    return [Pad("sound", target, page, invitation="Speak", extra="sound")]
