r"""Keep control characters of data, models and file names from the terminal.

A class or file called ``\x1b[2J`` would clear the screen, and others move the cursor, hide text or
type answers into the terminal. The streams that `protect_terminal` installs write them escaped,
whoever prints them; what is written to files stays as it is.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, TextIO

CONTROL = re.compile(
    "\r(?!\n)|[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # C0 but tab and line end; delete; C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what reorders the text around it
    "\u2028\u2029\ufeff\ufff9-\ufffb]"
)

DRAWING = ("rich", "tqdm")
"""Packages that draw progress bars, of texts that are seqloom's or Lightning's own."""


def escaped(text: str) -> str:
    r"""Return a text without control characters but tabs and line ends.

    Those beyond ASCII are escaped as in JSON, so that JSON stays valid.

    >>> print(escaped("1\x1b[2J2\x9b3\u202e4"))
    1\x1b[2J2\u009b3\u202e4
    """
    if text.isascii() and text.isprintable():
        return text
    return CONTROL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


class EscapingStream:
    """A text stream that escapes control characters; otherwise it is the given one.

    Args:
        stream: Stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text; what packages that draw progress bars write is not changed."""
        writer = sys._getframe().f_back  # None where the interpreter prints a last traceback
        name = writer.f_globals.get("__name__", "") if writer else ""
        package = str(name).partition(".")[0]
        self._stream.write(text if package in DRAWING else escaped(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def open_closed_streams() -> None:
    """Let standard streams that are closed (``>&-``) be empty or lead nowhere.

    A file that is opened later would otherwise get their number, and what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest free number is the stream's own, since those before it are open.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def protect_terminal(*, data: bool) -> None:
    """Escape what is printed from here on.

    Args:
        data: Whether standard output is data, which is changed only if it goes to a terminal.
            Messages are always escaped, since whoever reads a log later sees it in a terminal.
    """
    if not isinstance(sys.stderr, EscapingStream):
        sys.stderr = EscapingStream(sys.stderr)
    if not isinstance(sys.stdout, EscapingStream) and not (data and not _is_terminal(sys.stdout)):
        sys.stdout = EscapingStream(sys.stdout)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
