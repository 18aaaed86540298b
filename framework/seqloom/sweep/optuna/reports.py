"""What the trials of a sweep reported so far, read again after each epoch of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seqloom.sweep.ledger import RECORD, read_trial
from seqloom.sweep.optuna.curves import by_epoch

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Reported:
    """What a trial reported.

    Attributes:
        state: by its record; a trial whose process was killed still says ``running``.
        curve: the metric by epoch, counted from 1.
    """

    state: str
    curve: dict[int, float]


class Reports:
    """Reads what trials reported; of those that have ended only once.

    Args:
        folder: of the sweep.
        metric: as in ``metrics.jsonl``: ``val/f1``.
    """

    def __init__(self, folder: Path, metric: str) -> None:
        self.folder, self.metric = folder, metric
        self._ended: dict[str, tuple[Stamp, Reported]] = {}

    def read(self) -> dict[int, Reported]:
        """Return what each trial that has begun reported so far, by its number."""
        names = (path.name for path in self.folder.iterdir())
        read = {int(name): self._read_one(name) for name in names if name.isdecimal()}
        return {number: reported for number, reported in sorted(read.items()) if reported}

    def _read_one(self, name: str) -> Reported | None:
        folder = self.folder / name
        stamp = _stamp(folder / RECORD)
        if stamp is None:
            return None
        known = self._ended.get(name)
        if known and known[0] == stamp:
            return known[1]
        state = str(read_trial(folder).record.get("state"))
        reported = Reported(state, by_epoch(folder, self.metric))
        if state != "running":  # if it is tried again, its record is the first thing to change
            self._ended[name] = (stamp, reported)
        return reported


def _stamp(path: Path) -> Stamp | None:
    """Return what changes whenever a record is written; None: there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
