"""The parameters of the readers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import SplitConfig
from seqloom.errors import Cause, ConfigError

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")
OTHER_SOUNDS = (".m4a", ".aac", ".wma", ".amr", ".aif", ".aiff", ".au", ".sph", ".mp4", ".webm")
"""Sounds that are not read."""
TABLES = (".tsv", ".csv")
MANIFESTS = (".jsonl", ".json")
TARGETS = ("label", "text")
"""Fields that a head can predict; all others are stored in ``meta`` of the examples."""


@dataclass
class Pauses:
    """How long sounds are cut at pauses for prediction.

    The noise is the level that 3 % of the time around a second is below.

    Attributes:
        longest: Maximum length of a part, in seconds; sounds up to this length are not cut.
        shortest_pause: Minimum length of a pause that ends a part, in seconds.
        shortest_speech: Minimum length of speech, in seconds; shorter parts are left out as clicks.
        margin: Time added to a part before and after its speech, in seconds; up to half of
            ``shortest_pause``.
        start: Level above the noise at which speech starts, in decibels.
        stop: Level above the noise below which speech ends, in decibels.
        quietest: Minimum level of speech, in decibels of full scale. Example: ``-50``.
        window: Length of the time around a second in which the noise is measured, in seconds.
    """

    longest: float = 20.0
    shortest_pause: float = 0.4
    shortest_speech: float = 0.1
    margin: float = 0.2
    start: float = 9.0
    stop: float = 6.0
    quietest: float = -65.0
    window: float = 20.0

    def __post_init__(self) -> None:
        for name in ("longest", "shortest_pause", "window"):
            _require(getattr(self, name) > 0, name, self, "more than 0")
        for name in ("shortest_speech", "margin", "stop"):
            _require(getattr(self, name) >= 0, name, self, "0 or more")
        half = self.shortest_pause / 2
        _require(self.margin <= half, "margin", self, f"up to half of the shortest pause, {half:g}")
        _require(self.start >= self.stop, "start", self, f"no less than stop, {self.stop:g}")
        _require(
            self.longest >= 1 + 2 * self.margin,
            "longest",
            self,
            f"a second and two margins, {1 + 2 * self.margin:g}, or more",
        )

    @classmethod
    def of(cls, value: Pauses | Mapping[str, Any] | None) -> Pauses:
        """Return the parameters that a config has."""
        return value if isinstance(value, Pauses) else cls(**(value or {}))


def _require(valid: bool, name: str, pauses: Pauses, expected: str) -> None:
    if not valid:
        raise ConfigError(
            f"data.pauses.{name}={getattr(pauses, name)}: expected {expected}.",
            cause=Cause.wrong_value,
        )


@dataclass
class Recordings:
    """Parameters of the readers of sound files.

    Attributes:
        train: Sounds to train on. Example: ``sounds/train``.
        val: As ``train``, for validation; without it, ``hold_out.val`` or ``split.val`` may take it
            from ``train``. Example: ``sounds/val``.
        test: As ``train``, for the test; without it, ``hold_out.test`` or ``split.test`` may take
            it from ``train``. Example: ``sounds/test``.
        sounds: Folder or .zip of the sounds that a file lists. Example: ``sounds.zip``.
        columns: Field → column of a file that lists sounds. Example: ``{sound: file}``.
        pattern: Regular expression for the names of sound files.
            Example: ``"(?P<speaker>.+)/.*"``.
        channel: Number of the channel to read, from 0, of sounds with several; null: their mean.
            Example: ``0``.
        cut: Whether ``predict`` cuts sounds longer than ``pauses.longest`` at pauses.
        pauses: How they are cut.
        hold_out: Split → field → values: sounds of ``train`` with one of the values belong to that
            split. Sounds that belong to both go to test. Example: ``{val: {speaker: [anna]}}``.
        split: Random splits of ``train``.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    sounds: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    pattern: str | None = None
    channel: int | None = None
    cut: bool = False
    pauses: Pauses = field(default_factory=Pauses)
    hold_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)


@dataclass
class Sounds(Recordings):
    r"""Parameters of ``data=sounds``: sound files with labels or texts. Since 0.2.

    Attributes:
        train: Folder or .zip with a folder of sounds for each label (``yes/001.wav``), or a table
            (.tsv, .csv) with a header that lists sounds. Example: ``sounds/train``.
        sounds: For tables, the folder or .zip of the sounds. null: the .zip with the name of the
            table beside it (``train.zip`` for ``train.tsv``), or else the folder of the table.
            Example: ``sounds.zip``.
        columns: Field → column of a table; empty means {sound: sound, label: label}. Fields other
            than ``sound``, ``label`` and ``text`` are stored in ``meta`` of the examples.
            Example: ``{sound: file, label: command}``.
        pattern: For folders and .zip files, a regular expression for the names of files with their
            folder, whose named groups are fields. null: the label is the name of the folder.
            Example: ``"(?P<label>\w+)/(?P<speaker>\w+)_.*"``.
    """


@dataclass
class Speech(Recordings):
    r"""Parameters of ``data=speech``: sound files with transcripts. Since 0.2.

    Attributes:
        train: Sounds with texts: a folder or .zip with ``NAME.txt`` beside ``NAME.wav``, or
            ``*.trans.txt`` as in LibriSpeech; a manifest (.jsonl, .json) with an object on each
            line, as NeMo and Lhotse write them; a table (.tsv, .csv) with a header, such as those
            of Common Voice; or a data folder of Kaldi with ``wav.scp``. Example: ``speech/train``.
        sounds: For tables, manifests and Kaldi, the folder or .zip that the paths of sounds are
            relative to. null: the .zip with the name of the file beside it, the folder ``clips``
            beside a table of Common Voice, or else the folder of the file.
            Example: ``speech/clips``.
        columns: Field → column of a table or key of a manifest, for names that are not recognized.
            The recognized names are audio_filepath, path and others for the sound; sentence,
            transcript and others for the text; offset, start, end and duration for a part in
            seconds; channel, id, speaker and client_id. All others are stored in ``meta`` of the
            examples.
            Example: ``{sound: recording, text: words}``.
        pattern: For folders and .zip files, a regular expression for the names of files with their
            folder, whose named groups are fields. Example: ``"(?P<speaker>\w+)/.*"``.
        cut: Whether ``predict`` cuts sounds longer than ``pauses.longest`` at pauses, if they have
            no text.
    """

    cut: bool = True


def given_fields(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the kinds of the fields that ``data=sounds`` yields with these parameters."""
    named = set(params.get("columns") or {"label": "label"})
    named |= set(re.findall(r"\(\?P<(\w+)>", params.get("pattern") or ""))
    return {"sound": "sound"} | {name: name for name in TARGETS if name in named}


def spoken_fields(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the kinds of the fields that ``data=speech`` yields with these parameters."""
    return {"sound": "sound", "text": "text"}
