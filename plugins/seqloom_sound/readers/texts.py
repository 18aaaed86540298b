"""Folders and zip files of sounds with their texts beside them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from seqloom.data import Pattern
from seqloom.errors import plural
from seqloom.interfaces import Origin
from seqloom_sound.place import Place, is_hidden, is_sound_file
from seqloom_sound.readers.find import Found, names_in, sound_file
from seqloom_sound.sound import SoundFile

log = logging.getLogger("seqloom")

LARGEST_TEXT = 1 << 20  # bytes of the text of a sound
LISTED = ".trans.txt"
"""End of the names of files that list the texts of the sounds beside them, as in LibriSpeech."""


def with_texts(place: Place, pattern: Pattern | None, *, targets: bool) -> Iterator[Found]:
    """Yield the sounds of a folder or zip file, each with the text of ``NAME.txt`` beside it.

    A text without a sound is reported like a sound without a text, if ``targets`` are required;
    those in a list of texts are counted in a warning.

    Args:
        place: Folder or zip file.
        pattern: Pattern of names whose groups are fields, or None.
        targets: Whether each sound must have a text.

    Raises:
        DataError: This is neither a folder nor a zip file.
    """
    texts = _Texts(place, names_in(place))
    for name in texts.names:
        origin = Origin(str(place.path / name))
        if is_sound_file(name):
            found = Found(name, origin, sound_file(place, name))
            _fill(found, texts, pattern, targets)
            yield found
        elif targets and texts.is_alone(name):
            problem = "a text without a sound of the same name beside it."
            yield Found(name, origin, SoundFile(""), problem=problem)
    if targets:
        texts.warn_of_unused()


def _fill(found: Found, texts: _Texts, pattern: Pattern | None, targets: bool) -> None:
    """Take the fields from the name, and the text from the file beside it."""
    match = pattern.fullmatch(found.name) if pattern else None
    found.values = {k: v for k, v in match.groupdict().items() if v} if match else {}
    if pattern and not match and targets:
        found.problem = f"data.pattern={pattern.text} does not match {found.name!r}."
    try:
        if (text := texts.of(found.name)) is not None:
            found.values["text"] = text
    except ValueError as error:  # which only matters if there must be a text
        found.problem = str(error) if targets else ""
    if targets and "text" not in found.values and not found.problem:
        wanted = " or a line in ".join(texts.expected(found.name))
        found.problem = f"no text beside the sound; expected {wanted}."


@dataclass
class _Texts:
    """The texts beside sounds.

    Attributes:
        place: Folder or zip file.
        names: Names of the files in it, sorted.
    """

    place: Place
    names: list[str]
    _read_lists: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def of(self, name: str) -> str | None:
        """Return the text of a sound, or None if there is none.

        Raises:
            ValueError: Its file cannot be read, is too large or not UTF-8, or has several texts for
                it; the text is a sentence.
        """
        base = _base(name)
        for own in (f"{base}.txt", f"{base}.TXT"):
            if own in self._known:
                return self._read(own).removesuffix("\n").removesuffix("\r")
        stem = PurePosixPath(name).stem
        for listing in self._lists_beside(name):
            found = self._listed(listing).get(stem, [])
            if len(found) > 1:
                raise ValueError(
                    f"{self.place.path / listing} has {len(found)} different texts for {stem!r}; "
                    "expected one."
                )
            if found:
                return found[0]
        return None

    def expected(self, name: str) -> list[str]:
        """Return the names of the files that could have the text of a sound."""
        names = [f"{_base(name)}.txt", *self._lists_beside(name)]
        return [PurePosixPath(one).name for one in names]

    def warn_of_unused(self) -> None:
        """Warn of lists with texts of sounds that are not beside them."""
        for listing in (one for found in self._lists.values() for one in found):
            folder = PurePosixPath(listing).parent
            try:
                keys = list(self._listed(listing))
            except ValueError:  # a sound beside it, if there is one, has this problem
                continue
            unused = [key for key in keys if str(folder / key) not in self._sounds]
            if unused:
                log.warning(
                    "%s: %d of %d %s no sound beside the file, the first %r; they are not used.",
                    self.place.path / listing,
                    len(unused),
                    len(keys),
                    plural(len(keys), "text has", "texts have"),
                    unused[0],
                )

    def is_alone(self, name: str) -> bool:
        """Return whether a file is a text, and there is no sound that it belongs to."""
        lower = name.lower()
        if not lower.endswith(".txt") or lower.endswith(LISTED):
            return False
        return _base(name) not in self._sounds

    @cached_property
    def _known(self) -> set[str]:
        return set(self.names)

    @cached_property
    def _sounds(self) -> set[str]:
        return {_base(name) for name in self.names if is_sound_file(name)}

    @cached_property
    def _lists(self) -> dict[str, list[str]]:
        """Files that list texts, by their folder."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            if name.lower().endswith(LISTED) and not is_hidden(name):
                found.setdefault(str(PurePosixPath(name).parent), []).append(name)
        return found

    def _lists_beside(self, name: str) -> list[str]:
        return self._lists.get(str(PurePosixPath(name).parent), [])

    def _listed(self, listing: str) -> dict[str, list[str]]:
        """Return the different texts of each sound in a list: a name, white space, the text."""
        if listing not in self._read_lists:
            texts: dict[str, list[str]] = {}
            for line in self._read(listing).split("\n"):
                if words := line.split(maxsplit=1):
                    text = words[1].rstrip() if len(words) > 1 else ""
                    found = texts.setdefault(words[0], [])
                    found += [text] if text not in found else []
            self._read_lists[listing] = texts
        return self._read_lists[listing]

    def _read(self, name: str) -> str:
        content = self.place.read(name, LARGEST_TEXT)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            other = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "LATIN1"
            raise ValueError(
                f"the text {self.place.path / name} is not UTF-8: {error.reason}. Convert it, for "
                f"example with iconv -f {other} -t UTF-8."
            ) from None


def _base(name: str) -> str:
    """Return a name without its suffix."""
    return str(PurePosixPath(name).with_suffix(""))
