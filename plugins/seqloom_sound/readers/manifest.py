"""Manifests: JSON Lines with an object for each sound, as NeMo and Lhotse write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqloom.data import TextFile, refuse_one_value, without_end
from seqloom.files import parse_json
from seqloom.interfaces import Origin
from seqloom_sound.place import Place
from seqloom_sound.readers.find import Found
from seqloom_sound.readers.rows import columns_of, found_in, no_sound
from seqloom_sound.sound import SoundFile


def in_manifest(
    file: TextFile, place: Place, chosen: Mapping[str, str], *, targets: bool
) -> Iterator[Found]:
    """Yield the sounds of a manifest; a line that cannot be read has a problem.

    Args:
        file: Manifest.
        place: Folder or .zip that relative paths are relative to.
        chosen: Field → key, as the user says.
        targets: Whether there must be a text.

    Raises:
        DataError: The file cannot be read, or is JSON of another form.
    """
    problems: dict[int, str] = {}
    for number, line in file.lines(problems):
        if not line.strip():
            continue
        if number == 1:
            refuse_one_value(file, line)
        origin = Origin(file.shown, number)
        try:
            if number in problems:
                raise ValueError(problems.pop(number))
            rows = _rows(without_end(line))
        except ValueError as error:
            yield Found(f"line {number}", origin, SoundFile(""), problem=str(error))
            continue
        for row in rows:
            columns = columns_of(row, chosen)
            if columns.get("sound") in row:
                yield found_in(row, columns, place, origin, targets=targets)
            else:
                problem = no_sound(row, "key")
                yield Found(f"line {number}", origin, SoundFile(""), problem=problem)


def _rows(line: str) -> Sequence[Mapping[str, Any]]:
    """Return the object on a line, or one for each supervision if it is a cut of Lhotse.

    Raises:
        ValueError: The line is not an object of JSON, or not a cut that can be read.
    """
    try:
        value = parse_json(line, finite_only=True)
    except ValueError as error:
        raise ValueError(f"{error}; expected an object on each line.") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object on each line, found {type(value).__name__}.")
    if isinstance(value.get("recording"), dict):
        return _supervised(value)
    return [value]


def _supervised(cut: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return a row for each supervision of a cut (``MonoCut`` of Lhotse)."""
    sources = cut["recording"].get("sources")
    if not (isinstance(sources, list) and len(sources) == 1 and isinstance(sources[0], dict)):
        raise ValueError("its recording must have exactly one source, a file.")
    if sources[0].get("type") != "file":
        raise ValueError(
            f"its recording is of the type {sources[0].get('type')!r}, which is not supported; "
            "expected 'file'. Save the sounds as files first, with CutSet.save_audios of Lhotse."
        )
    _require_unchanged(cut["recording"].get("transforms"))
    supervisions = cut.get("supervisions") or [{}]
    if not (isinstance(supervisions, list) and all(isinstance(one, dict) for one in supervisions)):
        raise ValueError("its supervisions are not a list of objects.")
    start = cut.get("start", 0.0)
    whole = {"path": sources[0].get("source"), "offset": start, "channel": cut.get("channel")}
    if len(supervisions) == 1:
        [only] = supervisions
        own = {key: only.get(key) for key in ("text", "speaker", "language", "gender")}
        return [{**own, **whole, "duration": cut.get("duration"), "id": cut.get("id")}]
    return [_of_supervision(one, whole, start) for one in supervisions]


def _require_unchanged(transforms: Any) -> None:
    """Refuse a recording that Lhotse changes while it reads it, except for its rate.

    Raises:
        ValueError: The recording has such a transform.
    """
    listed = transforms if isinstance(transforms, list) else [transforms] if transforms else []
    names = [str(one.get("name") if isinstance(one, dict) else one) for one in listed]
    if changing := [name for name in names if name != "Resample"]:
        raise ValueError(
            f"its recording has transforms ({', '.join(changing)}), which are not supported. Save "
            "the changed sounds as files first, with CutSet.save_audios of Lhotse."
        )


def _of_supervision(
    one: Mapping[str, Any], whole: Mapping[str, Any], start: Any
) -> Mapping[str, Any]:
    own = {key: one.get(key) for key in ("id", "text", "speaker", "language", "gender")}
    try:
        offset = float(start) + float(one.get("start", 0.0))
    except (TypeError, ValueError, OverflowError):
        raise ValueError("its start, or that of a supervision, is not a number.") from None
    return {**own, **whole, "offset": offset, "duration": one.get("duration")}
