"""Replace damaged checkpoints of a run by whole ones before it is resumed, and say what is lost."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.config.run_config import Section
from seqloom.errors import shortened
from seqloom.train.checkpoints.callbacks import COMPONENTS_KEY, SETTINGS_KEY
from seqloom.train.checkpoints.files import (
    DamagedCheckpointError,
    WrongCheckpointError,
    read_checkpoint,
)
from seqloom.train.checkpoints.progress import progress_of
from seqloom.train.folder import RunFolder, read_metrics
from seqloom.train.settings import MAY_CHANGE, common, differing, fixed_settings

log = logging.getLogger("seqloom")


@dataclass(frozen=True)
class _Found:
    """A checkpoint whose bytes are unchanged.

    Attributes:
        path: File.
        steps: Number of optimizer steps before it.
        best_step: Number of steps before the best checkpoint that it knows of; None: not known.
        place: Where the run would be resumed, in words.
    """

    path: Path
    steps: int
    best_step: int | None
    place: str


def recover(folder: RunFolder) -> None:
    """Make the newest whole checkpoint of a run its last one, and name those that are damaged.

    Afterwards a run is resumed from its last checkpoint, with its best one at hand; without a last
    one, it starts from the beginning. The process that prepares the run calls this before any rank
    starts, and again before it restarts ranks.

    Raises:
        RunError: A checkpoint cannot be read, though it may be whole; or it is of another run.
    """
    if not folder.resumable:
        if _known_steps(folder):
            _say(folder, "No checkpoint is left: the run starts from the beginning.")
        return
    settings = fixed_settings(folder.config())
    found = [_whole(path, settings) for path in (folder.last, folder.previous)]
    both = sorted((one for one in found if one), key=lambda one: -one.steps)
    best = _whole_best(folder, settings)
    newest = both[0] if both else None
    lost = newest is not None and _is_lost(newest, best)
    chosen = next((one for one in both if _is_usable(one, newest, lost)), None)
    if lost and newest:
        log.warning(
            "The best model so far, of step %d, is damaged and has to be trained again.",
            newest.best_step,
        )
    if chosen is None:
        _say(folder, "No checkpoint is left to resume from: the run starts from the beginning.")
        for path in (folder.last, folder.previous):
            path.unlink(missing_ok=True)
    elif chosen.path != folder.last:
        _say(folder, f"The run is resumed from the previous checkpoint: {chosen.place}.", chosen)
        chosen.path.replace(folder.last)


def _whole(path: Path, settings: Section) -> _Found | None:
    """Return what a checkpoint says; None if there is none, or if it is damaged.

    Raises:
        RunError: It cannot be read, or is of a run with other settings.
    """
    try:
        state = read_checkpoint(path) if path.exists() else None
    except DamagedCheckpointError as error:
        log.warning("%s", error.damage)
        path.unlink()
        return None
    if state is None:
        return None
    progress = progress_of(path, state)
    recorded = state.get(COMPONENTS_KEY, {}).get(SETTINGS_KEY) or {}  # 0.1 has none
    # An update of seqloom may add settings, and remove others.
    known, wanted = common(recorded, settings), common(settings, recorded)
    if changed := differing(known, wanted, but=MAY_CHANGE):
        raise WrongCheckpointError(
            path, f"it belongs to another run: {shortened(', '.join(changed))}"
        )
    return _Found(path, progress.steps, _best_step(state), str(progress))


def _best_step(state: dict[str, Any]) -> int | None:
    for key, known in state.get("callbacks", {}).items():
        if str(key).startswith("BestCheckpoint") and isinstance(known, dict):
            step = known.get("best_step")
            return step if isinstance(step, int) else None
    return None


def _whole_best(folder: RunFolder, settings: Section) -> int | None:
    """Let both files of the best checkpoint be whole; return its number of steps, if one is."""
    best, copy = (_whole(path, settings) for path in (folder.best, folder.best_copy))
    if best is None and copy is not None:
        copy.path.replace(folder.best)
    found = best or copy
    return None if found is None else found.steps


def _is_lost(newest: _Found, best: int | None) -> bool:
    """Return whether the best checkpoint that the newest one knows of is not there any more."""
    return newest.best_step is not None and (best is None or best < newest.best_step)


def _is_usable(one: _Found, newest: _Found | None, lost: bool) -> bool:
    """Return whether a run can be resumed from a checkpoint, and then has its best one."""
    if not lost or newest is None or newest.best_step is None:
        return True
    return one.best_step is None or one.steps < newest.best_step


def _say(folder: RunFolder, what: str, chosen: _Found | None = None) -> None:
    done, steps = _known_steps(folder), chosen.steps if chosen else 0
    again = f" Steps {steps + 1} to {done}, at least, are trained again." if done > steps else ""
    log.warning("%s%s", what, again)


def _known_steps(folder: RunFolder) -> int:
    """Return the number of steps, at least, that a run has made, as its metrics say."""
    steps = (row.get("step") for row in read_metrics(folder.metrics_log))
    return max((step for step in steps if isinstance(step, int)), default=-1) + 1
