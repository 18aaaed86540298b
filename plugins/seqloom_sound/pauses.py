"""Cut long sounds at pauses: voice activity by energy, in constant memory.

The level of each frame is compared with that of the noise around it. Speech starts where the level
is ``Pauses.start`` decibels above the noise, and lasts until it has been less than ``Pauses.stop``
decibels above for ``Pauses.shortest_pause`` seconds.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import soundfile

from seqloom_sound.decode import read_at
from seqloom_sound.schemas.data import Pauses

log = logging.getLogger("seqloom")

FRAME = 0.02  # seconds
BLOCK = 50  # frames that are read at once: a second
PRE_EMPHASIS = 0.9  # takes away hum and offsets, which are no speech
QUIET, LOUD = 3, 95  # percentiles of the levels around a second: the noise, and the speech
RISE = 2.0  # decibels a second: the noise is not taken to get louder any faster
FALL = 0.1  # decibels a second: the speech is not taken to get softer any faster
APART = 20.0  # decibels between noise and speech, where they have been as far apart once
FAINTEST = 1e-12  # power of a frame of zeros, in place of 0
LEAST = 0.03  # share of a sound that is speech; with less, speech may be hidden in the noise

Span = tuple[float, float]
"""Start and end of a part of a sound, in seconds."""


def speech_spans(
    file: soundfile.SoundFile,
    pauses: Pauses,
    channel: int | None = None,
    *,
    frames: tuple[int, int] | None = None,
    name: str = "the sound",
) -> Iterator[Span]:
    """Yield the spans with speech in an open sound file, in their order.

    Spans have ``pauses.margin`` around the speech, do not overlap, and are at most
    ``pauses.longest`` long: longer speech is cut where it is softest. A sound that is equally loud
    throughout has no pauses, and is cut as speech is; so are its equally loud stretches
    of a second or more where next to nothing of it stands out from the noise. There are none if all
    is silent.

    Args:
        file: File.
        pauses: Parameters.
        channel: Channel to read; None: the mean of all.
        frames: First frame to read and number of frames; None: the whole file.
        name: Name of the sound in messages.

    Raises:
        ValueError: A sample is not finite; the text is a sentence.
    """
    first, count = frames or (0, file.frames)
    whole = first / file.samplerate, (first + count) / file.samplerate
    source = _Source(file, pauses, channel, max(1, round(file.samplerate * FRAME)))
    least = LEAST * (whole[1] - whole[0])
    held: list[Span] = []
    clear = 0.0
    for start, stop in source.runs(_marked(source.levels(whole), pauses), whole):
        held.append((start, stop))
        clear += max(0.0, stop - start - 2 * pauses.margin)
        if clear >= least:
            yield from held
            held.clear()
    if clear < least:
        yield from _with_hidden(source, held, whole, name)


def _with_hidden(source: _Source, found: list[Span], whole: Span, name: str) -> Iterator[Span]:
    """Yield spans with those of the equally loud stretches between them, and warn of these.

    Args:
        source: What is read.
        found: Spans that stand out from the noise.
        whole: Start and end of what is read, in seconds.
        name: Name of the sound in messages.
    """
    pauses, hidden = source.pauses, 0.0
    for gap, after in _gaps(found, whole):
        if not found or gap[1] - gap[0] > BLOCK * FRAME:
            flat = pauses.start if found else np.inf
            for start, stop in source.runs(_equal(source.levels(gap), pauses, flat), gap):
                hidden += stop - start
                yield start, stop
        yield from after
    if found and hidden:
        log.warning(
            "%s: only %.3g s stand out from the noise by data.pauses.start=%g dB; another %.3g s "
            "are equally loud throughout, and are predicted from too. If they are noise, set "
            "data.pauses.quietest above it.",
            *(name, sum(end - start for start, end in found), pauses.start, hidden),
        )


def _gaps(spans: list[Span], whole: Span) -> Iterator[tuple[Span, list[Span]]]:
    """Yield what is before each span, with the span, and what is after the last."""
    start = whole[0]
    for span in spans:
        yield (start, span[0]), [span]
        start = span[1]
    yield (start, whole[1]), []


Marked = tuple[np.ndarray, np.ndarray]
"""Levels of frames, and for each frame 1: speech, 0: speech if it is so already, -1: none."""


@dataclass(frozen=True)
class _Source:
    """Reads levels, and finds runs of speech in them.

    Attributes:
        file: File.
        pauses: Parameters.
        channel: Channel to read; None: the mean of all.
        size: Samples of a frame.
    """

    file: soundfile.SoundFile
    pauses: Pauses
    channel: int | None
    size: int

    def runs(self, blocks: Iterable[Marked], inside: Span) -> Iterator[Span]:
        """Yield the runs of a part of the file, which do not reach out of it."""
        first, last = inside
        for start, stop in _Runs(self.pauses, self.size / self.file.samplerate).of(blocks):
            yield max(first, first + start), min(last, first + stop)

    def levels(self, part: Span) -> Iterator[np.ndarray]:
        """Yield the levels of frames, in decibels of full scale, a block at a time."""
        position, end = (round(one * self.file.samplerate) for one in part)
        last = 0.0
        while position < end:
            most = min(self.size * BLOCK, end - position)
            block = read_at(self.file, position, most, always_2d=True)
            if not len(block):
                return
            samples = block.mean(axis=1) if self.channel is None else block[:, self.channel]
            wrong = np.flatnonzero(~np.isfinite(samples))
            if len(wrong):
                raise ValueError(f"sample {position + wrong[0]} (from 0) is {samples[wrong[0]]}.")
            before = np.concatenate([[last], samples[:-1]])
            last, position = float(samples[-1]), position + len(samples)
            squares = np.square(samples - PRE_EMPHASIS * before, dtype=np.float64)
            starts = np.arange(0, len(squares), self.size)
            power = np.add.reduceat(squares, starts) / np.diff([*starts, len(squares)])
            yield 10 * np.log10(np.maximum(power, FAINTEST))


def _equal(levels: Iterator[np.ndarray], pauses: Pauses, flat: float) -> Iterator[Marked]:
    """Yield the levels, with all that is not silent marked as speech where they are equal.

    Args:
        levels: Levels.
        pauses: Parameters.
        flat: Decibels that equal levels of a window are less apart than.
    """
    count = max(1, round(pauses.window / (BLOCK * FRAME)))
    while window := [*islice(levels, count)]:
        quiet, loud = np.percentile(np.concatenate(window), [QUIET, LOUD])
        for one in window:
            marks = np.sign(one - pauses.quietest)
            yield one, marks if loud - quiet < flat else np.full_like(marks, -1)


def _marked(levels: Iterator[np.ndarray], pauses: Pauses) -> Iterator[Marked]:
    """Yield the levels with what they are against the noise around them."""
    reach = max(1, round(pauses.window / (2 * BLOCK * FRAME)))
    before, after = deque[np.ndarray](maxlen=reach), deque[np.ndarray]()
    noise = _Noise(pauses.quietest - pauses.start)
    for block in levels:
        after.append(block)
        if len(after) > reach:
            yield _against(noise.among([*before, *after]), after[0], pauses)
            before.append(after.popleft())
    while after:
        yield _against(noise.among([*before, *after]), after[0], pauses)
        before.append(after.popleft())


class _Noise:
    """The level of the noise, from second to second.

    It falls at once and rises slowly, and stays below speech, so that long speech without pauses
    does not become noise.

    Args:
        faintest: Lowest level.
    """

    def __init__(self, faintest: float) -> None:
        self._faintest = faintest
        self._level = np.inf
        self._speech = np.inf

    def among(self, around: list[np.ndarray]) -> float:
        """Return the level in a second, from the levels around it."""
        quiet, loud = np.percentile(np.concatenate(around), [QUIET, LOUD])
        quiet = max(self._faintest, quiet)
        if loud - quiet > APART:
            heard = -np.inf if self._speech == np.inf else self._speech - FALL
            self._speech = max(loud, heard)
        self._level = float(min(quiet, self._level + RISE, self._speech - APART))
        return self._level


def _against(noise: float, levels: np.ndarray, pauses: Pauses) -> Marked:
    start = np.where(levels > noise + pauses.start, 1, 0)
    return levels, np.where(levels > noise + pauses.stop, start, -1)


@dataclass
class _Runs:
    """Finds runs of speech, with its margins, from frame to frame.

    Attributes:
        pauses: Parameters.
        unit: Length of a frame in seconds.
    """

    pauses: Pauses
    unit: float
    _frame: int = 0
    _start: int | None = None  # of the run, if there is one
    _end: int = 0  # of the run so far
    _margin: float = 0.0  # before the run
    _is_rest: bool = False  # whether the run is the rest of one that was cut
    _run: list[float] = field(default_factory=list)  # levels since its start

    def of(self, blocks: Iterable[Marked]) -> Iterator[Span]:
        """Yield the runs."""
        pause = max(1, round(self.pauses.shortest_pause / self.unit))
        limit = max(2, int((self.pauses.longest - 2 * self.pauses.margin) / self.unit))
        for levels, marks in blocks:
            for level, mark in zip(levels.tolist(), marks.tolist(), strict=True):
                self._add(level, mark)
                if self._start is not None and self._frame - self._end >= pause:
                    yield from self._finished()
                elif self._start is not None and self._end - self._start >= limit:
                    yield self._cut(limit)
        yield from self._finished()

    def _add(self, level: float, mark: int) -> None:
        self._frame += 1
        self._run.append(level)
        if mark >= 0:
            self._end = self._frame
        if self._start is not None:
            return
        if mark > 0:
            self._start = self._frame - len(self._run)
            self._margin, self._is_rest = self.pauses.margin, False
        elif mark < 0:
            self._run.clear()
        elif len(self._run) > BLOCK:  # unsure: they belong to the speech that may follow
            del self._run[0]

    def _finished(self) -> Iterator[Span]:
        """Yield the run, unless it is too short to be speech, and forget it."""
        start, self._start = self._start, None
        self._run.clear()
        if start is None:
            return
        length = (self._end - start) * self.unit
        if length >= self.pauses.shortest_speech or self._is_rest:
            yield start * self.unit - self._margin, self._end * self.unit + self.pauses.margin

    def _cut(self, limit: int) -> Span:
        """Return the run up to its softest frame; what is after it is the run now."""
        assert self._start is not None
        half = limit // 2
        place = half + int(np.argmin(self._run[half:limit]))
        start = self._start * self.unit - self._margin
        self._start += place
        self._run, self._margin, self._is_rest = self._run[place:], 0.0, True
        return start, self._start * self.unit
