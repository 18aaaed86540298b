"""Plain text: one input a line, without targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqloom.data import SplitConfig, TextFile, without_end
from seqloom.interfaces import Origin
from seqloom_text.readers.base import FileReader, Record


class LinesReader(FileReader):
    """Reads a text a line; see `LinesConfig` for the parameters.

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
        text = TextFile.find(file)
        for number, line in text.lines():
            yield Record({"text": without_end(line)}, Origin(text.shown, number))
