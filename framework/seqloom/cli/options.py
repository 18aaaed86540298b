"""What the parsers of several commands share: how help is shown, and common options."""

from __future__ import annotations

import argparse
from pathlib import Path


class HelpFormatter(argparse.HelpFormatter):
    """Wraps texts to the terminal, but not indented lines: examples are to be pasted whole."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        lines = text.split("\n")
        return "\n".join(
            indent + one if one.startswith("  ") else fill(one, width, indent) for one in lines
        )


def model_parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every command that uses a model."""
    parser = argparse.ArgumentParser(
        prog=prog, description=description, epilog=epilog, formatter_class=HelpFormatter
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="bundle or run folder")
    parser.add_argument(
        "--batch",
        type=positive_int,
        default=64,
        help="maximum number of examples in a batch (default: 64; in predict up to 256 short ones)",
    )
    parser.add_argument(
        "--threads",
        type=positive_int,
        default=1,
        help="number of CPU threads, for large models (default: 1)",
    )
    add_on_bad(parser, "examples")
    return parser


def add_on_bad(parser: argparse.ArgumentParser, things: str) -> None:
    """Add ``--on-bad``, which says what happens to things, such as examples, that are unusable."""
    parser.add_argument(
        "--on-bad",
        choices=("error", "skip"),
        default="error",
        help=f"what to do with {things} that cannot be used (default: error)",
    )
    parser.add_argument(  # as in version 0.1
        "--skip-bad", dest="on_bad", action="store_const", const="skip", help=argparse.SUPPRESS
    )


def positive_int(text: str) -> int:
    """Return a positive integer, for argparse.

    Raises:
        ArgumentTypeError: The text is not a positive integer.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def use_threads(count: int) -> None:
    """Set the number of CPU threads that torch uses; by default it would take all cores."""
    import torch

    torch.set_num_threads(count)
