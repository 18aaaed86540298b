"""A protein as HTML: lines of 60 residues with the states below."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from markupsafe import Markup

WIDTH = 60  # residues per line, as in most FASTA files
_HELIX, _STRAND = (
    "rgb(220 60 100 / 30%)",
    "rgb(60 120 220 / 30%)",
)  # readable in light and dark mode
COLOURS = dict.fromkeys("HGI", _HELIX) | dict.fromkeys("EB", _STRAND)
"""Background colours of helices and strands, also for the eight states of DSSP."""


def render(residues: Sequence[str], states: str, known: str | None) -> str:
    """Return HTML: residues, predicted states, and known ones if their number is the same."""
    rows = [residues, states, known if known and len(known) == len(states) else ""]
    blocks = [
        _block(start + 1, [row[start : start + WIDTH] for row in rows if row])
        for start in range(0, len(states), WIDTH)
    ]
    html = Markup('<pre class="protein">{}</pre>').format(Markup("\n\n").join(blocks))
    return str(html)


def _block(first: int, rows: Sequence[Sequence[str]]) -> Markup:
    """Return the lines of one block: residues, predicted states, and known states, if any."""
    residues, *structures = rows
    names = ("predicted", "known")
    lines = [Markup("{:>9} {}").format(first, "".join(residues))]
    for name, states in zip(names, structures, strict=False):
        lines.append(Markup("{:>9} {}").format(name, _coloured(states)))
    return Markup("\n").join(lines)


def _coloured(states: Sequence[str]) -> Markup:
    runs = [(state, "".join(run)) for state, run in groupby(states)]
    return Markup("").join(_run(state, text) for state, text in runs)


def _run(state: str, text: str) -> str | Markup:
    colour = COLOURS.get(state)
    if colour is None:
        return text
    return Markup('<span style="background: {}">{}</span>').format(colour, text)
