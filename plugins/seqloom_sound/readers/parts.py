"""Long sounds in parts, cut at pauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import soundfile

from seqloom.errors import ExampleError
from seqloom.interfaces import Example
from seqloom_sound.decode import part_range, read_part, require_whole
from seqloom_sound.pauses import Span, speech_spans
from seqloom_sound.schemas.data import TARGETS, Pauses
from seqloom_sound.sound import Sound, SoundFile, chosen


def parts(
    path: str | Path, pauses: Pauses | None = None, *, channel: int | None = None
) -> list[Example]:
    """Return the parts of a long sound file, to predict from them: ``pipeline(parts("talk.wav"))``.

    Args:
        path: Sound file.
        pauses: Parameters; None: their defaults.
        channel: Channel to read; None: the mean of all.

    Raises:
        ExampleError: The file cannot be read, or is silent.
    """
    whole = Example(str(path), {"sound": SoundFile(str(path), channel=channel)})
    found = []
    for one in parts_of(whole, "sound", pauses or Pauses()):
        if isinstance(one, ExampleError):
            raise one
        found.append(one)
    return found


def parts_of(example: Example, field: str, pauses: Pauses) -> Iterator[Example | ExampleError]:
    """Yield the parts of an example with a long sound, as they are found; others as they are.

    A part has the fields ``start`` and ``end``, in seconds from the start of the file. Examples
    with a label or a text that is not empty are not cut: it is that of the whole. What cannot be
    opened is not cut either: it is reported when it is encoded.

    Args:
        example: Example with a `SoundFile`, which may itself be a part of a file.
        field: Field with the sound.
        pauses: Parameters.
    """
    sound: SoundFile = example.fields[field]
    if any(map(example.fields.get, TARGETS)) or not _is_long(sound, pauses):
        yield example
        return
    count, end = 0, 0.0
    try:
        with sound.open() as file, sound.open() as again:
            if sound.duration is None:
                require_whole(file, str(sound))
            frames = part_range(file, str(sound), sound.offset, sound.duration)
            for start, end in speech_spans(
                file, pauses, sound.channel, frames=frames, name=example.id
            ):
                count += 1
                span = round(start, 3), round(end, 3)
                yield _part(example, field, f"{example.id}#{count}", span, again)
    except ValueError as error:
        rest = f" What comes after {end:g} s is left out." if count else ""
        yield ExampleError(example, f"{error}{rest}")
        return
    if not count:
        yield ExampleError(
            example,
            f"no part of the sound is louder than data.pauses.quietest={pauses.quietest:g} "
            "dB of full scale. Set a lower one, or leave the sound out.",
        )


def _is_long(sound: SoundFile, pauses: Pauses) -> bool:
    try:
        return sound.seconds > pauses.longest
    except ValueError:
        return False


def _part(
    example: Example, field: str, name: str, span: Span, file: soundfile.SoundFile
) -> Example:
    sound: SoundFile = example.fields[field]
    start, end = span
    part = replace(sound, offset=start, duration=end - start)
    value: Sound | SoundFile = part
    if sound.member is not None:  # which would be unpacked again for each part
        samples = read_part(file, str(sound), start, end - start)
        value = Sound(chosen(samples, sound.channel), file.samplerate, str(sound))
    kept = {key: one for key, one in example.fields.items() if key not in TARGETS}
    fields = {**kept, field: value, "start": start, "end": end}
    return Example(name, fields, example.origin, example.meta)
