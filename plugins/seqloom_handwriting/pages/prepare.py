"""``seqloom prepare``: pages in, a set of line images out."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from seqloom.commands import add_on_bad
from seqloom.data import SplitConfig
from seqloom.errors import DataError, ExampleError, plural
from seqloom.interfaces import Example
from seqloom_handwriting.pages.documents import find_all
from seqloom_handwriting.pages.line_set import LineSet
from seqloom_handwriting.pages.page_splits import Splits
from seqloom_handwriting.pages.reader import PageReader, UntranscribedError

EVERY = 30  # seconds between two lines of progress in a log
SHOWN = 10  # so many errors are listed
ABOUT = """\
Cut pages with ALTO or PAGE XML into line images: OUT.zip and OUT.tsv, which
data=line_images reads. Run it once per split, or let it split the pages."""
EXAMPLE = """\
Example:
  seqloom prepare pages scans lines/mine --val 0.1 --test 0.1 --levels 16"""


def prepare(arguments: list[str]) -> int:
    """Cut folders of pages into line images with a table, for ``data=line_images``."""
    options = _parser().parse_args(arguments)
    where = " ".join(options.folders)
    source = PageReader(
        height=options.height, straighten=not options.no_straighten, regions=options.regions
    )
    pages = find_all(options.folders)
    cut = SplitConfig(val=options.val, test=options.test, group=options.group, seed=options.seed)
    splits = Splits.planned(pages, options.regions, cut)
    left_out = LeftOut()
    progress = Progress(len(pages))
    with ExitStack() as stack:
        sets = {
            name: stack.enter_context(LineSet.create(_named(options.out, name), options.levels))
            for name in splits.names
        }
        for example in left_out.filter(source.transcribed(pages)):
            split = splits.of(example)
            sets[split].add(example)
            source.likeness.place(split, example)
            progress(example)
        progress.end()
        counts = {name: lines.counts for name, lines in sets.items()}
        if left_out.unusable and options.on_bad != "skip":
            raise DataError(f"{left_out.listing(where)}\nTo skip such examples: --on-bad skip")
        left_out.refuse_nothing(where, counts)
    for split in splits.names:
        source.likeness.warn(split)
    for error in left_out.unusable:
        print(f"Skipped: {error}", file=sys.stderr)
    if by_page := left_out.by_page():
        print(f"Unusable by page: {by_page}", file=sys.stderr)
    written = ", ".join(
        f"{lines.counts.total()} {plural(lines.counts.total(), 'line')} of {len(lines.counts)} "
        f"{plural(len(lines.counts), 'page')} in {lines.shown}"
        for lines in sets.values()
    )
    given = " ".join(f"data.{name or 'train'}={lines.table}" for name, lines in sets.items())
    print(
        f"{written}; left out: {left_out.bare} without a text, {len(left_out.unusable)} "
        f"unusable.\nTrain with data=line_images {given}"
    )
    return 0


def _named(out: Path, split: str) -> Path:
    return out.with_name(f"{out.name}-{split}") if split else out


class LeftOut:
    """The lines and pages that are left out.

    Attributes:
        bare: Number of lines without a text.
        unusable: Why the others cannot be used.
    """

    def __init__(self) -> None:
        self.bare = 0
        self.unusable: list[ExampleError] = []

    def filter(self, found: Iterable[Example | ExampleError]) -> Iterator[Example]:
        """Yield the lines that can be used."""
        for one in found:
            if isinstance(one, Example):
                yield one
            elif isinstance(one, UntranscribedError):
                self.bare += 1
            else:
                self.unusable.append(one)

    def listing(self, where: str) -> str:
        """Return the first of those that cannot be used, and how many there are on each page."""
        shown = "".join(f"\n  {error}" for error in self.unusable[:SHOWN])
        more = len(self.unusable) - SHOWN
        rest = f"\n  … and {more} more" if more > 0 else ""
        return (
            f"{where}: {len(self.unusable)} "
            f"{plural(len(self.unusable), 'line or page', 'lines or pages')} cannot be used:"
            f"{shown}{rest}\nBy page: {self.by_page()}"
        )

    def by_page(self) -> str:
        """Return how many are left out of each file."""
        counts = Counter(error.where.rpartition(":")[0] or error.where for error in self.unusable)
        return ", ".join(f"{Path(file).name} {count}" for file, count in counts.items())

    def refuse_nothing(self, where: str, counts: Mapping[str, Counter[str]]) -> None:
        """Refuse to write a set without a line.

        Raises:
            DataError: A set is empty; the text says why.
        """
        if all(count.total() for count in counts.values()):
            return
        if any(count.total() for count in counts.values()):
            empty = next(name for name, count in counts.items() if not count.total())
            raise DataError(f"{where}: no line for {empty} can be cut, so nothing was written.")
        if self.unusable:
            raise DataError(f"{self.listing(where)}\nNo line is left, so nothing was written.")
        if self.bare:
            raise DataError(f"{where}: none of the {self.bare} lines has a text; transcribe some.")
        raise DataError(f"{where}: the XML of the pages has no line, so nothing was written.")


class Progress:
    """Says on standard error how far it is: in place on a terminal, else every half minute."""

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self._seen = set[str]()
        self._lines = 0
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._terminal else EVERY)

    def __call__(self, example: Example) -> None:
        """Count a line."""
        self._seen.add(example.meta["page"])
        self._lines += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + (0.2 if self._terminal else EVERY)
            text = f"{len(self._seen)} of {self._pages} {plural(self._pages, 'page')}, "
            text += f"{self._lines} {plural(self._lines, 'line')}"
            print(text, end="\r" if self._terminal else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line on a terminal."""
        if self._terminal and self._lines:
            print(file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="seqloom prepare",
        description=ABOUT,
        epilog=EXAMPLE,
    )
    parser.add_argument("kind", choices=("pages",), help="kind of input")
    parser.add_argument(
        "folders",
        nargs="+",
        metavar="FOLDER",
        help="folders with XML files and images, in any folders inside, or XML files",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="output files, without suffix")
    parser.add_argument(
        "--height", type=_height, default=64, help="height of the images in pixels (default: 64)"
    )
    parser.add_argument(
        "--levels", type=_levels, default=256, help="levels of gray (default: 256); 16 saves space"
    )
    parser.add_argument(
        "--no-straighten", action="store_true", help="cut boxes instead of following the baselines"
    )
    parser.add_argument(
        "--regions",
        nargs="+",
        default=[],
        metavar="TYPE",
        help="only these types of regions, such as MainZone",
    )
    _add_splits(parser)
    add_on_bad(parser, "lines and pages")
    return parser


def _add_splits(parser: argparse.ArgumentParser) -> None:
    """Add what says how pages are divided between splits."""
    for split in ("val", "test"):
        parser.add_argument(
            f"--{split}",
            type=_fraction,
            default=0.0,
            metavar="FRACTION",
            help=f"fraction of the lines for {split}: OUT-train, OUT-{split}",
        )
    parser.add_argument(
        "--group",
        choices=("page", "folder"),
        default="page",
        help="what is kept in one split (default: page); folder: a manuscript",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random splits (default: 0)"
    )


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 up to 1")
    return value


def _height(text: str) -> int:
    return _between(text, 1, 4096)


def _levels(text: str) -> int:
    return _between(text, 2, 256)


def _between(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)
