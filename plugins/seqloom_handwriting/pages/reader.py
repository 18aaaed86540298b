"""Pages as a data set: each line an example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.data import SplitConfig, SplitReader, UniqueNames
from seqloom.errors import ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.pages.cut import Sheet
from seqloom_handwriting.pages.documents import find_pages, read
from seqloom_handwriting.pages.model import Line
from seqloom_handwriting.readers.files import refuse_empty
from seqloom_handwriting.readers.line_images import DirectionWarning

Entry = tuple[str, Sheet, Line]
"""The page's name in ids, the page and one of its lines."""


class UntranscribedError(ExampleError):
    """A line without a text, where one is needed."""


class PageReader(SplitReader):
    """Reads pages with ALTO or PAGE XML; see `Pages` for the parameters.

    The id of an example is ``page/line``; its ``meta`` has the page's name, the ids of region and
    line, the path of the XML and the baseline, in the XML's coordinates.

    Attributes:
        opened: The XML of the pages that were read so far.
    """

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        height: int = 64,
        straighten: bool = True,
        regions: Sequence[str] = (),
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        cut = {"group": "page"} if split is None else split
        super().__init__({"train": train, "val": val, "test": test}, cut)
        if height < 0:
            raise ConfigError(
                f"data.height={height}: expected pixels, or 0 for the scale of the page."
            )
        self._height = height
        self._straighten = straighten
        self._regions = set(regions)
        self._direction = DirectionWarning()
        self.opened: list[Path] = []

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the lines of the split's pages; see `SplitReader.whole`.

        Raises:
            DataError: A file is missing or malformed, or no page has a line.
        """
        if split not in self.files:
            return
        pages = find_pages(self.files[split])
        others = {name for other in self.files if other != split for name in self._stems(other)}
        # Equal names in the folders of several splits: the split's name makes the ids differ.
        prefix = f"{split}/" if others & {page.stem for page in pages} else ""
        entries = refuse_empty(self.files[split], self._lines(pages, prefix))
        yield from self._direction.check(self._example(one, targets=True) for one in entries)

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield the lines of the pages, with or without a text; see `Reader.inputs`.

        Raises:
            DataError: A file is missing or malformed, or an image has no XML.
        """
        pages = (page for path in paths for page in find_pages(path))
        for entry in self._lines(pages):
            yield self._example(entry, targets=False)

    def _stems(self, split: str) -> set[str]:
        return {page.stem for page in find_pages(self.files[split])}

    def _lines(self, pages: Iterable[Path], prefix: str = "") -> Iterator[Entry]:
        """Yield the lines of the requested regions, page by page; no page's image is read here.

        Raises:
            DataError: A page is malformed, or no page has a region of the requested types.
        """
        unique, kinds, found = UniqueNames(), Counter[str](), False
        for path in pages:
            page = read(path)
            self.opened.append(path)
            sheet, name = Sheet(page), prefix + unique(path.stem)
            for line in page.lines:
                kinds[line.kind] += 1
                if not self._regions or line.kind in self._regions:
                    found = True
                    yield name, sheet, line
        if self._regions and kinds and not found:
            wanted = ", ".join(sorted(self._regions))
            raise DataError(
                f"data.regions={wanted}: no line is in a region of these types. "
                f"{did_you_mean(min(self._regions), filter(None, kinds))}"
            )

    def _example(self, entry: Entry, targets: bool) -> Example | ExampleError:
        name, sheet, line = entry
        page = sheet.page.xml.stem
        meta = {
            "page": page,
            "region": line.region,
            "line": line.id,
            "xml": str(sheet.page.xml),
            "baseline": [list(point) for point in line.baseline],
        }
        example = Example(f"{name}/{line.id}", {}, Origin(str(sheet.page.xml), line.number), meta)
        if targets and line.text is None:
            return UntranscribedError(
                example, f"line {line.id!r} of page {page!r}: it has no transcription."
            )
        try:
            example.fields["image"] = sheet.cut(line, self._height, self._straighten)
        except ValueError as error:
            sentence = str(error).rstrip(".")
            return ExampleError(example, f"line {line.id!r} of page {page!r}: {sentence}.")
        if line.text is not None:
            example.fields["text"] = line.text
        return example
