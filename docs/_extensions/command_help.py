"""Fills pages with the help of commands: ``{{ help: predict }}`` becomes what ``--help`` prints."""

from __future__ import annotations

import io
import os
import re
from contextlib import redirect_stdout, suppress
from typing import Any

from seqloom.cli.main import run

MARK = re.compile(r"^\{\{ help: (.+?) \}\}$", re.MULTILINE)
"""A line that stands for the help of a command."""

WIDTH = "88"
"""Width of the help, in characters."""


def setup(app: Any) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Any, name: str, source: list[str]) -> None:
    source[0] = filled(source[0])


def filled(text: str) -> str:
    """Return a page with the help that it asks for."""
    return MARK.sub(lambda found: f"```text\n{help_of(found[1])}\n```", text)


def help_of(command: str) -> str:
    """Return what ``seqloom COMMAND --help`` prints."""
    out, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with redirect_stdout(out), suppress(SystemExit):  # argparse ends the program
            run([*command.split(), "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return out.getvalue().strip()
