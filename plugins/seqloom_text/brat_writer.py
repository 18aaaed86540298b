"""What ``seqloom predict --to brat`` writes: a folder with a text and its annotations for each."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from seqloom.data import entity_spans
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.files import atomic_file
from seqloom.interfaces import Example, HeadCodec, Prediction, Reader
from seqloom_text.readers.alignment import checked
from seqloom_text.readers.brat import NOTES, TEXT, Document, brat_files

LONGEST = 200
"""Maximum size of a file's name in bytes, without its suffix."""

_UNSAFE = re.compile(r"[^\w.-]+")
_LINE_END = re.compile(r"\s*[\r\n]\s*")


class BratWriter:
    """Writes ``NAME.txt`` and ``NAME.ann`` for each example into a folder.

    ``NAME`` is that of the document in a folder of brat, otherwise the id of the example; what may
    not be in the names of files becomes ``_``. What was written is read again, and compared.

    Args:
        out: Folder; created if it does not exist.
        codec: Codec of the head that predicts.

    Raises:
        ConfigError: The head predicts no entities; or ``out`` is missing, a file, or a folder that
            already has texts or annotations.
    """

    def __init__(self, out: Path | None, codec: HeadCodec) -> None:
        if not codec.row_per_token:
            raise ConfigError(
                "--to brat: the model does not predict a tag for each token, so there are no "
                "entities; use --to jsonl or --to tsv."
            )
        if out is None or (out.exists() and not out.is_dir()):
            found = "--out is missing" if out is None else f"{out} is a file"
            raise ConfigError(
                f"--to brat writes a text and its annotations for each input, but {found}. Pass a "
                "folder: --out FOLDER"
            )
        there = min(brat_files(out), default=None) if out.is_dir() else None
        if there is not None:
            raise ConfigError(
                f"--out {out} already has texts or annotations, such as "
                f"{there.relative_to(out)}. Pass a new folder, so that none is replaced."
            )
        self._out = out
        self._used = Counter[str]()

    def begin(self, reader: Reader) -> None:
        """Do nothing: the reader has no influence."""

    def write(self, example: Example, prediction: Prediction) -> None:
        """Write the text and the annotations of an example.

        Raises:
            ExampleError: They would not be read as they are.
            RunError: They cannot be written.
        """
        text, found = entity_spans(example, prediction)
        spans = [(*_trimmed(text, start, end), kind) for start, end, kind in found]
        target = self._out / self._name(example)
        notes = "".join(_line(number, text, *span) for number, span in enumerate(spans, 1))
        with (
            atomic_file(target.with_name(target.name + NOTES)) as annotations,
            atomic_file(target.with_name(target.name + TEXT)) as texts,
        ):
            annotations.write_bytes(notes.encode("utf-8", "replace"))
            texts.write_bytes(text.encode("utf-8", "replace"))
            _refuse_other(example, text, spans, Document(target.name, texts, annotations))

    def close(self) -> None:
        """Do nothing: everything is written."""

    def _name(self, example: Example) -> str:
        """Return the path of an example's files in the folder, without suffix; each time another.

        Names that differ only in case are told apart, as some file systems do not do it.
        """
        parts = str(example.meta.get("document", "")).split("/")
        if parts == [""]:
            parts = [example.id]
        name = "/".join(map(_safe, parts))
        while self._used[name.casefold()]:
            self._used[name.casefold()] += 1
            name = f"{name}-{self._used[name.casefold()]}"
        self._used[name.casefold()] += 1
        return name


def _safe(name: str) -> str:
    """Return a name of which a file's name can be made.

    >>> _safe("../stdin:1"), _safe("...")
    ('stdin_1', '_')
    """
    found = _UNSAFE.sub("_", name).encode()[:LONGEST].decode(errors="ignore")
    return found.strip("._") or "_"


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span without white space at its borders, which tokens of tables may have."""
    own = text[start:end]
    bare = own.strip()
    first = start + own.index(bare)
    return (first, first + len(bare)) if bare else (start, end)


def _line(number: int, text: str, start: int, end: int, kind: str) -> str:
    """Return the line of a span; it has a piece for each line of the text that it is in."""
    places, at = list[tuple[int, int]](), start
    for found in _LINE_END.finditer(text, start, end):
        places.append((at, found.start()))
        at = found.end()
    places.append((at, end))
    listed = ";".join(f"{first} {last}" for first, last in places)
    return f"T{number}\t{kind} {listed}\t{' '.join(text[a:b] for a, b in places)}\n"


def _refuse_other(
    example: Example, text: str, spans: list[tuple[int, int, str]], written: Document
) -> None:
    """Compare what was written with what it was written from.

    Raises:
        ExampleError: They differ.
    """
    problem = "the text has characters or line ends that a text file cannot hold"
    try:
        if written.text() == text:
            read = checked(text, written.annotated(text, Counter()).spans)
            if [(one.start, one.end, one.kind) for one in read] == spans:
                return
            problem = "a type or an entity has characters that an annotation cannot have"
    except DataError:
        pass
    except ValueError as error:
        problem = str(error).rstrip(".")
    raise ExampleError(
        example, f"--to brat cannot hold it: {problem}. --to jsonl and --to spans can."
    )
