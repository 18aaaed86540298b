"""Stored measurements: where they lie, how they are written, and when they are stale."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

VERSIONS = ("seqloom", "torch")
MAX_BYTES = 60_000
_DIGITS = 4  # significant ones
_KEYS = {"command", "drawing", "part", "values", "versions"}


class StoredError(Exception):
    """A stored measurement cannot be shown; the message says what to do."""


@dataclass(frozen=True)
class Place:
    """The measurements of a repository.

    Attributes:
        root: Folder of the repository.
    """

    root: Path

    def file(self, name: str) -> Path:
        """Return the file that stores a measurement."""
        return self.root / "docs" / "measured" / f"{name}.json"

    def part(self, name: str) -> Path:
        """Return the program that measures it."""
        return self.root / "scripts" / "docs_parts" / f"{name}.py"

    def names(self) -> list[str]:
        """Return the names of all parts; a module with a leading underscore is a helper."""
        return sorted(path.stem for path in self.part("x").parent.glob("[!_]*.py"))

    def sources(self, name: str) -> list[Path]:
        """Return the part and the helpers that it imports."""
        part = self.part(name)
        text = part.read_text(encoding="utf-8") if part.is_file() else ""
        helpers = re.findall(r"^(?:from|import) (_[a-z]\w*)", text, re.MULTILINE)
        return [part, *(part.with_name(f"{helper}.py") for helper in sorted(set(helpers)))]

    def digest(self, name: str) -> str:
        """Return a digest of the sources of a measurement.

        Raises:
            StoredError: The part, or a helper, is not there.
        """
        summed = hashlib.sha256()
        for path in self.sources(name):
            if not path.is_file():
                raise StoredError(
                    f"{name}: there is no {path.relative_to(self.root)} that measures it."
                )
            summed.update(path.read_bytes().replace(b"\r\n", b"\n"))
        return summed.hexdigest()[:16]

    def write(self, name: str, measured: dict[str, Any]) -> Path:
        """Write what the part ``name`` measured.

        Args:
            name: Name of the part.
            measured: Its values; ``drawing`` names the drawing that shows them.

        Raises:
            StoredError: It is too large, has no drawing, or a number is not finite.
        """
        values = {key: _rounded(value) for key, value in measured.items() if key != "drawing"}
        if "drawing" not in measured:
            raise StoredError(f"{name}: measure() returned no 'drawing'.")
        stored = {
            "command": f"scripts/docs-data {name}",
            "part": self.digest(name),
            "versions": {package: version(package) for package in VERSIONS},
            "drawing": measured["drawing"],
            "values": values,
        }
        try:
            text = _text(stored)
        except ValueError as error:
            raise StoredError(f"{name}: {error}") from None
        if len(text.encode()) > MAX_BYTES:
            raise StoredError(f"{name}: {len(text)} bytes; expected at most {MAX_BYTES}.")
        path = self.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def read(self, name: str) -> dict[str, Any]:
        """Return a stored measurement.

        Raises:
            StoredError: It is missing, broken or stale.
        """
        path, again = self.file(name), f"Run scripts/docs-data {name}."
        here = path.relative_to(self.root)
        if not path.is_file():
            raise StoredError(f"There is no {here}. {again}")
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise StoredError(f"{here} is not JSON: {error}. {again}") from None
        if not isinstance(stored, dict) or set(stored) != _KEYS:
            raise StoredError(f"{here}: expected the keys {', '.join(sorted(_KEYS))}. {again}")
        if stored["part"] != self.digest(name):
            part = self.part(name).relative_to(self.root)
            raise StoredError(f"{here} is stale: {part} changed since. {again}")
        if (measured := stored["versions"]["seqloom"]) != (ours := version("seqloom")):
            raise StoredError(f"{here} is stale: of seqloom {measured}, not {ours}. {again}")
        return stored


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


def _text(stored: dict[str, Any]) -> str:
    """Return JSON with each innermost list on one line."""
    text = json.dumps(stored, indent=1, ensure_ascii=False, allow_nan=False)

    def joined(found: re.Match[str]) -> str:
        items = json.loads(found[0])
        return json.dumps(items, ensure_ascii=False)

    return re.sub(r"\[(?:\s*(?:\"(?:[^\"\\]|\\.)*\"|[-\w.+]+),?)+\s*\]", joined, text) + "\n"
