"""Pretrained word vectors as text: GloVe, word2vec's text form and fastText's ``.vec``.

A line holds a word and its values, separated by spaces. word2vec and fastText begin with a line of
the numbers of words and values; GloVe does not. The word may contain spaces, as some of GloVe's do.
A word that is itself a space, or numbers with spaces between them, is skipped: no text has it.
A file that ends in ``.gz`` is decompressed while it is read.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from seqloom.data import TextFile
from seqloom.errors import DataError, plural
from seqloom.files import expanded

logger = logging.getLogger("seqloom")


class VectorLine(NamedTuple):
    """One line of the file: its number (from 1), the word, and the values as text."""

    number: int
    word: str
    values: bytes


def load_vectors(path: str, words: Collection[str]) -> dict[str, np.ndarray]:
    """Return the vectors, (D,) float32 each, of those words that the file has.

    A word that is not in the file gets the first vector of a word that is equal in lower case. If a
    word has two lines, the first one counts. Logs how many words were found.

    Raises:
        DataError: The file is missing or malformed; the text has file and line.
    """
    wanted = set(words)
    folded = {word.lower() for word in wanted}
    exact: dict[str, np.ndarray] = {}
    similar: dict[str, np.ndarray] = {}
    for line in read_lines(path):
        lower = line.word.lower()
        if line.word in wanted and line.word not in exact:
            exact[line.word] = _parse(path, line)
        elif lower in folded and lower not in similar:
            similar[lower] = _parse(path, line)
    best = {word: exact.get(word, similar.get(word.lower())) for word in words}
    found = {word: vector for word, vector in best.items() if vector is not None}
    level = logging.INFO if found else logging.WARNING
    words_ = plural(len(wanted), "word")
    logger.log(level, "%s has vectors for %d of %d %s.", path, len(found), len(wanted), words_)
    return found


def read_lines(path: str) -> Iterator[VectorLine]:
    """Yield the lines of the file, without the header, in order.

    Raises:
        DataError: The file is missing or empty, or a line has too few or too many values.
    """
    size: int | None = None
    skipped: list[int] = []
    for number, raw in _raw_lines(path):
        text = raw.replace(b"\t", b" ").strip(b" \r\n")
        if number == 1 and _is_header(text):
            size = int(text.split()[1])
            continue
        if size is None:
            size = text.count(b" ")
        if _is_no_word(raw, text, size):
            skipped.append(number)
            continue
        word, values = _split(path, number, text, size)
        yield VectorLine(number, word, values)
    if size is None:
        raise DataError(f"{path}: the file is empty; expected a word and its values in each line.")
    if skipped:
        logger.info(
            "%s: %d %s skipped, whose word is a space or numbers with spaces; the first is line "
            "%d.",
            path,
            len(skipped),
            plural(len(skipped), "line is", "lines are"),
            skipped[0],
        )


def _raw_lines(path: str) -> Iterator[tuple[int, bytes]]:
    try:
        yield from TextFile(str(expanded(path))).raw_lines()
    except DataError as error:
        raise DataError(
            f"{error} Set frontend.vectors to a file of word vectors as text, plain or compressed "
            "by gzip."
        ) from error


def _is_header(text: bytes) -> bool:
    fields = text.split()
    return len(fields) == 2 and all(len(one) < 20 and one.isdigit() for one in fields)


def _is_no_word(raw: bytes, text: bytes, size: int) -> bool:
    """Return whether the word of a line is a space, or numbers with spaces between them."""
    surplus = text.count(b" ") - size
    if surplus == -1:
        return raw.startswith((b" ", b"\t")) and all(map(_is_number, text.split(b" ")))
    return surplus > 0 and all(map(_is_number, text.split(b" ")[: surplus + 1]))


def _split(path: str, number: int, text: bytes, size: int) -> tuple[str, bytes]:
    """Return the word and its values; they are only counted, since most lines are not used."""
    surplus = text.count(b" ") - size
    cut = text.find(b" ")
    for _ in range(surplus):  # the word has spaces itself
        cut = text.find(b" ", cut + 1)
    word, values = text[:cut], text[cut + 1 :]
    if size < 1 or surplus < 0 or (surplus and _is_number(word.rpartition(b" ")[2])):
        found = text.count(b" ")
        raise DataError(
            f"{path}:{number}: {found} {plural(found, 'value')}, expected {max(size, 1)} as in the "
            "first line. Expected a word and its values, separated by single spaces; convert "
            "binary "
            f"files to text first."
        )
    return word.decode("utf-8", "replace"), values


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parse(path: str, line: VectorLine) -> np.ndarray:
    try:
        exact = np.array([float(value) for value in line.values.split(b" ")])
    except ValueError as error:
        raise DataError(
            f"{path}:{line.number}: the vector of {line.word!r} cannot be read ({error}); expected "
            f"numbers only."
        ) from error
    with np.errstate(over="ignore"):
        values = exact.astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(
            f"{path}:{line.number}: the vector of {line.word!r} has a value that is not finite; "
            f"remove the line or fix it."
        )
    return values
