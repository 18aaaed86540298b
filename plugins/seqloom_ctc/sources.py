"""What a beam search may know of a language, from the files that the parameters name."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from seqloom.data import TextFile, local_path
from seqloom.errors import DataError
from seqloom.files import refuse_large
from seqloom_ctc.arpa import LARGEST, Arpa, read_arpa
from seqloom_ctc.characters import SPACES, covered, of_characters, space_of
from seqloom_ctc.schema import ArpaUnit, Ctc

log = logging.getLogger(__name__)

TRAIN = "train"
"""In place of a file with words: those of the training texts."""

GZIP = b"\x1f\x8b"

Form = Callable[[str], str]


def corpus(options: Ctc, normal: Form) -> list[str]:
    """Return the lines of ``head.corpus`` in their normal form.

    Raises:
        DataError: The file cannot be read, or has no text.
    """
    path = options.corpus
    lines = _lines(path, "head.corpus", normal) if path else []
    if path and not lines:
        raise DataError(f"head.corpus={path}: the file has no text.")
    return lines


def words(options: Ctc, texts: Sequence[str], normal: Form) -> list[str] | None:
    """Return the words of ``head.lexicon``, sorted; None if there is none.

    Raises:
        DataError: The file cannot be read, or has no words.
    """
    source = options.lexicon
    if source is None:
        return None
    lines = texts if source == TRAIN else _lines(source, "head.lexicon", normal)
    found = {word for line in lines for word in _words(line, source == TRAIN)}
    if not found:
        raise DataError(f"head.lexicon={source}: no words were found.")
    return sorted(found)


def arpa(options: Ctc, texts: Sequence[str], characters: str, form: Form) -> Arpa | None:
    """Return the n-grams of ``head.arpa`` that can be read; None if it is not set.

    Args:
        options: Parameters of the head.
        texts: Training texts in their normal form.
        characters: Characters that can be read.
        form: Brings a text into the Unicode normal form.

    Raises:
        DataError: The file cannot be read, is not in the ARPA format, or has nothing in common with
            the training texts.
    """
    path = options.arpa
    if path is None:
        return None
    name = f"head.arpa={path}"
    with _sentences(name, "head.arpa"):
        file = local_path(path)
        refuse_large(file, LARGEST)
        content = file.read_bytes()
    if content.startswith(GZIP):
        raise DataError(f"{name}: the file is compressed; unpack it first, with gunzip.")
    model = read_arpa(content.splitlines(), name, form)
    if options.arpa_unit == ArpaUnit.character:
        return _of_characters(model, characters, name)
    return _of_words(model, texts, frozenset(characters), name)


def _of_characters(model: Arpa, alphabet: str, name: str) -> Arpa:
    if not covered(model, alphabet):
        raise DataError(
            f"{name}: the model has no character of the training texts; expected n-grams of "
            "characters. For a model of words: head.arpa_unit=word."
        )
    if " " in alphabet and space_of(model, alphabet) not in model:
        raise DataError(
            f"{name}: the model has nothing for a space, which the training texts have; expected "
            f"one of {', '.join(SPACES)}. Train it on texts whose spaces are replaced by it."
        )
    return of_characters(model, alphabet)


def _of_words(model: Arpa, texts: Sequence[str], known: frozenset[str], name: str) -> Arpa:
    found = {word for text in texts for word in text.split()}
    common = sum(word in model for word in found)
    if not common:
        raise DataError(
            f"{name}: the model has none of the {len(found)} words of the training texts; expected "
            "n-grams of such words, in the same upper and lower case. For a model of characters: "
            "head.arpa_unit=character."
        )
    if 2 * common < len(found):
        log.warning(
            "%s: the model has %d of the %d words of the training texts; the others are unknown to "
            "it. Upper and lower case and punctuation count.",
            name,
            common,
            len(found),
        )
    return model.only(known.issuperset)


def is_letter(character: str) -> bool:
    """Return whether a character is a part of words: letters, digits, and the marks on them."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _words(line: str, running: bool) -> list[str]:
    """Return the words of a line; those of a running text without their punctuation."""
    if running:
        line = "".join(c if is_letter(c) or c in "'’-" else " " for c in line)
    return line.split()


def _lines(path: str, key: str, normal: Form) -> list[str]:
    with _sentences(f"{key}={path}", key):
        text = "".join(line for _, line in TextFile.find(path).lines())
    return [line for raw in text.splitlines() if (line := normal(raw))]


@contextmanager
def _sentences(name: str, key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}.") from error
    except DataError as error:
        raise DataError(f"{key}: {error}") from error
