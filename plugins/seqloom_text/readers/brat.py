"""Documents of brat: a text each, and beside it a file of annotations, ``a.txt`` and ``a.ann``.

Of the annotations, those of text are read: ``T1<TAB>TYPE START END<TAB>CHARACTERS``. One in several
pieces has ``START END;START END``; brat also writes it so where it goes on in the next line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from seqloom.data import TextFile, is_url
from seqloom.errors import Cause, DataError
from seqloom.files import expanded
from seqloom_text.readers.annotated import Annotated, Span, SpanError

TEXT, NOTES = ".txt", ".ann"
OTHERS = {
    "R": "relations",
    "E": "events",
    "A": "attributes",
    "M": "modifications",
    "N": "normalizations",
    "#": "notes",
    "*": "equivalences",
}
"""What other lines hold, by their first letter."""

_OTHER = re.compile(r"(?:[REAMN#]\d\S*|\*)\s")
_SPAN = re.compile(r"(T\S*)\t(\S+) (\d+ \d+(?:;\d+ \d+)*)(?:\t(.*))?")


def is_brat(file: str) -> bool:
    """Return whether a path is that of a folder, or of a file of annotations."""
    if file == "-" or is_url(file):
        return False
    return file.lower().endswith(NOTES) or expanded(file).is_dir()


@dataclass(frozen=True)
class Document:
    """A text, and its annotations.

    Attributes:
        name: Path in the folder, without suffix, for messages.
        path: Path of the text, whether there is one or not.
        notes: Path of the annotations.
    """

    name: str
    path: Path
    notes: Path

    @property
    def shown(self) -> str:
        """Name of the text in messages; of the annotations if there is no text."""
        return TextFile(str(self.path if self.path.is_file() else self.notes)).shown

    @property
    def shown_notes(self) -> str:
        """Name of the annotations in messages."""
        return TextFile(str(self.notes)).shown

    def text(self) -> str:
        """Return the text, with the line ends of the file, which the places count.

        Raises:
            ValueError: It is not there, or not in UTF-8.
        """
        if not self.path.is_file():
            raise ValueError(f"there is no {self.path.name} with the text of the spans beside it.")
        problems = dict[int, str]()
        text = "".join(line for _, line in TextFile(str(self.path)).lines(problems))
        for number, problem in problems.items():
            raise ValueError(f"line {number}: {problem}")
        return text

    def annotated(self, text: str, others: Counter[str]) -> Annotated:
        """Return the text with its spans.

        Args:
            text: Text.
            others: Counts lines that are not read, by what they hold.

        Raises:
            SpanError: A line is malformed, or a span has several pieces; has the line.
        """
        if not self.notes.is_file():
            return Annotated(text, unused=f"there is no {NOTES} file")
        spans = []
        for number, line in TextFile(str(self.notes)).lines():
            content = line.rstrip("\r\n")
            if content.startswith("T"):
                spans.append(_span(content, number, text))
            elif _OTHER.match(content):
                others[OTHERS[content[0]]] += 1
            elif content.strip():
                raise SpanError(
                    f"{content[:40]!r} is not a brat annotation; expected T1<TAB>TYPE START "
                    "END<TAB>TEXT.",
                    number,
                )
        return Annotated(text, spans)


def documents(file: str) -> Iterator[Document]:
    """Yield the documents of a folder and of those in it, or the one of a file, in order.

    Raises:
        DataError: There is none.
    """
    path = expanded(file)
    if not path.is_dir():
        if not path.is_file():
            raise DataError(f"{file}: no such file.", cause=Cause.no_file)
        yield Document(TextFile(path.stem).shown, _text_beside(path), path)
        return
    found: dict[Path, dict[str, Path]] = {}
    for one in sorted(brat_files(path)):
        both = found.setdefault(one.with_suffix(TEXT), {})
        other = both.setdefault(one.suffix.lower(), one)
        if other != one:
            raise DataError(
                f"{file}: {other.name} and {one.name} are two files for one document; keep one.",
                cause=Cause.not_parsed,
            )
    if not found:
        raise DataError(
            f"{file}: the folder has no {TEXT} files; data=spans reads a file, or a folder of brat "
            f"with {TEXT} and {NOTES} files.",
            cause=Cause.no_file,
        )
    for key in sorted(found):
        name = TextFile(key.relative_to(path).with_suffix("").as_posix()).shown
        yield Document(
            name, found[key].get(TEXT, key), found[key].get(NOTES, key.with_suffix(NOTES))
        )


def brat_files(folder: Path) -> Iterator[Path]:
    """Yield the texts and annotations in a folder and those in it, but for hidden ones."""
    for one in folder.rglob("*"):
        if (
            one.suffix.lower() in (TEXT, NOTES)
            and not any(part.startswith(".") for part in one.relative_to(folder).parts)
            and not one.is_dir()
        ):
            yield one


def _text_beside(notes: Path) -> Path:
    """Return the path of the text of a file of annotations."""
    found = (notes.with_suffix(suffix) for suffix in (TEXT, TEXT.upper()))
    return next((one for one in found if one.is_file()), notes.with_suffix(TEXT))


def _span(line: str, number: int, text: str) -> Span:
    found = _SPAN.fullmatch(line)
    if found is None:
        raise SpanError(f"{line[:60]!r}: expected T1<TAB>TYPE START END<TAB>TEXT.", number)
    name, kind, places, surface = found.groups()
    pieces = [tuple(map(int, one.split(" "))) for one in places.split(";")]
    if not _are_joined(pieces, text):
        raise SpanError(
            f"{name} ({kind}) has {len(pieces)} pieces, {places}, and a tag is for neighbouring "
            "tokens: keep one of them.",
            number,
        )
    return Span(pieces[0][0], pieces[-1][1], kind, surface, number)


def _are_joined(pieces: Sequence[tuple[int, ...]], text: str) -> bool:
    """Return whether nothing but white space is between the pieces of a span."""
    return all(
        before[1] <= after[0] <= len(text) and not text[before[1] : after[0]].strip()
        for before, after in pairwise(pieces)
    )
