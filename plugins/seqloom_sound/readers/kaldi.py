"""Data folders of Kaldi: wav.scp and text, with segments and utt2spk where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seqloom.data import TextFile
from seqloom.errors import DataError
from seqloom.interfaces import Origin
from seqloom_sound.place import Place
from seqloom_sound.readers.find import Found, missing_sound, sound_file, stored_name
from seqloom_sound.readers.rows import seconds
from seqloom_sound.sound import SoundFile

SCP = "wav.scp"


def is_kaldi(folder: Path) -> bool:
    """Return whether a folder is a data folder of Kaldi."""
    return (folder / SCP).is_file()


@dataclass(slots=True)
class Entry:
    """One line: what follows its key, and where it is.

    Attributes:
        value: The rest of the line, without white space at its ends.
        origin: File and line.
        problem: Why the line cannot be used.
    """

    value: str
    origin: Origin
    problem: str = ""


def in_kaldi(folder: Path, place: Place, *, targets: bool) -> Iterator[Found]:
    """Yield the utterances of a data folder, in the order of segments, or of wav.scp without.

    Args:
        folder: Data folder.
        place: Folder or .zip that relative paths are relative to.
        targets: Whether each utterance must have a text.

    Raises:
        DataError: A file cannot be read, or ``text`` does not exist and must.
    """
    recordings = _entries(folder / SCP)
    has_segments = (folder / "segments").is_file()
    utterances = _entries(folder / "segments") if has_segments else recordings
    if targets and not (folder / "text").is_file():
        raise DataError(
            f"{folder}: there is no file 'text' beside {SCP}, which must hold the transcripts."
        )
    texts = _entries(folder / "text") if (folder / "text").is_file() else {}
    speakers = _entries(folder / "utt2spk") if (folder / "utt2spk").is_file() else {}
    for name, entry in utterances.items():
        found = Found(name, entry.origin, SoundFile(""), problem=entry.problem)
        try:
            if entry.problem:
                raise ValueError(entry.problem)
            found.sound = _sound(entry, recordings, place) if has_segments else _file(entry, place)
            found.values = _fields(name, texts, speakers, targets)
        except ValueError as error:
            found.problem = str(error)
        yield found
    for name, entry in texts.items() if targets else ():
        if name not in utterances:
            files = "segments" if has_segments else SCP
            problem = entry.problem or f"{name!r} has a text, but is not in {files}."
            yield Found(f"text/{name}", entry.origin, SoundFile(""), problem=problem)


def _fields(
    name: str, texts: dict[str, Entry], speakers: dict[str, Entry], targets: bool
) -> dict[str, str]:
    """Return the text and the speaker of an utterance.

    Raises:
        ValueError: One of their lines is bad, or the text is missing, and ``targets`` are required.
    """
    values = {}
    for field, entries in (("text", texts), ("speaker", speakers)):
        if entry := entries.get(name):
            if not entry.problem:
                values[field] = entry.value
            elif targets:  # it is not needed otherwise
                raise ValueError(f"{entry.origin}: {entry.problem}")
    if targets and "text" not in values:
        raise ValueError(f"{name!r} has no line in the file 'text'.")
    return values


def _sound(entry: Entry, recordings: dict[str, Entry], place: Place) -> SoundFile:
    """Return the part of a recording that a line of segments names.

    Raises:
        ValueError: The line is malformed, or the recording cannot be used.
    """
    cells = entry.value.split()
    if len(cells) != 3:
        raise ValueError(f"expected UTTERANCE RECORDING START END, words found: {len(cells) + 1}.")
    recording = recordings.get(cells[0])
    if recording is None:
        raise ValueError(f"the recording {cells[0]!r} is not in {SCP}.")
    if recording.problem:
        raise ValueError(f"{recording.origin}: {recording.problem}")
    sound = _file(recording, place)
    start = seconds(cells[1], "start")
    if cells[2] == "-1":  # to the end, as Kaldi has it
        return SoundFile(sound.path, sound.member, start)
    if (stop := seconds(cells[2], "end")) <= start:
        raise ValueError(f"it ends at {stop:g} s, but starts at {start:g} s.")
    return SoundFile(sound.path, sound.member, start, stop - start)


def _file(entry: Entry, place: Place) -> SoundFile:
    """Return the file that a line of wav.scp names.

    Raises:
        ValueError: It is a command or a position in an archive, or the file does not exist.
    """
    path = entry.value
    if path.endswith("|"):
        raise ValueError(
            f"{path!r} is a command, and commands are not run. Write its output to files once, for "
            f"example with wav-copy scp:{SCP} of Kaldi, and name these in {SCP}."
        )
    if ":" in path and path.rsplit(":", 1)[1].split("[")[0].isdecimal():
        raise ValueError(
            f"{path!r} is a position in an archive, which is not read. Write the sounds to files, "
            f"for example with wav-copy of Kaldi, and name these in {SCP}."
        )
    path = stored_name(place, path)
    if problem := missing_sound(place, path):
        raise ValueError(problem)
    return sound_file(place, path)


def _entries(path: Path) -> dict[str, Entry]:
    """Return the lines of a file by their first word.

    Raises:
        DataError: The file cannot be read.
    """
    file = TextFile(str(path))
    entries: dict[str, Entry] = {}
    problems: dict[int, str] = {}
    for number, line in file.lines(problems):
        key, _, value = line.strip().replace("\t", " ", 1).partition(" ")
        if not key:
            continue
        entry = Entry(value.strip(), Origin(file.shown, number), problems.pop(number, ""))
        if not entry.problem and not entry.value and path.name != "text":
            entry.problem = f"the line has only one word, {key!r}."
        if key in entries:
            entry.problem = f"{key!r} is also in line {entries[key].origin.line}."
            key = f"{key}#{number}"
        entries[key] = entry
    return entries
