"""``seqloom example``: write a small file of data to try things on."""

from __future__ import annotations

import argparse
import csv
import io
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seqloom.errors import ConfigError
from seqloom.files import atomic_file
from seqloom_text.sample_files import tickets, visits

UNSEEN = 1
"""Seed of the texts to predict from; those of the other files have the seed 0."""


@dataclass(frozen=True)
class Sample:
    """A sample file.

    Attributes:
        name: File name, unless another one is asked for.
        content: Function that returns the content.
        about: What it holds.
        use: Command to use it with; ``{}`` stands for the path.
    """

    name: str
    content: Callable[[], str]
    about: str
    use: str


def table() -> str:
    """Return the messages with their teams as CSV."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerows([("text", "label"), *tickets.rows()])
    return target.getvalue()


def conll() -> str:
    """Return the sentences, one token and its tag per line."""
    found = (
        "".join(f"{token} {tag}\n" for token, tag in sentence) for sentence in visits.sentences()
    )
    return "\n".join(found)


def lines() -> str:
    """Return messages that the table does not have, one per line."""
    known = {text for text, _ in tickets.rows()}
    fresh = (text for text, _ in tickets.rows(40, UNSEEN) if text not in known)
    return "".join(f"{text}\n" for text in [*fresh][:12])


_SPLIT = "data.split.val=0.15 data.split.test=0.15"
SAMPLES = {
    "csv": Sample(
        "tickets.csv",
        table,
        f"{tickets.ROWS} messages to a shop (text), and the team that each is for (label)",
        f"seqloom train data=csv data.train={{}} {_SPLIT} head=classification",
    ),
    "conll": Sample(
        "visits.conll",
        conll,
        f"{visits.SENTENCES} sentences with people, places and firms, one token and tag per line",
        f"seqloom train data=conll data.train={{}} {_SPLIT} head=ner",
    ),
    "lines": Sample(
        "tickets.txt",
        lines,
        "12 other messages to the shop, one per line, to predict from",
        "seqloom predict RUN {}",
    ),
}


def example(arguments: list[str]) -> int:
    """Write a sample file and return the exit status.

    Raises:
        ConfigError: The file exists.
        RunError: The file cannot be written.
    """
    options = _parser().parse_args(arguments)
    sample = SAMPLES[options.kind]
    path = options.file or Path(sample.name)
    if path.exists() or path.is_symlink():
        raise ConfigError(
            f"{path} exists; it is not overwritten. Delete it, or name another file: "
            f"seqloom example {options.kind} FILE"
        )
    with atomic_file(path) as draft:
        draft.write_text(sample.content(), encoding="utf-8", newline="\n")
    print(f"Wrote {path}: {sample.about}.")
    print(f"Next: {sample.use.format(shlex.quote(str(path)))}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="seqloom example",
        description="Write a small file of data to try things on; it is the same every time.\n\n"
        + "\n".join(f"  {kind:<6} {one.name}: {one.about}" for kind, one in SAMPLES.items()),
        epilog="Example:\n  seqloom example csv\n"
        "  seqloom train data=csv data.train=tickets.csv data.split.val=0.15 "
        "data.split.test=0.15 head=classification",
    )
    parser.add_argument("kind", choices=SAMPLES, help="format of the file")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="file to write")
    return parser
