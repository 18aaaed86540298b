"""A table of proteins: a header, then one protein a line, separated by tabs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from seqloom.errors import did_you_mean
from seqloom.interfaces import Origin

from seqloom_protein import Columns
from seqloom_protein.lines import Line, TextFile
from seqloom_protein.records import Record


def records(
    text: TextFile, lines: Iterable[Line], columns: Columns, targets: bool
) -> Iterator[Record]:
    """Yield the proteins; without ``targets`` only their sequences need be there.

    Raises:
        DataError: a column is missing, or a line has another number of cells than the header.
    """
    places: Mapping[str, int] = {}
    width = 0
    for number, line in lines:
        cells = line.split("\t")
        if not places:
            width, places = len(cells), _places(text, number, cells, columns, targets)
            continue
        if not line:
            continue  # an empty line is no protein: most often the file's last
        if len(cells) != width:
            raise text.error(
                number, f"the line has {len(cells)} cells, the header has {width}. Is a tab lost?"
            )
        values = {name: cells[place].strip() for name, place in places.items()}
        name = values.pop("id", "") or f"{text.stem}:{number}"
        yield Record(name, Origin(text.shown, number), **values)


def _places(
    text: TextFile, line: int, header: list[str], columns: Columns, targets: bool
) -> dict[str, int]:
    """Return field → place in a line."""
    wanted = {name: column for name, column in vars(columns).items() if column is not None}
    needed = wanted if targets else {"residues"}
    found = {}
    for name, column in wanted.items():
        if column in header:
            found[name] = header.index(column)
        elif name in needed:
            null = f" If there is none, data.columns.{name}=null." * (name in ("id", "resolved"))
            raise text.error(
                line,
                f"no column {column!r}, which data.columns.{name} names. "
                f"{did_you_mean(column, header)}{null}",
            )
    return found
