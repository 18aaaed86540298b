"""The parameters of the components; imported at every start of the program, so without torch."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import SplitConfig
from seqloom.errors import ConfigError

SUFFIXES = (".wav", ".flac")
TABLES = (".tsv", ".csv")
TARGETS = ("label", "text")
"""The fields that a head can learn; all others go to the examples' ``meta``."""


@dataclass
class Sounds:
    r"""Parameters of ``data=sounds``: sound files with labels or texts.

    Attributes:
        train: a folder or .zip with a folder of sounds for each label (``yes/001.wav``); or a table
            (.tsv, .csv) with a header, that names sounds.
        val: the same; if it is not given, ``hold_out.val`` or ``split.val`` may take it from
            ``train``.
        test: the same, with ``hold_out.test`` or ``split.test``.
        sounds: of tables: the folder or .zip that the sounds are in; None is the .zip of the
            table's own name beside it (``train.zip`` of ``train.tsv``), or else the table's folder.
        columns: field → column of a table; empty stands for {sound: sound, label: label}. Fields
            other than ``sound``, ``label`` and ``text`` go to the examples' ``meta``.
        pattern: of folders and .zip files: a regular expression for the names of files, with the
            folder, whose named groups are fields: ``(?P<label>\w+)/(?P<speaker>\w+)_.*``. None:
            the label is the name of the folder.
        hold_out: split → field → values: the sounds of ``train`` that have one of the values become
            that split: ``{val: {speaker: [anna]}}``.
        split: how ``train`` is cut at random.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    sounds: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    pattern: str | None = None
    hold_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)


def given_fields(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the kinds of the fields that ``data=sounds`` gives with these parameters."""
    named = set(params.get("columns") or {"label": "label"})
    named |= set(re.findall(r"\(\?P<(\w+)>", params.get("pattern") or ""))
    return {"sound": "sound"} | {name: name for name in TARGETS if name in named}


def _require(fits: bool, parameter: str, value: object, expected: str) -> None:
    if not fits:
        raise ConfigError(f"frontend.{parameter}={value}: expected {expected}.")


@dataclass
class SpecAugment:
    """How the features are changed anew in each epoch; all zero changes nothing.

    Attributes:
        stretch: the number of frames is multiplied by e^u, u uniform in ±stretch.
        gain: all bands grow or fall together, by up to this many decibels.
        time_masks: so many stretches of time are set to the mean.
        time_share: of the frames, that a mask of time has at most.
        band_masks: so many stretches of neighbouring bands are set to the mean.
        band_share: of the bands, that such a mask has at most.
    """

    stretch: float = 0.15
    gain: float = 6.0
    time_masks: int = 1
    time_share: float = 0.2
    band_masks: int = 1
    band_share: float = 0.2

    def __post_init__(self) -> None:
        for name in ("stretch", "gain", "time_masks", "band_masks"):
            value = getattr(self, name)
            _require(value >= 0, f"augment.{name}", value, "0 or more")
        for name in ("time_share", "band_share"):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"augment.{name}", value, "a share from 0 to 1")


@dataclass
class LogMel:
    """Parameters of ``frontend=log_mel``: the logarithms of the power in bands of the mel scale.

    Attributes:
        field: the field that is read: a sound.
        rate: samples per second that sounds are resampled to; 0: as many as the first training
            sound has.
        window: length of a frame, in milliseconds.
        step: from one frame to the next, in milliseconds.
        bands: number of the bands.
        low: where the lowest band begins, in hertz.
        high: where the highest band ends, in hertz; 0: half of the rate.
        floor: the least power that is told from silence; full scale is a power near 1 a sample.
        deltas: add how fast each band rises, over two frames to either side.
        stack: so many neighbouring frames, side by side, are one step.
        stride: of the steps, in frames; 2 makes half as many steps.
        augment: how features are changed in training.
    """

    field: str = "sound"
    rate: int = 0
    window: float = 25.0
    step: float = 10.0
    bands: int = 40
    low: float = 20.0
    high: float = 0.0
    floor: float = 1e-8
    deltas: bool = False
    stack: int = 1
    stride: int = 1
    augment: SpecAugment = dataclasses.field(default_factory=SpecAugment)

    def __post_init__(self) -> None:
        if isinstance(self.augment, Mapping):
            self.augment = SpecAugment(**self.augment)
        for name in ("rate", "low"):
            value = getattr(self, name)
            _require(value >= 0, name, value, "0 or more")
        for name in ("bands", "stack", "stride"):
            value = getattr(self, name)
            _require(value >= 1, name, value, "1 or more")
        for name in ("window", "step", "floor"):
            value = getattr(self, name)
            _require(value > 0, name, value, "more than 0")
        _require(
            self.high == 0 or self.high > self.low,
            "high",
            self.high,
            f"more than frontend.low={self.low}, or 0 for half of the rate",
        )
        _require(
            self.stride <= self.stack,
            "stride",
            self.stride,
            f"no more than frontend.stack={self.stack}: frames between steps would be lost",
        )
