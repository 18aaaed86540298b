"""Text and spans of characters from a record of an annotation tool, whichever of them wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqloom.errors import did_you_mean

TEXT_KEYS = ("text", "data")
TOKEN_KEYS = ("tokens", "tokenized_text", "words")
SPAN_KEYS = ("spans", "entities", "ents", "label", "labels", "annotations")
"""Keys of the spans: in Prodigy, doccano and Label Studio, and in spaCy's training data."""

_STARTS = ("start_char", "start_offset", "start", "startOffset", "begin", "from", "offset")
_ENDS = ("end_char", "end_offset", "end", "endOffset", "to")
_TYPES = (
    "label",
    "type",
    "tag",
    "entity",
    "entity_group",
    "category",
    "labels",
    "hypertextlabels",
)
_SURFACE = "text"
_OF_LABELS = ("labels", "hypertextlabels")
_ACCEPTED = "accept"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a text that have a type.

    Attributes:
        start: First character, from 0.
        end: Character after the last.
        kind: Type.
        surface: The characters as the record states them; None if it does not.
        line: Line of a file of their own; 0 if they have none.
    """

    start: int
    end: int
    kind: str
    surface: str | None = None
    line: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"the span {self.start} to {self.end} {self.kind!r}"


class SpanError(ValueError):
    """A span that cannot be used, and the line of its file, if that holds spans alone; else 0."""

    def __init__(self, problem: str, line: int = 0) -> None:
        self.line = line
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Annotated:
    """A text with its spans.

    Attributes:
        text: Text.
        spans: Spans in the order of the record.
        unused: Why nothing can be learned from the record; empty if something can.
    """

    text: str
    spans: Sequence[Span] = ()
    unused: str = ""


def text_of(found: Any, key: str | None = None) -> str:
    """Return the text of a record.

    Args:
        found: Record: an object, or spaCy's pair of a text and an object.
        key: Key of the text; None: it is found.

    Raises:
        ValueError: The record has no text; the text of the error says what it has.
    """
    if _is_pair(found):
        return str(found[0])
    if not isinstance(found, dict):
        raise ValueError(
            f"expected an object with a text and its spans, found {type(found).__name__}."
        )
    inner = found["data"] if isinstance(found.get("data"), dict) else found
    texts = [name for name, value in inner.items() if isinstance(value, str)]
    keys = [key] if key else [name for name in TEXT_KEYS if name in texts]
    if not keys and inner is not found and len(texts) == 1:  # Label Studio: the key is the user's
        keys = texts
    if not keys and isinstance(found.get("annotations"), list) and "classes" in found:
        raise ValueError(
            "all texts are in one object. Write one text per line: jq -c '.annotations[]'."
        )
    name = key or "text"
    if name in inner and name not in texts:
        raise ValueError(
            f"{name!r} holds {str(inner[name])[:60]!r} ({type(inner[name]).__name__}); expected a "
            "text."
        )
    if not keys or keys[0] not in texts:
        raise ValueError(
            f"no text under the key {name!r}. {did_you_mean(name, inner)} Name "
            f"the key: data.columns='{{text: KEY}}'.{_of_tokens(inner)}"
        )
    return str(inner[keys[0]])


def _of_tokens(found: Mapping[str, Any]) -> str:
    """Return a hint at spans that count tokens; empty if there is no list of tokens."""
    for key in TOKEN_KEYS:
        tokens = found.get(key)
        if isinstance(tokens, list) and all(isinstance(one, str) for one in tokens):
            return (
                " Spans that count tokens are not read: write a tag for each token, which is read "
                f"by data=jsonl data.columns='{{tokens: {key}, tags: KEY}}'."
            )
    return ""


def annotated(found: Any, columns: Mapping[str, str]) -> Annotated:
    """Return text and spans of a record.

    Args:
        found: Record: an object, or spaCy's pair of a text and an object.
        columns: Keys of ``text`` and ``spans``, if they are named.

    Raises:
        ValueError: It has no text or no spans, or a span is malformed; the text says which.
    """
    text = text_of(found, columns.get("text"))
    found = found[1] if _is_pair(found) else found
    answer = found.get("answer", _ACCEPTED)
    if answer != _ACCEPTED:
        return Annotated(text, unused=f"the answer is {answer!r}")
    tasks = found.get("annotations", found.get("completions"))
    if isinstance(found.get("data"), dict) and tasks is not None:
        return _task(text, tasks)
    items = _items(found, columns.get("spans"))
    return Annotated(text, _spans(items))


def _is_pair(found: Any) -> bool:
    return (
        isinstance(found, list)
        and len(found) == 2
        and isinstance(found[0], str)
        and isinstance(found[1], dict)
    )


def _items(found: Mapping[str, Any], key: str | None) -> list[Any]:
    """Return the spans of an object as they are there."""
    if not key and isinstance(_first(found, _STARTS), list):
        return _rows(found)
    names = [key] if key else [name for name in SPAN_KEYS if found.get(name) is not None]
    found = {
        name: _rows(value)
        if isinstance(value, dict) and isinstance(_first(value, _STARTS), list)
        else value
        for name, value in found.items()
    }
    lists = [name for name in names if _holds_spans(found.get(name))]
    filled = [name for name in lists if found[name]]
    if len(filled) > 1:
        raise ValueError(
            f"there are spans under {' and '.join(map(repr, filled))}. Name the key that is to be "
            f"read: data.columns='{{spans: {filled[0]}}}'."
        )
    grouped = [(name, group) for name in names for group in _groups(found.get(name))]
    if grouped and not filled:
        raise ValueError(
            f"{grouped[0][0]!r} holds groups of spans, such as {grouped[0][1]!r} of spaCy's "
            "spancat; expected a list of spans, as each group is."
        )
    if lists:
        return list(found[(filled or lists)[0]])
    if "options" in found:  # in Prodigy
        raise ValueError("it has choices of classes of the whole text, and no spans.")
    if names and names[0] in found:
        raise _no_spans(names[0], found[names[0]])
    # In JSON-MIN of Label Studio the key is the user's.
    alike = [name for name, value in found.items() if value and _are_spans(value)]
    if not key and len(alike) == 1:
        return list(found[alike[0]])
    # Prodigy and Label Studio leave out the key where nothing was marked.
    if not key and ("answer" in found or "annotation_id" in found):
        return []
    raise ValueError(
        f"no spans under {' or '.join(map(repr, [key] if key else SPAN_KEYS))}. "
        f"{did_you_mean(key or 'spans', found)} A text without entities has an empty list; "
        "data.columns='{spans: KEY}' names another key."
    )


def _rows(found: Mapping[str, Any]) -> list[Any]:
    """Return the spans of an object that has a list of starts, one of ends and one of types.

    It may have one of the texts of the spans, too.

    Raises:
        ValueError: A list is missing, or they differ in length.
    """
    keys = {
        name: next((key for key in names if isinstance(found.get(key), list)), None)
        for name, names in (("start", _STARTS), ("end", _ENDS), ("label", _TYPES))
    }
    lists = {name: found[key] for name, key in keys.items() if key is not None}
    complete = len(lists) == len(keys)
    if isinstance(found.get(_SURFACE), list):
        lists[_SURFACE] = found[_SURFACE]
    sizes = [f"{name} {len(one)}" for name, one in lists.items()]
    if not complete or len({len(one) for one in lists.values()}) > 1:
        raise ValueError(
            f"there are lists of {', '.join(sizes)}; expected start, end and label, as many of "
            "each."
        )
    return [dict(zip(lists, one, strict=True)) for one in zip(*lists.values(), strict=True)]


def _no_spans(key: str, value: Any) -> ValueError:
    items = value if isinstance(value, list) else [value]
    classes = all(isinstance(one, str) and not one.startswith(("[", "{")) for one in items)
    hint = (
        " Classes of whole texts are read by data=jsonl "
        f"data.columns='{{text: text, label: {key}}}' head=classification."
    )
    return ValueError(
        f"{key!r} holds {str(value)[:60]!r} ({type(value).__name__}); expected a list of spans, "
        f"such as [[0, 4, 'PER']].{hint * classes}"
    )


def _holds_spans(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, list | dict) for one in value)


def _are_spans(value: Any) -> bool:
    """Return whether a value is a list of objects that have a start and an end."""
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and _first(one, _STARTS) is not None
        and _first(one, _ENDS) is not None
        for one in value
    )


def _groups(value: Any) -> list[str]:
    """Return the keys of an object that hold spans."""
    items = value.items() if isinstance(value, dict) else ()
    return [key for key, one in items if one and _are_spans(one)]


def _task(text: str, annotations: Any) -> Annotated:
    """Return the spans of a task of Label Studio: those of its annotators, if they agree.

    Of annotations that are marked as the ground truth, only those count.
    """
    if not isinstance(annotations, list) or not all(isinstance(a, dict) for a in annotations):
        raise ValueError(
            "'annotations' does not hold objects with a result. Export the format JSON or JSON-MIN."
        )
    done = [one for one in annotations if not one.get("was_cancelled")]
    done = [one for one in done if one.get("ground_truth")] or done
    if not done:
        return Annotated(text, unused="it was skipped" if annotations else "it has no annotation")
    every = [_spans(_results(one.get("result"))) for one in done]
    different = {frozenset((s.start, s.end, s.kind) for s in spans) for spans in every}
    if len(different) > 1:
        raise ValueError(
            f"its {len(done)} annotations differ. Keep one of them, or mark it as the ground truth "
            "in Label Studio."
        )
    return Annotated(text, every[0])


def _results(results: Any) -> list[Any]:
    """Return the results that are labels of spans; others are choices, relations and notes."""
    if not isinstance(results, list):
        raise ValueError(f"'result' is {str(results)[:60]!r}; expected a list.")
    values = [one.get("value") for one in results if isinstance(one, dict)]
    return [
        one for one in values if isinstance(one, dict) and not one.keys().isdisjoint(_OF_LABELS)
    ]


def _spans(items: Iterable[Any]) -> list[Span]:
    return [_span(item, number) for number, item in enumerate(items, 1)]


def _span(item: Any, number: int) -> Span:
    """Return a span that is an object, or a list of start, end and type."""
    if isinstance(item, list):
        if len(item) != 3:
            raise ValueError(f"span {number} is {str(item)[:60]}; expected [START, END, TYPE].")
        start, end, kind, surface = *item, None
    else:
        # Of text of a page, the offsets that count characters are apart.
        place = item["globalOffsets"] if isinstance(item.get("globalOffsets"), dict) else item
        start, end = _first(place, _STARTS), _first(place, _ENDS)
        if end is None and isinstance(start, int) and isinstance(place.get("length"), int):
            end = start + place["length"]
        kind, surface = _first(item, _TYPES), item.get(_SURFACE)
    for name, value in (("start", start), ("end", end)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(
                f"span {number} has the {name} {str(value)[:40]!r}; expected the number of a "
                "character in the text, from 0."
            )
    return Span(start, end, _kind(kind, number), surface if isinstance(surface, str) else None)


def _kind(found: Any, number: int) -> str:
    kinds = found if isinstance(found, list) else [found]
    if len(kinds) > 1:
        raise ValueError(f"span {number} has {len(kinds)} types, {found}; expected one.")
    kind = kinds[0] if kinds else None
    name = str(kind).strip() if isinstance(kind, str | int) and kind is not True else ""
    if not name:
        raise ValueError(f"span {number} has no type; expected a name, such as 'PER'.")
    return name


def _first(found: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value of the first name that there is."""
    return next((found[name] for name in names if found.get(name) is not None), None)
