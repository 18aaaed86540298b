"""``seqloom predict``: inputs in, predictions out, as they come."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from seqloom.cli.options import is_override, positive, reader, split_overrides, use_threads
from seqloom.cli.streaming import chunks
from seqloom.errors import DataError, ExampleError

if TYPE_CHECKING:
    from seqloom.interfaces import Example, Prediction
    from seqloom.model.pipeline import Pipeline


def predict(arguments: list[str]) -> int:
    """Print a prediction for each input; the first before the input has ended."""
    options = _parser().parse_intermixed_args(arguments)
    from seqloom import load
    from seqloom.cli.formats import writer
    from seqloom.model.build import build_source

    use_threads(options.threads)
    pipeline = load(options.model)
    paths = [word for word in options.inputs if not is_override(word)] or ["-"]
    name, pairs = split_overrides([word for word in options.inputs if is_override(word)])
    section = reader(pipeline.info["data"], options.data or name, paths, pairs)
    write = writer(options.to, pipeline.head)
    skipped: list[ExampleError] | None = [] if options.skip_bad else None
    with _output(options.out) as out:
        inputs = build_source(section).inputs(paths)
        for example, prediction in predictions(pipeline, inputs, options.batch, skipped):
            out.write(write(example, prediction))
            out.flush()
    for fault in skipped or ():
        print(f"Left out: {fault}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom predict",
        description="Predict for each input of the files, or of standard input (a text a line).",
        epilog='Example: echo "Apple is something I like to eat." | seqloom predict runs/mine -',
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="a bundle, or a run's folder")
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="FILE",
        help="files, or - (default); data.KEY=VALUE: how to read",
    )
    parser.add_argument("--data", metavar="NAME", help="the reader (default: by the file's suffix)")
    parser.add_argument("--to", choices=("jsonl", "tsv", "conll"), default="jsonl", help="output")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write there, not to the terminal")
    parser.add_argument(
        "--batch", type=positive, default=64, help="most inputs at a time (default: 64)"
    )
    parser.add_argument(
        "--threads", type=positive, default=1, help="of the CPU, for large models (default: 1)"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out unusable inputs")
    return parser


def predictions(
    pipeline: Pipeline,
    inputs: Iterator[Example],
    batch_size: int,
    skipped: list[ExampleError] | None,
) -> Iterator[tuple[Example, Prediction]]:
    """Yield each input with its prediction, in order.

    Raises:
        DataError: an input cannot be used and ``skipped`` is None; those before it are out.
    """
    from seqloom.data.reading import outcomes

    for chunk in chunks(outcomes(inputs), batch_size):
        rows, fault = [], None
        for example in chunk:
            try:
                if isinstance(example, ExampleError):
                    raise example
                rows.append(pipeline.codecs.inputs(pipeline.codecs.frontend.prepare(example)))
            except ExampleError as found:
                fault = found
                if skipped is None:
                    break
                skipped.append(found)
        if rows:
            yield from pipeline.predict_rows(rows)
        if fault is not None and skipped is None:
            raise DataError(f"{fault} Or leave out what cannot be used: --skip-bad") from fault


@contextmanager
def _output(path: Path | None) -> Iterator[TextIO]:
    """Give standard output, or a file that appears whole when all is written."""
    from seqloom.files import atomic_file

    if path is None:
        yield sys.stdout
    elif path.is_fifo() or path.is_char_device():  # these cannot be replaced
        with path.open("w", encoding="utf-8") as stream:
            yield stream
    else:
        with atomic_file(path) as draft, draft.open("w", encoding="utf-8") as stream:
            yield stream
