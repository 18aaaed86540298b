"""Plain text, one input per line; and line-aligned files, one per field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from seqloom.data import SplitConfig, TextFile, file_stem, without_end
from seqloom.errors import ConfigError, DataError
from seqloom.interfaces import Origin
from seqloom_text.readers.file_reader import FileReader, Record
from seqloom_text.schemas_data import INPUT_KINDS, parallel_kinds

Files = Mapping[str, str] | None


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
        text, problems = TextFile.find(file), dict[int, str]()
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
        super().__init__(
            files, split, parallel_kinds(files.values(), kinds or {}), labels_separator
        )

    def stem(self, file: Mapping[str, str]) -> str:
        """Return the name of the first file without its suffix."""
        return file_stem(next(iter(file.values())))

    def records(self, file: Mapping[str, str] | str, targets: bool) -> Iterator[Record]:
        """Yield a record for each line; see `FileReader.records`."""
        paths = {self._input_field(): file} if isinstance(file, str) else file
        texts = {name: TextFile.find(path) for name, path in paths.items()}
        first = next(iter(texts.values()))
        problems: dict[str, dict[int, str]] = {name: {} for name in texts}
        rows = zip_longest(*(text.lines(problems[name]) for name, text in texts.items()))
        for number, row in enumerate(rows, 1):
            if None in row:
                raise _uneven(texts)
            lines = [without_end(line) for _, line in row]
            record = Record(dict(zip(texts, lines, strict=True)), Origin(first.shown, number))
            for name, text in texts.items():
                if problem := problems[name].pop(number, ""):
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


def _uneven(texts: Mapping[str, TextFile]) -> DataError:
    counts = [f"{text.shown} has {sum(1 for _ in text.lines())}" for text in texts.values()]
    return DataError(
        f"The files are not line-aligned: {', '.join(counts)} lines. Line n of each must belong to "
        "the same example."
    )
