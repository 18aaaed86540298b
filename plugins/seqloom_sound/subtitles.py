"""What ``seqloom predict --to srt`` and ``--to vtt`` write: subtitles of sounds."""

from __future__ import annotations

import html
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar

from seqloom.errors import ConfigError, ExampleError, plural
from seqloom.files import atomic_file
from seqloom.interfaces import Example, HeadCodec, Prediction, Reader
from seqloom_sound.cues import Cue, Word, cues_of, spread, timed
from seqloom_sound.sound import UNNAMED, Sound, SoundFile

log = logging.getLogger("seqloom")

SHOWN = 5
"""Largest number of sounds that a warning names."""


class Subtitles(ABC):
    """Writes subtitles: of one sound to a file or the terminal, or of each sound to a folder.

    Args:
        out: File, which has a suffix; or a folder, which gets a file for each sound; None: the
            terminal.
        codec: Codec of the head that predicts.

    Raises:
        ConfigError: The head predicts a tag for each token.
    """

    form: ClassVar[str]

    def __init__(self, out: Path | None, codec: HeadCodec) -> None:
        if codec.row_per_token:
            raise ConfigError(
                f"--to {self.form}: the model predicts a tag for each token, and subtitles are "
                "texts. Use --to jsonl."
            )
        self._out, self._codec = out, codec
        self._folder = out is not None and (out.is_dir() or not out.suffix)
        self._cues: dict[str, list[Cue]] = {}
        self._targets: dict[Path | None, str] = {}
        self._written: set[tuple[str, float, float]] = set()

    def begin(self, reader: Reader) -> None:  # noqa: B027 - not for subclasses to fill in
        """Do nothing: the reader has no influence."""

    def write(self, example: Example, prediction: Prediction) -> None:
        """Take the text of a sound or of a part of one; parts may come in any order.

        Raises:
            ConfigError: Two sounds would be written to one file, or one sound twice.
            ExampleError: The prediction has no times.
        """
        sound = sound_of(example)
        if sound not in self._cues:
            self._start(sound)
        if not {"start", "end"} <= prediction.keys():
            raise ExampleError(
                example,
                f"the prediction has no times, which --to {self.form} needs; expected a model with "
                "frontend=log_mel that reads texts.",
            )
        own = (example.id, prediction["start"], prediction["end"])
        if own in self._written:
            raise ConfigError(
                f"--to {self.form}: {example.id} is predicted twice, and its subtitles would be "
                "doubled. Name each sound once."
            )
        self._written.add(own)
        rows = self._codec.columns(example, prediction)
        text = " ".join(row[0] for row in rows)
        words = _words(prediction) or spread(text, prediction["start"], prediction["end"])
        self._cues[sound] += cues_of(words)

    def close(self) -> None:
        """Write the subtitles of all sounds; warn of those in which nothing was read."""
        for target, sound in self._targets.items():
            cues = sorted(self._cues[sound], key=lambda cue: (cue.start, cue.end))
            text = self.document(timed(cues))
            if target is None:
                sys.stdout.write(text)
                continue
            with atomic_file(target) as draft:
                draft.write_text(text, encoding="utf-8")
        emptied = [sound for sound, cues in self._cues.items() if not cues]
        if emptied:
            listed = ", ".join(emptied[:SHOWN]) + ", …" * (len(emptied) > SHOWN)
            count = len(emptied)
            log.warning(
                "%d %s read as empty, without subtitles: %s.", count, plural(count, "sound"), listed
            )

    @abstractmethod
    def document(self, cues: Sequence[Cue]) -> str:
        """Return the content of a file."""

    def _start(self, sound: str) -> None:
        target = self._out
        if self._folder and self._out is not None:
            target = self._out / f"{PurePath(sound).stem}.{self.form}"
        if target in self._targets:
            raise ConfigError(
                f"--to {self.form}: {self._targets[target]} and {sound} would both be written to "
                f"{target or 'the terminal'}. Predict from one sound at a time, or from sounds of "
                "different names into a folder, --out FOLDER."
            )
        self._targets[target], self._cues[sound] = sound, []


class Srt(Subtitles):
    """Writes SubRip: numbered cues, with a comma before the milliseconds."""

    form = "srt"

    def document(self, cues: Sequence[Cue]) -> str:
        """Return the content of a file."""
        found = []
        for number, cue in enumerate(cues, 1):
            text = "\n".join(cue.lines).replace("-->", "→")
            found.append(f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{text}\n")
        return "\n".join(found)


class Vtt(Subtitles):
    """Writes WebVTT (https://www.w3.org/TR/webvtt1/)."""

    form = "vtt"

    def document(self, cues: Sequence[Cue]) -> str:
        """Return the content of a file."""
        found = ["WEBVTT\n"]
        for cue in cues:
            text = html.escape("\n".join(cue.lines), quote=False)
            found.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}\n")
        return "\n".join(found)


def sound_of(example: Example) -> str:
    """Return the name of the sound that an example is, or is a part of."""
    for value in example.fields.values():
        if isinstance(value, SoundFile) or (isinstance(value, Sound) and value.name != UNNAMED):
            return str(value)
    return example.origin.file if example.origin else example.id


def _words(prediction: Prediction) -> list[Word]:
    words: list[dict[str, Any]] = prediction.get("words", [])
    if not all({"text", "start", "end"} <= one.keys() for one in words):
        return []
    return [Word(one["text"], one["start"], one["end"]) for one in words]


def _clock(seconds: float, point: str) -> str:
    """Return a time as hours, minutes, seconds and milliseconds.

    >>> _clock(3725.5, ",")
    '01:02:05,500'
    """
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{point}{thousandths:03}"
