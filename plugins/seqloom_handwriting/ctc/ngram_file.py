"""How an n-gram model is stored: its order, its alphabet, then a count and a gram a line."""

from __future__ import annotations

from collections.abc import Set


def dump(order: int, alphabet: str, grams: dict[str, int]) -> bytes:
    """Return the model as UTF-8 text; the grams are sorted."""
    lines = [str(order), alphabet, *(f"{grams[gram]}\t{gram}" for gram in sorted(grams))]
    return ("\n".join(lines) + "\n").encode()


def parse(data: bytes, before: Set[str], end: str) -> tuple[int, str, dict[str, int]]:
    """Return order, alphabet, and gram → count.

    Args:
        data: what `dump` returned.
        before: what may stand in grams before their last character, besides the alphabet.
        end: what may be their last character, besides the alphabet.

    Raises:
        ValueError: if it is no such text; says which line is wrong.
    """
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"The n-gram model is no UTF-8 text: {error}.") from None
    if len(lines) < 3 or lines[-1]:
        raise ValueError("The n-gram model is cut off: it does not end with a whole line.")
    order = _whole(lines[0], 1, "the order of the n-gram model")
    alphabet = lines[1]
    first, last = {*alphabet, *before}, {*alphabet, end}
    grams: dict[str, int] = {}
    for number, line in enumerate(lines[2:-1], 3):
        count, _, gram = line.partition("\t")
        known = gram and gram[-1] in last and first.issuperset(gram[:-1])
        if not known or len(gram) != order or gram in grams:
            raise ValueError(
                f"Line {number} of the n-gram model has {gram!r} where a new gram of {order} "
                "characters of its alphabet was expected."
            )
        grams[gram] = _whole(count, number, "a count of the n-gram model")
    return order, alphabet, grams


def _whole(text: str, number: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"Line {number}: {what} is a whole number above 0, not {text!r}.")
    return int(text)
