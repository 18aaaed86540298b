"""From a row of a table or a manifest, which has values by name, to a sound with its text."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from seqloom.errors import did_you_mean
from seqloom.interfaces import Origin
from seqloom_sound.decode import SLACK
from seqloom_sound.place import Place
from seqloom_sound.readers.find import Found, missing_sound, sound_file, stored_name
from seqloom_sound.sound import SoundFile

NAMES: Mapping[str, tuple[str, ...]] = {
    "sound": (
        *("sound", "audio_filepath", "audio_path", "audio_file", "audio", "path"),
        *("file_name", "filename", "file", "wav"),
    ),
    "text": ("text", "sentence", "transcript", "transcription"),
    "offset": ("offset", "start"),
    "duration": ("duration",),
    "end": ("end",),
    "channel": ("channel",),
    "id": ("id", "utt_id", "utterance_id"),
    "speaker": ("speaker", "speaker_id", "client_id"),
}
"""Field → names that columns and keys may have for it, the first that is there counts."""


def columns_of(names: Collection[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each field; that of the speaker is a field by its own name, too.

    Args:
        names: Names of the columns.
        chosen: Field → column, as the user says.
    """
    taken = {**chosen}
    for field, known in NAMES.items():
        found = next((one for one in known if one in names and one not in taken.values()), None)
        if found is not None:
            taken.setdefault(field, found)
    used = {column for field, column in taken.items() if field != "speaker"}
    rest = {name: name for name in names if name not in used and name not in taken}
    return taken | rest


def no_sound(names: Collection[str], what: str) -> str:
    """Return the sentence for a row without a column for the sound's path."""
    return (
        f"no {what} with the path of the sound: expected one of {', '.join(NAMES['sound'])}; or "
        f"name it, data.columns.sound=NAME. {did_you_mean('sound', names)}"
    )


def found_in(
    row: Mapping[str, Any],
    columns: Mapping[str, str],
    place: Place,
    origin: Origin,
    *,
    targets: bool,
) -> Found:
    """Return the sound of a row that names one.

    Args:
        row: Column → text of a cell, or any value of JSON.
        columns: Field → column, of those that the row has.
        place: Where the sounds are.
        origin: File and line of the row.
        targets: Whether there must be a text.
    """
    values = {field: row[column] for field, column in columns.items() if column in row}
    values = {field: one for field, one in values.items() if one is not None and one != ""}
    if "text" in columns and row.get(columns["text"]) == "":
        values["text"] = ""
    path, name = values.pop("sound", None), str(values.pop("id", ""))
    if isinstance(path, Mapping) and not (path.get("bytes") or "array" in path):
        path = path.get("path")  # as datasets of Hugging Face write it
    if not isinstance(path, str):
        return _bad(name, origin, f"the path of the sound is {path!r:.60}; expected a text.")
    path = stored_name(place, path)
    try:
        sound, suffix = _part(sound_file(place, path), values)
    except ValueError as error:
        return _bad(name or path, origin, str(error))
    found = Found(name or path.lstrip("/") + suffix, origin, sound)
    text = values.get("text")
    if not isinstance(text, str) and (targets or text is not None):
        missing = "it has no text" if text is None else f"its text is {text!r:.60}, not a text"
        wanted = ", ".join(NAMES["text"])
        found.problem = f"{missing}; expected one in {wanted}, or in data.columns.text=NAME."
    else:
        found.problem = missing_sound(place, path)
    found.values = {field: _plain(value) for field, value in values.items()}
    return found


def _bad(name: str, origin: Origin, problem: str) -> Found:
    return Found(name or f"line {origin.line}", origin, SoundFile(""), problem=problem)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _part(sound: SoundFile, values: dict[str, Any]) -> tuple[SoundFile, str]:
    """Return the part of a file that a row names, and what that adds to the name of the sound.

    The values that say so are removed.

    Raises:
        ValueError: One of them is not a number of seconds, or a channel.
    """
    offset = seconds(values.pop("offset", 0.0), "offset")
    duration = values.pop("duration", None)
    end = values.pop("end", None)
    if duration is not None:
        duration = seconds(duration, "duration", positive=True)
    if end is not None:
        duration = _length(offset, seconds(end, "end"), duration)
    channel = values.pop("channel", None)
    suffix = f"@{offset:g}" if offset else ""
    if channel is not None:
        channel = channel_number(channel)
        suffix += f":{channel}"
    return SoundFile(sound.path, sound.member, offset, duration, channel), suffix


def _length(start: float, end: float, duration: float | None) -> float:
    """Return the length of a part in seconds.

    Raises:
        ValueError: It ends before its start, or a duration that is given as well is another one.
    """
    if end <= start:
        raise ValueError(f"it ends at {end:g} s, but starts at {start:g} s.")
    if duration is not None and abs(end - start - duration) > SLACK:
        raise ValueError(
            f"its duration is {duration:g} s, but from {start:g} s to {end:g} s it is "
            f"{end - start:g} s. Leave out what is wrong, or rename it."
        )
    return end - start if duration is None else duration


def seconds(value: Any, name: str, *, positive: bool = False) -> float:
    """Return a number of seconds.

    Raises:
        ValueError: The value is not one that is finite and not negative; the text is a sentence.
    """
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and (number > 0 if positive else number >= 0)):
        least = "more than 0" if positive else "0 or more"
        raise ValueError(f"its {name} is {value!r:.60}; expected a number of seconds, {least}.")
    return number


def channel_number(value: Any) -> int:
    """Return the number of a channel, from 0.

    Raises:
        ValueError: The value is not one.
    """
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise ValueError(f"its channel is {value!r:.60}; expected a number from 0.")
    return int(text)
