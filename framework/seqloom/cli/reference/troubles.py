"""The page on troubleshooting, with a section for each code of an error."""

from __future__ import annotations

import re
from importlib.resources import files

from seqloom.errors import Cause

CODES = tuple(str(cause) for cause in Cause)
"""The codes of errors, sorted."""

_SECTION = re.compile(r"^## (S\d{3}): .*?(?=^\(s\d{3}\)=|\Z)", re.MULTILINE | re.DOTALL)


def page() -> str:
    """Return the page, in Markdown."""
    return (files("seqloom") / "troubleshooting.md").read_text(encoding="utf-8")


def sections() -> dict[str, str]:
    """Return the section about each code."""
    return {found[1]: found[0].strip() for found in _SECTION.finditer(page())}


def section_of(code: str) -> str:
    """Return the section about a code for the terminal."""
    text = sections()[code].removeprefix("## ")
    text = re.sub(r"^```\w*\n(.*?)^```$", _indented, text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text.replace("**", "")).replace("\n\n\n", "\n\n")


def _indented(block: re.Match[str]) -> str:
    return "\n".join(f"  {line}" for line in block[1].splitlines())
