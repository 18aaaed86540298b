"""``seqloom evaluate``: measure a trained model on data."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqloom.cli.options import (
    Overrides,
    Section,
    load_model,
    model_parser,
    split_overrides,
    use_threads,
    with_overrides,
)
from seqloom.errors import ConfigError, DataError
from seqloom.files import finite

if TYPE_CHECKING:
    from seqloom.data.collate import EncodedExample
    from seqloom.data.sampler import BatchSampler
    from seqloom.interfaces import Matrix, Table
    from seqloom.model.pipeline import Pipeline

SPLITS = ("train", "val", "test")  # as in seqloom.interfaces, which imports torch
ROWS = 10  # of a table, unless all are wanted


def evaluate(arguments: list[str]) -> int:
    """Print the metrics of a model over one split of a data set."""
    options = _parser().parse_intermixed_args(arguments)
    from seqloom.config.compatibility import check_compatible
    from seqloom.interfaces import Table
    from seqloom.model.bundle import stored_data

    use_threads(options.threads)
    given = split_overrides(options.overrides)
    pipeline = load_model(options.model, given.head)
    section = data_section(None if given.name else stored_data(pipeline.info), given)
    check_compatible({"data": section, **sections(pipeline.info)}, trained=True)
    metrics, details = measure(pipeline, section, options)
    if options.json:
        print(json.dumps(finite({options.split: metrics})))
        return 0
    print(
        f"{options.split}  " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    )
    for detail in details:
        if isinstance(detail, Table):
            print(f"\n{plain(detail, None if options.full else ROWS)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = model_parser(
        prog="seqloom evaluate",
        description="Measure a trained model on the data it was made for, or on other data.",
        epilog="Example: seqloom evaluate runs/mine data.test=other.conll",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="data=NAME, data.KEY=VALUE: other data; head.KEY=VALUE: how to decode",
    )
    parser.add_argument("--split", choices=SPLITS, default="test", help="(default: test)")
    parser.add_argument("--json", action="store_true", help="print the metrics as JSON")
    parser.add_argument("--full", action="store_true", help="print all rows of tables")
    return parser


def sections(info: Mapping[str, Any]) -> dict[str, Section]:
    """Return the sections of a model's parts, by kind, from what its bundle says."""
    return {kind: entry["section"] for kind, entry in info["components"].items()}


def data_section(stored: Section | None, given: Overrides) -> Section:
    """Return the data to measure on: the model's own, or what the overrides say.

    Raises:
        ConfigError: the overrides are wrong, or nothing is known of the model's data.
    """
    if given.name is not None:
        from seqloom.config.compose import compose_data

        return compose_data([f"data={given.name}", *given.data])
    if stored is None:
        raise ConfigError("The model does not say what data it is for; give data=NAME.")
    return with_overrides(stored, [*uncut(stored, given.data), *given.data])


def uncut(stored: Section, pairs: list[str]) -> list[str]:
    """Return overrides by which a split that a file is named for is no longer cut from train."""
    cuts = stored.get("split")
    named = [pair.partition("=")[0].removeprefix("data.") for pair in pairs]
    return [f"data.split.{name}=0" for name in named if isinstance(cuts, dict) and cuts.get(name)]


def measure(
    pipeline: Pipeline, section: Section, options: argparse.Namespace
) -> tuple[dict[str, float], list[Table | Matrix]]:
    """Return the metrics and details of a pipeline over a split.

    Raises:
        DataError: the split is empty, or examples cannot be used and may not be skipped.
    """
    from seqloom.train.evaluator import evaluate as run

    evaluation = run(pipeline, *read_rows(pipeline, section, options.split, options))
    return evaluation.metrics, evaluation.details


def read_rows(
    pipeline: Pipeline, section: Section, split: str, options: argparse.Namespace
) -> tuple[list[EncodedExample], BatchSampler]:
    """Return a split's examples encoded for a pipeline, with the sampler of their batches.

    Args:
        pipeline: whose codecs encode.
        section: of the data component.
        split: to read.
        options: of `model_parser`: ``skip_bad`` and ``batch``.

    Raises:
        DataError: the split is empty, or examples cannot be used and may not be skipped.
    """
    from seqloom.data.encode import encode
    from seqloom.data.read import read_split
    from seqloom.data.rejected import Rejected
    from seqloom.data.sampler import BatchSampler
    from seqloom.model.build import build_reader

    rejected = Rejected(options.skip_bad, "--skip-bad")
    found = read_split(build_reader(section), split, pipeline.codecs.frontend, rejected)
    rows = encode(pipeline.codecs, found, rejected)
    rejected.raise_or_warn(f"the {split} split")
    if rejected.errors:
        print(f"Left out: {len(rejected.errors)} examples.", file=sys.stderr)
    if not rows:
        raise DataError(f"The {split} split of data={section['name']} has no example.")
    sampler = BatchSampler(
        [row.cost for row in rows],
        max_examples=options.batch,
        max_cost=None,
        shuffle=False,
        seed=0,
    )
    return rows, sampler


def plain(table: Table, limit: int | None = None) -> str:
    """Return a table in plain text, with so many rows at most; None: all."""
    cells = [
        [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
        for row in (table.columns, *table.rows[:limit])
    ]
    more = len(table.rows) - len(cells) + 1
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    rest = [f"… and {more} more (--full shows all)"] if more else []
    return "\n".join([table.title, *(line.rstrip() for line in lines), *rest])
