"""How the commands show their help."""

from __future__ import annotations

import argparse


class HelpFormatter(argparse.HelpFormatter):
    """Wraps texts to the terminal, but not indented lines: examples are to be pasted whole."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        lines = text.split("\n")
        return "\n".join(
            indent + one if one.startswith("  ") else fill(one, width, indent) for one in lines
        )
