"""The logger of the metrics of each step: ``metrics.jsonl`` in the folder of the run."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger

from seqloom.files import cannot_write, finite, sha256, write_text
from seqloom.train.folder import SHOWN
from seqloom.train.ranks.distributed import is_first

log = logging.getLogger("seqloom")

MAY_BE_WRONG = "the curves and the report of the run may show wrong values."


class JsonLines(Logger):
    """Writes a line of JSON for each logged step, on the first rank.

    Args:
        path: File to append to; `seqloom.train.folder.read_metrics` reads it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._written = hashlib.sha256()

    @property
    def name(self) -> str:
        """Name for Lightning."""
        return "metrics"

    @property
    def version(self) -> str:
        """Version for Lightning."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kw: Any) -> None:
        """Do nothing: the run's config.yaml has them."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a line."""
        if not is_first():
            return
        row = {"step": step, **{name: float(value) for name, value in metrics.items()}}
        line = json.dumps(finite(row)) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        self._written.update(line.encode("ascii"))

    def digest(self) -> str:
        """Return the SHA-256 of the lines that were written, whatever the file has become."""
        return self._written.hexdigest()

    def warn_if_changed(self) -> None:
        """Warn if the file is not what was written, on the first rank."""
        if is_first() and self.path.exists() and sha256(self.path) != self.digest():
            log.warning("%s was changed by another program: %s", self.path, MAY_BE_WRONG)

    def size(self) -> int:
        """Return the size of the file in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def forget_after(
        self, step: int, size: int | None = None, digest: str | None = None
    ) -> list[dict[str, Any]]:
        """Remove the lines that a resumed run will write again, and those that are damaged.

        Args:
            step: Number of steps before the checkpoint.
            size: Size of the file when the checkpoint was written; None: not known.
            digest: `digest` at that time; None: not known.

        Returns:
            The lines that were removed and are not damaged.
        """
        if not is_first():
            return []
        content = self.path.read_bytes() if self.path.exists() else b""
        if size is not None and size > len(content):
            log.warning(
                "%s has lost lines since the checkpoint was written: the report and the curves of "
                "the run lack them.",
                self.path,
            )
        elif digest is not None and hashlib.sha256(content[:size]).hexdigest() != digest:
            text = "%s was changed after the checkpoint was written: %s"
            log.warning(text, self.path, MAY_BE_WRONG)
        if not content:
            return []
        whole = size is not None and size <= len(content)
        rows = [_row(line) for line in content[:size].splitlines()]
        if whole and None not in rows:
            later = [_row(line) for line in content[size:].splitlines()]
        else:
            every = [_row(line) for line in content.splitlines()]
            self._name_damaged(every, content)
            rows = [row for row in every if row is not None and _step(row) < step]
            later = [row for row in every if row is not None and _step(row) >= step]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        write_text(self.path, text)
        self._written = hashlib.sha256(text.encode("ascii"))
        return [row for row in later if row is not None]

    def _name_damaged(self, rows: Sequence[Any], content: bytes) -> None:
        """Warn of damaged lines; an incomplete last one is only due to the end of its process."""
        last = len(rows) - (not content.endswith(b"\n"))
        bad = [str(number) for number, row in enumerate(rows[:last], 1) if row is None]
        if bad:
            shown = ", ".join(bad[:SHOWN]) + (f" and {len(bad) - SHOWN} more" * (len(bad) > SHOWN))
            log.warning("%s is damaged: line %s cannot be read and is left out.", self.path, shown)


def _row(line: bytes) -> dict[str, Any] | None:
    """Return the content of a line; None if it is damaged."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _step(row: Mapping[str, Any]) -> float:
    """Return the step of a row; infinity if it has none."""
    step = row.get("step")
    return step if isinstance(step, int | float) else math.inf
