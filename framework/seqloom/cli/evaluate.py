"""``seqloom evaluate``: evaluate a trained model on data."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from seqloom.cli.options import model_parser, use_threads
from seqloom.errors import printable
from seqloom.files import finite
from seqloom.inference.evaluate import evaluate_model
from seqloom.plugins.named_files import SPLITS
from seqloom.train.scores import scores_line

if TYPE_CHECKING:
    from seqloom.interfaces import Table

ROWS = 10
"""Number of rows of a table that are printed without ``--full``."""


def evaluate(arguments: list[str]) -> int:
    """Print the metrics of a model on one split of a data set."""
    options = _parser().parse_intermixed_args(arguments)
    from seqloom.data.progress import show_progress
    from seqloom.interfaces import Table

    show_progress()
    use_threads(options.threads)
    found = evaluate_model(
        options.model,
        *options.overrides,
        split=options.split,
        batch_size=options.batch,
        on_bad=options.on_bad,
        changed_data=options.changed_data,
        its_data=options.its_data,
    )
    if options.json:
        print(json.dumps(finite({options.split: found.metrics})))
        return 0
    print(f"{options.split}  {scores_line(found.metrics)}")
    for detail in found.details:
        if isinstance(detail, Table):
            print(f"\n{plain(detail, None if options.full else ROWS)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = model_parser(
        prog="seqloom evaluate",
        description="Evaluate a trained model on its own data, or on other data.",
        epilog="Example:\n  seqloom evaluate runs/mine data.test=other.conll",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],  # otherwise argparse calls it required
        metavar="KEY=VALUE",
        help="data=NAME, data.KEY=VALUE: other data; head.KEY=VALUE: decoding",
    )
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument(
        "--its-data",
        action="store_true",
        help="read the data files that the model names; they are listed first",
    )
    parser.add_argument(
        "--changed-data",
        action="store_true",
        help="evaluate on the model's own data even if it has changed since training",
    )
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    parser.add_argument("--full", action="store_true", help="print all rows of tables")
    return parser


def plain(table: Table, limit: int | None = None) -> str:
    """Return a table in plain text, with at most ``limit`` rows; None: all."""
    cells = [
        [f"{cell:.4f}" if isinstance(cell, float) else printable(str(cell)) for cell in row]
        for row in (table.columns, *table.rows[:limit])
    ]
    more = len(table.rows) - len(cells) + 1
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    rest = [f"… and {more} more (--full shows all)"] if more else []
    return "\n".join([table.title, *(line.rstrip() for line in lines), *rest])
