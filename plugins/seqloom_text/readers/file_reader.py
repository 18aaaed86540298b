"""What the readers of files share: splits, ids, and examples from raw values."""

from __future__ import annotations

import logging
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import (
    SplitConfig,
    SplitReader,
    TextFile,
    TextPart,
    UniqueNames,
    file_stem,
    text_parts,
)
from seqloom.errors import Cause, DataError, ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_text.readers.columns import Columns, Names
from seqloom_text.readers.lists import as_list
from seqloom_text.schemas_data import INPUT_KINDS

logger = logging.getLogger("seqloom")


LISTS = ("tokens", "tags", "labels")
EXPECTED = {
    "tags": "a tag for each token",
    "label": "the name of a class",
    "labels": "names of classes",
    "texts": "texts",
}
MARKS = {0, 1, "0", "1"}
"""What says in a list whether a class is there; 1.0 is equal to 1."""
SPANS = re.compile(r"""\s*\[\s*(?:[\[(]\s*\d+\s*,\s*\d+\s*,|\{\s*['"])""")
"""How spans of characters in a cell begin: lists or objects in a list."""
SEPARATORS = (";", ",", "|")
OFTEN = 3
"""Number of examples from which on another separator of labels is told."""
TABS = ("tab", r"\t")
"""Spellings of a tab as a delimiter, which shells and Hydra make hard to write."""


@dataclass(slots=True)
class Record:
    """The raw values of one example, as the file has them.

    Attributes:
        values: Field → value.
        origin: Where the example starts; if it cannot be read, where the problem is.
        id: Id in the file; None: the example is numbered.
        meta: Other data of the example.
        problem: Why the example cannot be read; empty if it can.
        left_out: Whether it is no example, although it is counted.
        name: Name in the file or folder, by which it is called in place of its number.
    """

    values: dict[str, Any]
    origin: Origin
    id: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    left_out: bool = False
    name: str = ""


class FileReader(SplitReader):
    """A reader whose files hold records, one for each example.

    What is wrong with one example alone is yielded as ExampleError; a malformed file raises
    DataError and ends the split.

    Attributes:
        kinds: field → kind.
        named: Fields for whose numbers names are given.
    """

    def __init__(
        self,
        files: Mapping[str, Any],
        cut: SplitConfig | Mapping[str, Any] | None,
        kinds: Mapping[str, str],
        labels_separator: str = "|",
        *,
        columns: Columns | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(files, cut)
        self.kinds = dict(kinds)
        self._columns_of = columns or Columns({}, {})
        self._names = Names(names, kinds)
        self.named = frozenset(names or ())
        self._separator = labels_separator
        self._told = False
        self._separators = Counter[str]()

    @abstractmethod
    def records(self, file: Any, targets: bool) -> Iterator[Record]:
        """Yield what the file holds, as it is read; with ``targets`` every field must be there.

        What is wrong with one example alone is the problem of its record.

        Raises:
            DataError: The file is missing, or malformed as a whole.
        """

    def records_in_parts(self, file: Any) -> Sequence[tuple[int, Iterable[Record]]]:
        """Return what ``records`` yields with targets in parts, each with the number before it.

        By default there are none; see `Reader.examples_in_parts`.
        """
        return ()

    def stem(self, file: Any) -> str:
        """Return the prefix of the ids of the file's examples."""
        return file_stem(file)

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield the inputs in the files, each as soon as its lines are there; see `Reader.inputs`.

        Raises:
            DataError: A file is missing or malformed.
        """
        unique = UniqueNames()
        for path in paths:
            yield from self._read(path, unique(file_stem(path)), targets=False)

    def also_read(self, fields: Mapping[str, str]) -> None:
        """Read these fields too, where files have columns; see `Reader.also_read`."""
        for name, kind in fields.items():
            if name not in self.kinds and self._columns_of.add(name, kind):
                self.kinds[name] = kind

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield all examples of the split's own file; see `SplitReader.whole`."""
        if split in self.files:
            yield from self._read(self.files[split], self._prefix(split), targets=True)

    def whole_in_parts(self, split: str) -> Sequence[Iterable[Example | ExampleError]]:
        """Return the examples of the split's own file in parts; see `SplitReader`."""
        if split not in self.files:
            return ()
        prefix, parts = self._prefix(split), self.records_in_parts(self.files[split])
        return [self._part(before, records, prefix) for before, records in parts]

    def _part(
        self, before: int, records: Iterable[Record], prefix: str
    ) -> Iterator[Example | ExampleError]:
        self._separators.clear()
        for number, record in enumerate(records, before + 1):
            if not record.left_out:
                yield self._example(record, f"{prefix}:{record.name or number}", targets=True)
        if self._separators:
            raise ValueError("what separates labels, the whole file tells")

    def _prefix(self, split: str) -> str:
        """Return the prefix of the ids of a split's examples."""
        stems = [self.stem(file) for file in self.files.values()]
        prefix = self.stem(self.files[split])
        # Equal file names in several folders: the split's name makes the ids differ.
        return prefix if len(set(stems)) == len(stems) else f"{split}/{prefix}"

    def _read(self, file: Any, prefix: str, targets: bool) -> Iterator[Example | ExampleError]:
        number = used = 0
        self._separators.clear()
        for number, record in enumerate(self.records(file, targets), 1):
            if not record.left_out:
                used += 1
                yield self._example(record, f"{prefix}:{record.name or number}", targets)
        if targets:
            self._tell_separators(file)
        if targets and not used:
            why = "all of it is left out" if number else "the file is empty or has a header only"
            raise DataError(f"{file}: no examples; {why}.", cause=Cause.no_examples)

    def _example(self, record: Record, ident: str, targets: bool) -> Example | ExampleError:
        example = Example(record.id or ident, {}, record.origin, record.meta)
        if record.problem:
            return ExampleError(example, record.problem)
        try:
            values = self._columns_of.joined(record.values, targets)
        except ValueError as error:
            return ExampleError(example, str(error))
        for name, raw in values.items():
            kind = self.kinds[name]
            if kind == "labels" and isinstance(raw, str) and not raw.startswith(("[", "{", "(")):
                known = {self._separator, *SEPARATORS}
                self._separators.update(one for one in known if one in raw)
            if raw is None and not targets:
                continue
            try:
                value = self._names.named(name, parse(raw, kind, self._separator))
            except ValueError as error:
                if not targets and kind not in INPUT_KINDS:  # nothing is predicted from it
                    continue
                return ExampleError(example, f"the field {name!r} is wrong: {error}.")
            if kind == "text":
                self._tell_list(name, value, record.origin)
            if not is_empty(value, kind):
                example.fields[name] = value
            elif targets:
                wanted = kind if kind.endswith("s") else f"a {kind}"
                return ExampleError(example, f"the field {name!r} is empty; expected {wanted}.")
            elif kind in INPUT_KINDS:
                example.fields[name] = value
        return example

    def _tell_separators(self, file: Any) -> None:
        """Warn if labels are never separated as set, but many have another such character."""
        own = self._separators.pop(self._separator, 0)
        for other, count in self._separators.most_common(1):
            if not own and count >= OFTEN:
                logger.warning(
                    "%s: no labels are separated by data.labels_separator=%r, but %d have %r. If "
                    "that separates them, set it: data.labels_separator='\"%s\"'.",
                    file,
                    self._separator,
                    count,
                    other,
                    other,
                )

    def _tell_list(self, name: str, text: str, origin: Origin) -> None:
        """Warn once if a text is a list, whose brackets and quotes would be read with it."""
        if self._told or not text.startswith(('["', "['")) or not _is_list(text):
            return
        self._told = True
        logger.warning(
            "%s: the field %r is a list, %.60r, but is read as one text, with brackets and quotes. "
            "If it holds the tokens of a text, or several labels, set its kind: "
            "data.kinds.%s=tokens or labels.",
            origin,
            name,
            text,
            name,
        )


def in_parts(
    text: TextFile, read: Callable[[TextFile], Iterator[Record]]
) -> Sequence[tuple[int, Iterable[Record]]]:
    """Return the records of a file with one on each line in parts; see `FileReader`.

    Args:
        text: The file.
        read: Yields the records of a part.
    """

    def checked(part: TextPart, last: bool) -> Iterator[Record]:
        count = 0
        for record in read(part.text):
            yield record
            count += 1
        if not last and count != part.lines:
            raise ValueError(f"{text.shown}: not each line of a part is a record")

    parts = text_parts(text)
    return [(one.text.before, checked(one, one is parts[-1])) for one in parts]


def _is_list(text: str) -> bool:
    """Return whether a text is a list, or was one."""
    try:
        return as_list(text) is not None
    except ValueError:
        return True


def missing(names: Iterable[str], kinds: Mapping[str, str], targets: bool) -> list[str]:
    """Return the absent fields that are an error.

    New inputs need no targets, and one kind of input is enough.
    """
    absent = list(names)
    if targets:
        return absent
    inputs = [name for name, kind in kinds.items() if kind in INPUT_KINDS]
    lacking = [name for name in absent if name in inputs]
    return lacking if len(lacking) == len(inputs) else []


def parse(raw: Any, kind: str, separator: str = "|") -> Any:
    """Return the value of a field of a kind, from a cell or a JSON value.

    A string of tokens or tags is split at spaces and tabs, a string of labels at the separator,
    unless it is a list as Python writes it. Lists and whole numbers, as JSON has them, are kept;
    a list of one label is that label. ``texts`` is a list of texts, or one.

    >>> parse("a b  c", "tokens"), parse("red| blue", "labels"), parse([0, 3], "tags")
    (['a', 'b', 'c'], ['red', 'blue'], ['0', '3'])
    >>> parse("a b", "texts")
    ['a b']

    Raises:
        ValueError: The value is of another type; the text says which.
    """
    if type(raw) is list and kind in LISTS and set(map(type, raw)) == {str} and "" not in raw:
        return raw  # the usual case
    if kind not in INPUT_KINDS and are_spans(raw):
        raise ValueError(
            f"expected {EXPECTED[kind]}, found {str(raw)[:60]!r}. Spans of characters, as doccano, "
            "Prodigy and Label Studio export them, are read by data=spans"
            + (" from JSON" if isinstance(raw, str) else "")
        )
    if kind == "texts" and not isinstance(raw, list):
        raw = [text] if (text := _string(raw)).strip() else []
    listed = as_list(raw, kind != "tokens") if isinstance(raw, str) and kind != "text" else None
    if kind == "label":
        raw = _one_class(raw, listed)
    if kind == "text" and isinstance(raw, list):
        raise ValueError(
            f"expected text, found list {repr(raw)[:60]}; if these are its tokens, set its kind to "
            "tokens"
        )
    if kind in ("text", "label"):
        value = _string(raw)
        return value.strip() if kind == "label" else value
    if isinstance(raw, list) or listed is not None:
        every = raw if listed is None else listed
        if kind == "labels":
            _refuse_marks(every)
        items = [_string(item) for item in every]
    elif kind == "labels":
        items = [part.strip() for part in _string(raw).split(separator)] if raw != "" else []
    else:
        # Only spaces and tabs split: str.split() would also split at no-break spaces.
        items = [part for part in _string(raw).replace("\t", " ").split(" ") if part]
    for number, item in enumerate(items, 1):
        if not item or (kind == "texts" and not item.strip()):
            raise ValueError(f"item {number} of {len(items)} is empty")
    return items


def _one_class(raw: Any, listed: list[str] | None) -> Any:
    """Return the value of a label, which may be alone in a list, if it may be one."""
    found = listed or (raw if isinstance(raw, list) else [])
    if len(found) > 1:
        raise ValueError(
            f"expected one class, found the list {str(raw)[:60]!r}; for sets of classes set its "
            "kind to labels, and head.multi_label=true"
        )
    if found:
        raw = found[0]
    if isinstance(raw, bool | float):
        raise ValueError(
            f"expected the name of a class, a text or a whole number, found {type(raw).__name__} "
            f"{raw!r}; convert the column to texts"
        )
    return raw


def _refuse_marks(every: list[Any]) -> None:
    """Refuse a list that says of each class whether it is there, where names are expected."""
    if len(set(map(str, every))) < len(every) and {*every} <= MARKS:
        raise ValueError(
            f"expected names of classes, found {str(every)[:60]}, which has 1 or 0 for each class; "
            "write the names of those with 1"
        )


def id_of(raw: Any) -> str | None:
    """Return the id that a JSON value or a cell is; None, as for null, if it is none."""
    return None if raw is None else str(raw)


def are_spans(raw: Any) -> bool:
    """Return whether a value looks like spans of characters."""
    if isinstance(raw, str):
        return SPANS.match(raw) is not None
    return isinstance(raw, list) and any(isinstance(one, list | dict) for one in raw)


def is_empty(value: Any, kind: str) -> bool:
    """Return whether the value is empty; an empty list of labels is a value."""
    return kind != "labels" and (not value.strip() if isinstance(value, str) else not value)


def _string(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    found = "null" if raw is None else f"{type(raw).__name__} {repr(raw)[:60]}"
    raise ValueError(f"expected text, found {found}")
