"""A run's data, made ready once: what ranks and resumed runs find in the run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seqloom.config.run_config import RunConfig
from seqloom.errors import BundleError, RunError
from seqloom.files import sha256, write_json, write_text
from seqloom.model.build import States
from seqloom.model.states import read as read_states
from seqloom.model.states import write as write_states
from seqloom.train.data import RunData, digest, read_data
from seqloom.train.folder import RunFolder


def prepared(config: RunConfig, folder: RunFolder, basis: States | None = None) -> RunData:
    """Return the data of a run that begins, and freeze the states of its codecs in its folder.

    Args:
        config: the run's.
        folder: the run's.
        basis: states of a trained model, from which fitting begins.

    Raises:
        DataError: a file is malformed, or examples cannot be used and may not be skipped.
    """
    data = read_data(config, None, basis)
    states = write_states(data.states, folder.codec_files)
    digests = {split: digest(rows) for split, rows in data.rows.items()}
    files = _hashes(folder.codec_files)
    write_json(folder.codecs, {"states": states, "files": files, "examples": digests})
    write_skipped(folder, data)
    return data


def restored(config: RunConfig, folder: RunFolder) -> RunData:
    """Return the data of a run that was prepared before, by the codecs that it has.

    Raises:
        RunError: its codecs are gone, or its data have changed.
    """
    stored = _stored_codecs(folder)
    data = read_data(config, stored["states"])
    digests = {split: digest(rows) for split, rows in data.rows.items()}
    changed = [split for split in digests if stored["examples"][split] != digests[split]]
    if changed:
        raise RunError(
            f"{folder.path} cannot go on: the data of {', '.join(changed)} are not those that it "
            "began with. Put them back, or start anew in another run_dir."
        )
    return data


def write_skipped(folder: RunFolder, data: RunData) -> None:
    """List the examples that were left out, if there are any, in ``skipped.jsonl``."""
    lines = [
        {"split": split, "id": fault.example_id, "where": fault.where, "problem": fault.problem}
        for split, faults in data.skipped.items()
        for fault in faults
    ]
    if lines:
        texts = [json.dumps(line, ensure_ascii=False) for line in lines]
        write_text(folder.skipped, "\n".join(texts) + "\n")


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(folder.glob("codec.*"))}


def _stored_codecs(folder: RunFolder) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads(folder.codecs.read_text(encoding="utf-8"))
        states = read_states(stored["states"], folder.codec_files)
        changed = stored.get("files", {}).items() - _hashes(folder.codec_files).items()
        if changed:
            raise BundleError(f"changed since then: {', '.join(sorted(dict(changed)))}")
        return {"states": states, "examples": stored["examples"]}
    except (OSError, ValueError, LookupError, TypeError, BundleError) as fault:
        raise RunError(
            f"{folder.codecs} is missing or damaged, so the run cannot go on; start it anew in "
            f"another run_dir. ({fault})"
        ) from fault
