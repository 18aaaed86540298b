"""The file of a run's record, ``run.json``, which holds its own SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqloom.errors import Cause, DataError, RunError
from seqloom.files import finite, read_json, write_json
from seqloom.seal import KEY, is_changed, sealed


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record atomically, with its digest.

    Raises:
        RunError: It cannot be written.
    """
    write_json(path, sealed(finite(record)))


def read_record(path: Path) -> dict[str, Any]:
    """Return the content of a ``run.json`` without its digest; older files have none.

    In records of 0.1.0 the monitored metric has the key ``watch``; it is returned as ``monitor``.

    Raises:
        OSError: The file is missing or cannot be opened.
        DataError: It is damaged, or was changed.
    """
    record = read_json(path)
    if is_changed(record):
        raise DataError(
            f"{path} was changed after seqloom wrote it. If that was intended, remove the field "
            f"{KEY!r} from it; otherwise it is damaged.",
            cause=Cause.not_parsed,
        )
    record.pop(KEY, None)
    if "watch" in record:
        record.setdefault("monitor", record.pop("watch"))
    return record


def unreadable(path: Path, error: OSError) -> RunError:
    """Return the error of a file of a run that may be whole, but cannot be opened."""
    return RunError(
        f"{path} cannot be read: {error.strerror or error}. Check the path and its permissions.",
        cause=Cause.no_file,
    )


def has_types(record: dict[str, Any]) -> bool:
    """Return whether what a run reads in its record has the types that it wrote."""
    kinds = {"state": str, "monitor": str, "metrics": dict, "components": dict, "history": list}
    history, metrics = record.get("history", []), record.get("metrics", {})
    return (
        all(isinstance(record.get(key, kind()), kind) for key, kind in kinds.items())
        and isinstance(record.get("notes") or [], list)
        and isinstance(record.get("baselines") or {}, dict)
        and all(isinstance(one, dict) and isinstance(one.get("state"), str) for one in history)
        and all(isinstance(one.get("seconds", 0), int | float) for one in history)
        and all(isinstance(one, dict) for one in metrics.values())
        and all(
            isinstance(value, int | float | None)
            for values in metrics.values()
            for value in values.values()
        )
    )
