"""The errors that ranks leave in the folder of their run, for the process that reports them."""

from __future__ import annotations

import time
import traceback

from seqloom.errors import (
    BundleError,
    ConfigError,
    DataError,
    PluginError,
    RunError,
    SeqloomError,
)
from seqloom.files import read_json, write_json
from seqloom.train.folder import RunFolder

KINDS: dict[str, type[SeqloomError]] = {
    kind.__name__: kind for kind in (BundleError, ConfigError, DataError, PluginError)
}
"""Errors of a rank that are raised with their own type; any other becomes a ``RunError``."""

CONNECTION_LOST = ("gloo", "NCCL", "by peer", "Broken pipe", "recvValue", "c10d")
"""Words in the errors of a collective operation that another rank has left."""

CAUSE_FIRST = 2.0
"""Seconds that a rank waits after a collective operation failed, so that its cause comes first."""


def follows_from_another(error: Exception) -> bool:
    """Return whether an error is only due to the end of another rank."""
    return isinstance(error, RuntimeError) and any(word in str(error) for word in CONNECTION_LOST)


def write_error(error: Exception, folder: RunFolder, rank: int) -> None:
    """Leave the error of a rank in the folder of its run, if that is still there."""
    if not folder.path.is_dir():
        return
    write_json(
        folder.rank_error(rank),
        {
            "time": time.time(),
            "rank": rank,
            "type": type(error).__name__,
            "text": str(error),
            "ours": isinstance(error, SeqloomError),
            "code": error.code if isinstance(error, SeqloomError) else None,
            "follows": follows_from_another(error),
            "traceback": "".join(traceback.format_exception(error)),
        },
    )


def recorded_error(
    folder: RunFolder, processes: int, *, follows: bool = True
) -> SeqloomError | None:
    """Return the error of the rank that failed first, if it left one.

    Args:
        folder: Folder of the run.
        processes: Number of ranks.
        follows: Whether an error that follows from that of another rank will do.
    """
    found = [read_json(path) for path in folder.ranks.glob(folder.rank_error("*").name)]
    own = [one for one in found if not one["follows"]]
    if not own and not (found and follows):
        return None
    first = min(own or found, key=lambda one: float(one["time"]))
    whose = f"rank {first['rank']} of {processes}"
    with folder.log.open("a", encoding="utf-8") as file:
        file.write(f"{whose}:\n{first['traceback']}")
    if first["ours"]:
        kind = KINDS.get(first["type"], RunError)
        return kind(f"{first['text']} ({whose})", cause=first.get("code"))
    return RunError(f"{first['type']}: {first['text']} ({whose}; see {folder.log})")
