"""Strings composed of recordings of single words, each string of one speaker."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from seqloom.errors import Cause, ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces import SPLITS, Example
from seqloom_sound.readers.compose import SoundString
from seqloom_sound.readers.sounds import SoundReader


class SoundStringReader(SoundReader):
    """Composes strings of recordings; see `SoundStrings` for the parameters.

    The recordings of a speaker are shuffled and cut into strings. Of the last few too short a
    string would be left: they go to the string before. Sounds are composed when they are loaded. A
    string is a function of the seed, the split, the speaker and the recordings of this speaker.
    """

    def __init__(
        self,
        *,
        group: str = "speaker",
        unseen: Sequence[str] = (),
        min_length: int = 3,
        max_length: int = 7,
        separator: str = "",
        min_pause: float = 0.02,
        max_pause: float = 0.3,
        trim: float = 30.0,
        min_snr: float = 10.0,
        max_snr: float = 40.0,
        repeats: int = 5,
        seed: int = 1,
        **sounds: Any,
    ) -> None:
        super().__init__(**sounds)
        self._group = group
        self._unseen = tuple(map(str, unseen))
        self._lengths = (min_length, max_length)
        self._separator = separator
        self._gaps = (min_pause, max_pause)
        self._trim = trim
        self._snr = (min_snr, max_snr)
        self._repeats = repeats
        self._seed = seed
        _check_range("length", min_length, max_length, least=1)
        _check_range("pause", min_pause, max_pause, least=0)
        _check_range("snr", min_snr, max_snr)
        if trim < 0:
            raise ConfigError(
                f"data.trim={trim}: expected 0 or more decibels.", cause=Cause.wrong_value
            )
        if repeats < 1:
            raise ConfigError(
                f"data.repeats={repeats}: expected at least 1.", cause=Cause.wrong_value
            )

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the strings of a split, made of its own recordings; see `SplitReader.examples`.

        Raises:
            ConfigError: The split has another name than these three or cannot be cut, or there are
                no recordings of an unseen speaker.
            DataError: A file is missing, malformed or has no sounds.
        """
        speakers: dict[str, list[Example]] = defaultdict(list)
        for recording in self._recordings(split):
            if isinstance(recording, ExampleError):
                yield recording
                continue
            problem = self._problem(recording)
            if problem:
                yield ExampleError(recording, problem)
            else:
                speakers[self._speaker(recording)].append(recording)
        number = 0
        for speaker, own in speakers.items():
            for parts in self._draw(split, speaker, own):
                number += 1
                yield self._compose(f"{split}:{number}", split, speaker, parts)

    def _recordings(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the recordings of a split, with unseen speakers in ``test`` alone."""
        if not self._unseen or split not in SPLITS:
            yield from super().examples(split)
            return
        names = set[str]()
        for one in SPLITS if split == "test" else [split]:
            for recording in super().examples(one):
                speaker = "" if isinstance(recording, ExampleError) else self._speaker(recording)
                names.add(speaker)
                if isinstance(recording, ExampleError) or (speaker in self._unseen) == (
                    split == "test"
                ):
                    yield recording
        if split == "test":
            for speaker in self._unseen:
                if speaker not in names:
                    raise DataError(
                        f"data.unseen={speaker}: no recording has this {self._group}. "
                        f"{did_you_mean(speaker, sorted(names - {''}))}"
                    )

    def _problem(self, recording: Example) -> str:
        """Return why a recording cannot be used, or nothing."""
        if "label" not in recording.fields:
            return "the recording has no label; data.columns or data.pattern must give it."
        if self._speaker(recording):
            return ""
        known = [*recording.meta, *(name for name in recording.fields if name != "sound")]
        return (
            f"the recording has no {self._group}; data.columns or data.pattern must give it, or "
            f"set data.group to another field. {did_you_mean(self._group, known)}"
        )

    def _speaker(self, recording: Example) -> str:
        return str({**recording.meta, **recording.fields}.get(self._group, ""))

    def _draw(self, split: str, speaker: str, own: list[Example]) -> Iterator[list[Example]]:
        """Yield the recordings of each string of a speaker."""
        for repeat in range(self._repeats if split == "train" else 1):
            rng = random.Random(f"{self._seed}/{split}/{speaker}/{repeat}")
            rest = rng.sample(own, len(own))
            for length in cut_lengths(len(rest), *self._lengths, rng):
                yield rest[:length]
                rest = rest[length:]

    def _compose(self, ident: str, split: str, speaker: str, parts: list[Example]) -> Example:
        names = [part.id for part in parts]
        seed = f"{self._seed}/{split}/{speaker}/{'/'.join(names)}"
        rng = random.Random(seed)
        sound = SoundString(
            tuple(part.fields["sound"] for part in parts),
            tuple(rng.uniform(*self._gaps) for _ in range(len(parts) + 1)),
            rng.uniform(*self._snr),
            self._trim,
            seed,
        )
        text = self._separator.join(part.fields["label"] for part in parts)
        meta = {self._group: speaker, "recordings": names}
        return Example(ident, {"sound": sound, "text": text}, parts[0].origin, meta)


def cut_lengths(total: int, low: int, high: int, rng: random.Random) -> Iterator[int]:
    """Yield random lengths from ``low`` to ``high`` that sum to the total.

    Where no such lengths are left, the last one is longer than ``high``, or the only one is the
    total, shorter than ``low``.
    """
    while total:
        length = min(rng.randint(low, high), total)
        if 0 < total - length < low:
            length = total - low if total > high and total >= 2 * low else total
        yield length
        total -= length


def _check_range(name: str, low: float, high: float, least: float | None = None) -> None:
    """Refuse a range that is empty or starts too low.

    Raises:
        ConfigError: The range is invalid; the text names ``data.min_NAME`` and ``data.max_NAME``.
    """
    if low > high or (least is not None and low < least):
        bound = "" if least is None else f"{least} <= "
        raise ConfigError(
            f"data.min_{name}={low} and data.max_{name}={high}: expected "
            f"{bound}min_{name} <= max_{name}.",
            cause=Cause.wrong_value,
        )
