"""Splitting pages before their lines are cut."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from seqloom.data import SplitConfig, SplitReader
from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_handwriting.pages.documents import PageFile, home_of, read

SPLITS = ("train", "val", "test")


class Splits:
    """Which split each page goes to.

    Attributes:
        names: Names of the splits; one empty name if there are none.
    """

    def __init__(self, pages: Mapping[str, str] | None = None) -> None:
        self.names = [n for n in SPLITS if n in set(pages.values())] if pages else [""]
        self._pages = pages or {}

    @classmethod
    def planned(
        cls, pages: Sequence[PageFile], regions: Collection[str], cut: SplitConfig
    ) -> Splits:
        """Return how pages are split, by their lines with a text.

        Args:
            pages: The pages.
            regions: Types of the regions whose lines count; empty: all.
            cut: How they are split, in groups by ``page`` or by ``folder``.

        Raises:
            ConfigError: They cannot be split like this.
        """
        if not cut.val and not cut.test:
            return cls()
        plan = _Plan([line for file in pages for line in _lines(file, regions)], cut)
        found = {split: list(plan.examples(split)) for split in SPLITS}
        return cls(
            {
                one.meta["page"]: split
                for split, lines in found.items()
                for one in lines
                if isinstance(one, Example)
            }
        )

    def of(self, example: Example) -> str:
        """Return the split of a line."""
        return self._pages.get(example.meta["page"], self.names[0])


class _Plan(SplitReader):
    """The lines of pages before they are cut, to split them by page or by folder."""

    def __init__(self, lines: list[Example], cut: SplitConfig) -> None:
        super().__init__({"train": "pages"}, cut)
        self._lines = lines

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        yield from self._lines if split in self.files else ()


def _lines(file: PageFile, regions: Collection[str]) -> Iterator[Example]:
    try:
        page = read(file.path)
    except DataError:
        return  # it is left out
    meta = {"page": file.name, "folder": str(home_of(file.path))}
    for line in page.lines:
        if line.text and (not regions or line.kind in regions):
            ident = f"{file.name}/{line.id}"
            yield Example(ident, {"line": ident}, None, meta)
