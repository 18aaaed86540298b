"""Sound for seqloom: a reader of sound files and log-mel features.

This is the entry module. It is imported whenever the program starts, even for TAB completion, so it
imports neither torch nor numpy: classes are named by strings.
"""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.plugins import Component, hookimpl

from seqloom_sound.schemas import SUFFIXES, TABLES, LogMel, Sounds, given_fields


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the reader ``sounds`` and the frontend ``log_mel``."""
    return [
        Component(
            kind="data",
            name="sounds",
            schema=Sounds,
            target="seqloom_sound.reader:SoundReader",
            gives=given_fields,
            files=("train", "val", "test", "sounds"),
            suffixes=(*SUFFIXES, ".zip", "/", *TABLES),
            sample="seqloom_sound.samples:sounds",
        ),
        Component(
            kind="frontend",
            name="log_mel",
            schema=LogMel,
            target="seqloom_sound.frontend:LogMelFrontend",
            takes={"field": ("sound",)},
            gives={"steps": "frame"},
            sample="seqloom_sound.samples:tones",
        ),
    ]


@hookimpl
def seqloom_config_packages() -> Iterable[str]:
    """Return the package of presets: ``data=fsdd`` and ``experiment=fsdd``."""
    return ["seqloom_sound.conf"]
