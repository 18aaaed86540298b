"""Plain text, one input per line; and line-aligned files, one per field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from seqloom.data import SplitConfig, TextFile, file_stem, without_end
from seqloom.errors import Cause, ConfigError, DataError
from seqloom.interfaces import Origin
from seqloom_text.readers.file_reader import FileReader, Record, in_parts
from seqloom_text.schemas_data import INPUT_KINDS, parallel_kinds

Files = Mapping[str, str | Sequence[str]] | None


class LinesReader(FileReader):
    """Reads one text per line; see `LinesConfig` for the parameters.

    Among new inputs a blank line is an empty text, so that outputs stay aligned with the lines.
    """

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"train": train, "val": val, "test": test}, split, {"text": "text"})

    def records(self, file: str, targets: bool) -> Iterator[Record]:
        """Yield a record for each line; see `FileReader.records`."""
        return _records(TextFile.find(file))

    def records_in_parts(self, file: str) -> Sequence[tuple[int, Iterable[Record]]]:
        """Return a large file in parts; see `FileReader`."""
        return in_parts(TextFile.find(file), _records)


def _records(text: TextFile) -> Iterator[Record]:
    problems = dict[int, str]()
    for number, line in text.lines(problems):
        problem = problems.pop(number, "")
        yield Record({"text": without_end(line)}, Origin(text.shown, number), problem=problem)


class ParallelReader(FileReader):
    """Reads line-aligned files, one per field; see `ParallelConfig` for the parameters.

    New inputs come from files of the first field that is a text or tokens.
    """

    def __init__(
        self,
        *,
        train: Files = None,
        val: Files = None,
        test: Files = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
        kinds: Mapping[str, str] | None = None,
        labels_separator: str = "|",
    ) -> None:
        files = {"train": train, "val": val, "test": test}
        found = parallel_kinds(files.values(), kinds or {})
        super().__init__(files, split, found, labels_separator)

    def stem(self, file: Mapping[str, str | Sequence[str]]) -> str:
        """Return the name of the first file without its suffix."""
        return file_stem(_listed(next(iter(file.values())))[0])

    def records(
        self, file: Mapping[str, str | Sequence[str]] | str, targets: bool
    ) -> Iterator[Record]:
        """Yield a record for each line; see `FileReader.records`."""
        fields = {self._input_field(): file} if isinstance(file, str) else file
        paths = [(name, path) for name, value in fields.items() for path in _listed(value)]
        names, texts = [name for name, _ in paths], [TextFile.find(path) for _, path in paths]
        problems: list[dict[int, str]] = [{} for _ in texts]
        rows = zip_longest(*(text.lines(one) for text, one in zip(texts, problems, strict=True)))
        for number, row in enumerate(rows, 1):
            if None in row:
                raise _uneven(texts)
            lines = [without_end(line) for _, line in row]
            record = Record(_values(names, lines, fields), Origin(texts[0].shown, number))
            for text, one in zip(texts, problems, strict=True):
                if problem := one.pop(number, ""):
                    record.origin, record.problem = Origin(text.shown, number), problem
            yield record

    def _input_field(self) -> str:
        for name, kind in self.kinds.items():
            if kind in INPUT_KINDS:
                return name
        raise ConfigError(
            "data=parallel has no field of text or tokens, so inputs cannot be read; set one, "
            "for example data.train.text=PATH."
        )


def _listed(value: str | Sequence[str]) -> list[str]:
    """Return the files of a field."""
    return [value] if isinstance(value, str) else list(value)


def _values(
    names: Sequence[str], lines: Sequence[str], files: Mapping[str, str | Sequence[str]]
) -> dict[str, Any]:
    """Return the value of each field: a line, or the lines that are not blank of several files."""
    found: dict[str, Any] = {}
    for name, line in zip(names, lines, strict=True):
        if isinstance(files[name], str):
            found[name] = line
        else:
            found.setdefault(name, []).extend([line] if line.strip() else [])
    return found


def _uneven(texts: Sequence[TextFile]) -> DataError:
    counts = [f"{text.shown} {sum(1 for _ in text.lines())}" for text in texts]
    return DataError(
        f"The files are not line-aligned; their numbers of lines are {', '.join(counts)}. Line n "
        "of each must belong to "
        "the same example.",
        cause=Cause.not_parsed,
    )
