"""Read what W&B stores of a run until it is synchronized."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def records(folder: Path) -> list[Any]:
    """Return what W&B's own process has written of an ended run, once it has written the end."""
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    end = time.monotonic() + 60
    while not any(one.HasField("exit") for one in parsed(path)) and time.monotonic() < end:
        time.sleep(0.1)
    return parsed(path)


def parsed(path: Path) -> list[Any]:
    """Return the records of a file to be synchronized: a log in LevelDB's format."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, found, parts = path.read_bytes(), 7, [], b""
    while place + 7 < len(content):
        if place % 32768 > 32768 - 7:  # the rest of a block is too short for a header
            place += 32768 - place % 32768
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        parts += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in {1, 4}:  # a record, or its last part
            found.append(Record.FromString(parts))
            parts = b""
    return found
