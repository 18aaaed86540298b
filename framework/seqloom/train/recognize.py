"""Recognize inputs that are like the data that a model was trained on, whatever their suffix."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqloom.config.overrides import with_overrides
from seqloom.config.run_config import Section
from seqloom.data.text_file import TextFile
from seqloom.errors import ConfigError, DataError, SeqloomError
from seqloom.interfaces import Reader
from seqloom.model.build import build_reader
from seqloom.plugins.readers import choose_reader, may_teach, readers_for

SAMPLE = 1 << 14
"""Number of bytes to look at."""
MOST = 20
"""Number of lines to look at."""


def recognized(stored: Section, paths: Sequence[str], words: Sequence[str]) -> Section | None:
    """Return how to read files by the reader that a model was trained with; None if they are not.

    Args:
        stored: Section of the data that the model was trained on.
        paths: Paths of the files; ``-`` is standard input.
        words: The user's ``data.KEY=VALUE``.

    Raises:
        ConfigError: Some of the files are such data, and others are not.
    """
    section: dict[str, Any] = {}
    reader = None
    with suppress(SeqloomError):  # the user's keys are those of another reader, or it is gone
        section = dict(with_overrides(stored, words))
        reader = build_reader(section)
    if reader is None or type(reader).recognize is Reader.recognize:
        return None
    found = [reader.recognize(first_lines(path)) for path in paths]
    own = [one for one in found if one is not None]
    if own and (len(own) < len(found) or any(one != own[0] for one in own)):
        raise ConfigError(
            f"Of {', '.join(paths)}, some are like the data that the model was trained on and "
            "others are not. Predict from one kind at a time, or choose the reader: data=NAME."
        )
    return {**section, **own[0]} if own else None


def looks_like(frontend: Section, paths: Sequence[str]) -> str | None:
    """Return the name of a reader, with its defaults, that recognizes all the files; or None."""
    samples = [first_lines(path) for path in paths]
    for component in readers_for(frontend):
        with suppress(SeqloomError, TypeError):  # one that has no defaults, or is not whole
            reader = build_reader({"name": component.name})
            if all(reader.recognize(lines) is not None for lines in samples):
                return component.name
    return None


@contextmanager
def naming_other_reader(
    data: Section, frontend: Section, head: Section | None, split: str
) -> Iterator[None]:
    """Say at the end of an error if another reader is made for files like the split's.

    Args:
        data: Section of the data that is read.
        frontend: Section of the frontend.
        head: Section of the head; None if it does not matter.
        split: Name of the split.

    Raises:
        DataError: As what runs inside.
    """
    try:
        yield
    except DataError as error:
        file = data.get(split) or data.get("train")
        if not isinstance(file, str) or not Path(file).is_file() or _fits(data, file):
            raise
        name = _made_for(file, data["name"], frontend, head)
        if name is None or name == data["name"]:
            raise
        raise DataError(
            f"{error} It was read by data={data['name']}; for files like this there is "
            f"data={name}.",
            cause=error.code,
        ) from error


def _fits(data: Section, file: str) -> bool:
    """Return whether a reader recognizes the first lines of a file."""
    with suppress(SeqloomError):
        return build_reader(data).recognize(first_lines(file)) is not None
    return False


def _made_for(file: str, reader: str, frontend: Section, head: Section | None) -> str | None:
    """Return the name of the reader for files with such a suffix or such lines, if there is one.

    It is the given reader if that is for files with the suffix, too.
    """
    with suppress(ConfigError):
        name = choose_reader(frontend, {"name": reader}, [file], head)
        found = looks_like(frontend, [file]) if name == "lines" else name
        return found if found and (head is None or may_teach(found, head["name"])) else None
    return None


def first_lines(path: str) -> list[str]:
    """Return some of the first lines of a file, or of standard input, of which none is consumed."""
    sample = b""
    if path == "-":
        peek = getattr(sys.stdin.buffer, "peek", None)
        sample = peek(SAMPLE) if peek else b""
    elif Path(path).is_file():
        with suppress(OSError, EOFError, zlib.error), TextFile.find(path).open() as stream:
            sample = stream.read(SAMPLE)
    lines = sample.decode("utf-8-sig", "replace").split("\n")
    # The last one may go on.
    return [line.removesuffix("\r") for line in lines[: max(1, len(lines) - 1)]][:MOST]
