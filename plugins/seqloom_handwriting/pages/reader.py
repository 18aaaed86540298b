"""Pages as a data set: each line an example."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqloom.data import SplitConfig, SplitReader, UniqueNames
from seqloom.errors import Cause, ConfigError, DataError, ExampleError, did_you_mean
from seqloom.interfaces import Example, Origin
from seqloom_handwriting.images.likeness import compared
from seqloom_handwriting.pages.documents import NotPageError, PageFile, find_pages, read
from seqloom_handwriting.pages.likeness import PageLikeness, SameLines
from seqloom_handwriting.pages.model import Line, Page
from seqloom_handwriting.pages.sheet import Sheet
from seqloom_handwriting.readers.files import refuse_empty
from seqloom_handwriting.readers.line_images import DirectionWarning

log = logging.getLogger("seqloom")


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """A page that was read.

    Attributes:
        file: Its file.
        lines: The lines that were asked for, by their ids: why they cannot be cut, or None.
    """

    file: PageFile
    lines: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that is to be cut.

    Attributes:
        name: The page's name in ids.
        page: The page's name among those of its split.
        sheet: The page.
        line: The line.
        opened: Where what becomes of it is kept.
    """

    name: str
    page: str
    sheet: Sheet
    line: Line
    opened: OpenedPage


class UntranscribedError(ExampleError):
    """A line without a text, where one is needed."""


class PageReader(SplitReader):
    """Reads pages with ALTO or PAGE XML; see `Pages` for the parameters.

    The id of an example is ``page/line``; its ``meta`` has the page's name, the ids of region and
    line, the path of the XML and the baseline, in the XML's coordinates.

    Attributes:
        opened: The pages that were read so far.
        likeness: What they look like.
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
                f"data.height={height}: expected pixels, or 0 for the scale of the page.",
                cause=Cause.wrong_value,
            )
        self._height = height
        self._straighten = straighten
        self._regions = set(regions)
        self._direction = DirectionWarning()
        self.opened: list[OpenedPage] = []
        self.likeness = PageLikeness()
        self._twice = SameLines()
        self._guess = ""

    def examples(self, split: str) -> Iterator[Example | ExampleError]:
        """Return the lines of a split, whose pages are compared with those of splits before it.

        Raises:
            ConfigError: As in `SplitReader.examples`.
            DataError: A file is missing, or no page has a line.
        """
        return compared(split, super().examples(split), self.likeness)

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        """Yield the lines of the split's pages; see `SplitReader.whole`.

        Raises:
            DataError: A file is missing, or no page has a line.
        """
        if split not in self.files:
            return
        pages = find_pages(self.files[split])
        others = {name for other in self.files if other != split for name in self._names(other)}
        # Equal names in the folders of several splits: the split's name makes the ids differ.
        prefix = f"{split}/" if others & {page.name for page in pages} else ""
        entries = refuse_empty(self.files[split], self._lines(pages, prefix))
        yield from self._direction.check(self._examples(entries, targets=True))

    def inputs(self, paths: Sequence[str]) -> Iterator[Example | ExampleError]:
        """Yield the lines of the pages, with or without a text; see `Reader.inputs`.

        Raises:
            DataError: A folder is missing or has no pages.
        """
        yield from self._examples(self._lines(_given(paths)), targets=False)

    def transcribed(self, pages: Iterable[PageFile]) -> Iterator[Example | ExampleError]:
        """Yield the lines of pages; one without a text is an error."""
        yield from self._direction.check(self._examples(self._lines(pages), targets=True))

    def _names(self, split: str) -> set[str]:
        return {page.name for page in find_pages(self.files[split])}

    def _lines(
        self, pages: Iterable[PageFile | ExampleError], prefix: str = ""
    ) -> Iterator[Entry | ExampleError]:
        """Yield the lines of the requested regions, page by page; no page's image is read here.

        A page that cannot be read is an error of its own. XML of another kind in a folder is
        passed over, with a warning.

        Raises:
            DataError: No page has a region of the requested types.
        """
        unique, kinds, found = UniqueNames(), Counter[str](), False
        for file in pages:
            if isinstance(file, ExampleError):
                yield file
                continue
            name = unique(file.name)
            page = _read(file, prefix + name)
            if not isinstance(page, Page):
                yield from filter(None, [page])
                continue
            sheet, opened = Sheet(page), OpenedPage(file)
            self.opened.append(opened)
            for line in page.lines:
                kinds[line.kind] += 1
                if not self._regions or line.kind in self._regions:
                    found = True
                    yield Entry(prefix + name, name, sheet, line, opened)
        if self._regions and kinds and not found:
            wanted = ", ".join(sorted(self._regions))
            raise DataError(
                f"data.regions={wanted}: no line is in a region of these types. "
                f"{did_you_mean(min(self._regions), filter(None, kinds))}"
            )

    def _examples(
        self, entries: Iterable[Entry | ExampleError], targets: bool
    ) -> Iterator[Example | ExampleError]:
        sheet: Sheet | None = None
        for entry in entries:
            if isinstance(entry, Entry):
                if entry.sheet is not sheet:
                    self._report(sheet)
                    sheet = entry.sheet
                yield self._example(entry, targets)
            else:
                yield entry
        self._report(sheet)
        self._twice.report()

    def _report(self, sheet: Sheet | None) -> None:
        """Say what the user should know of a page, and keep how it looks."""
        if sheet is not None:
            for note in sheet.notes():
                log.warning("%s: %s.", sheet.page.xml, note)
            if not self._guess and (guess := sheet.guess()):
                # Where one page has baselines alone, most have.
                self._guess = guess
                log.warning("%s: %s. This is shown once.", sheet.page.xml, guess)
            self.likeness.add(str(sheet.page.xml), sheet.look())
            self._twice.add(sheet.page)

    def _example(self, entry: Entry, targets: bool) -> Example | ExampleError:
        page, sheet, line = entry.page, entry.sheet, entry.line
        entry.opened.lines[line.id] = None
        xml = str(sheet.page.xml)
        meta: dict[str, Any] = {
            "page": page,
            "region": line.region,
            "line": line.id,
            "xml": xml,
            "baseline": [list(point) for point in line.baseline],
        }
        example = Example(f"{entry.name}/{line.id}", {}, Origin(xml, line.number), meta)
        if targets and line.text is None:
            return UntranscribedError(
                example, f"line {line.id!r} of page {page!r}: it has no transcription."
            )
        try:
            example.fields["image"] = sheet.cut(line, self._height, self._straighten)
        except ValueError as error:
            entry.opened.lines[line.id] = sentence = str(error).rstrip(".")
            end = "" if sentence.endswith("?") else "."
            return ExampleError(example, f"line {line.id!r} of page {page!r}: {sentence}{end}")
        meta["content"] = [sheet.content(line), self._height, self._straighten]
        if line.text is not None:
            example.fields["text"] = line.text
        return example


def _given(paths: Sequence[str]) -> Iterator[PageFile | ExampleError]:
    """Yield the pages of paths; a file that does not exist or has no XML is an error of its own.

    Raises:
        DataError: A folder has no pages.
    """
    for path in paths:
        try:
            yield from find_pages(path)
        except DataError as error:
            if path == "-" or Path(path).is_dir():
                raise
            yield _page_error(path, Path(path).stem, error)


def _read(file: PageFile, name: str) -> Page | ExampleError | None:
    """Return a page, why it cannot be read, or None if it is passed over."""
    try:
        page = read(file.path)
    except NotPageError as error:
        if file.given:
            return _page_error(str(file.path), name, error)
        log.warning("Left out: %s", error)
        return None
    except DataError as error:
        return _page_error(str(file.path), name, error)
    for note in page.notes:
        log.warning("%s: %s.", page.xml, note)
    return page


def _page_error(path: str, name: str, error: DataError) -> ExampleError:
    """Return the error of a whole page."""
    found = re.match(rf"{re.escape(path)}(?::(\d+))?: (.*)", str(error), re.DOTALL)
    line = int(found[1]) if found and found[1] else None
    page = Example(name, {}, Origin(path, line))
    return ExampleError(page, found[2] if found else str(error))
