"""A reader that keeps its promises, from which others are made by breaking one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from seqloom.errors import ConfigError, DataError
from seqloom.interfaces import SPLITS, Example, Origin, Reader
from seqloom.testing import ReaderCase

GIVES = {"tokens": "tokens", "tags": "tags", "label": "label"}
ROWS = (
    "the lid closed\tO B-X O\tgood",
    "it fell\tO O\tbad",
    "no lamp works here\tO B-X O O\tbad",
    "sturdy\tO\tgood",
)


class Sound(Reader):
    """Reads tables of tokens, tags and a label."""

    def __init__(self, train: str, val: str, test: str) -> None:
        self.files = {"train": train, "val": val, "test": test}

    def examples(self, split: str) -> Iterator[Example]:
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}.")
        return self.read(self.files[split])

    def inputs(self, paths: Sequence[str]) -> Iterator[Example]:
        return (example for path in paths for example in self.read(path))

    def read(self, path: str) -> Iterator[Example]:
        lines = self.lines(path)
        if not lines:
            raise DataError(f"{path}: the file is empty.")
        for number, line in enumerate(lines, 1):
            yield self.example(path, number, line)

    def lines(self, path: str) -> list[str]:
        try:
            return self.decoded(Path(path).read_bytes(), path).splitlines()
        except FileNotFoundError:
            raise DataError(f"{path}: no such file.") from None

    def decoded(self, content: bytes, path: str) -> str:
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise DataError(f"{path}: not UTF-8.") from None

    def example(self, path: str, number: int, line: str) -> Example:
        cells = line.split("\t")
        if len(cells) != 3:
            raise DataError(f"{path}:{number}: {len(cells)} cells; expected 3.")
        fields = {"tokens": cells[0].split(), "tags": cells[1].split(), "label": cells[2]}
        return Example(f"{Path(path).stem}:{number}", fields, Origin(path, number))


class MadeUp(Reader):
    """Makes examples of its own."""

    def examples(self, split: str) -> Iterator[Example]:
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}.")
        for number in range(3):
            fields = {"tokens": ["a", "b"], "tags": ["O", "O"], "label": str(number)}
            yield Example(f"{split}:{number}", fields)


def case_of(cls: type[Reader], folder: Path) -> ReaderCase:
    if issubclass(cls, MadeUp):
        return ReaderCase(cls, {}, GIVES)
    params = {}
    for split in SPLITS:
        # So many for training that no order is the same by luck.
        numbers = range(10) if split == "train" else range(1)
        path = folder / f"{split}.tsv"
        rows = (f"{split}-{number}-{row}\n" for number in numbers for row in ROWS)
        path.write_text("".join(rows), encoding="utf-8")
        params[split] = str(path)
    return ReaderCase(cls, params, GIVES, (".tsv",), folder)
