"""Gather what is known of a checkpoint; it takes torch to open one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seqloom.cli.model_facts import (
    Facts,
    codec_sizes,
    compared_versions,
    components,
    run_facts,
)
from seqloom.errors import BundleError
from seqloom.files import sha256
from seqloom.model.description import NONSENSE, check_entry
from seqloom.model.provenance import compare
from seqloom.model.remedies import sentences
from seqloom.model.weights import by_part
from seqloom.train.folder import RunFolder
from seqloom.train.origins import KEY
from seqloom.train.progress import read_checkpoint


def checkpoint_facts(path: Path) -> Facts:
    """Return all that is known of a checkpoint, as plain data.

    Raises:
        BundleError: it is no checkpoint of seqloom's.
        RunError: it cannot be read.
    """
    found: Any = read_checkpoint(path)
    try:
        return _facts(path, found)
    except NONSENSE as fault:  # whatever else torch.save was given
        raise BundleError(f"{path} is no checkpoint of a run; give one, or a bundle.") from fault


def _facts(path: Path, found: dict[str, Any]) -> Facts:
    recorded = found.get(KEY, {})
    for entry in recorded.get("components", {}).values():
        check_entry(entry)
    standings = compare(recorded.get("components", {}))
    run = RunFolder(path.absolute().parent.parent)
    untold = [] if standings else ["It does not say which plugins it was made with."]
    return {
        "what": f"a checkpoint after epoch {found['epoch'] + 1}, step {found['global_step']}",
        "path": str(path),
        "made": recorded.get("made"),
        "run": run_facts(run.path),
        "versions": compared_versions(recorded.get("versions", {})),
        "components": components(standings),
        "weights": by_part(
            (name.removeprefix("pipeline."), one.numel(), one.numel() * one.element_size())
            for name, one in found["state_dict"].items()
        ),
        "codecs": _codecs(run),
        "metrics": {},
        "files": {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256(path), "state": "readable"}
        },
        "fits": all(one.fits for one in standings) if standings else None,
        "says": [*untold, *sentences(standings)],
    }


def _codecs(run: RunFolder) -> dict[str, Any]:
    try:
        states = json.loads(run.codecs.read_text(encoding="utf-8"))["states"]
    except (OSError, ValueError, *NONSENSE):
        return {}
    files = {one.name: one.stat().st_size for one in run.codec_files.glob("*")}
    return dict(codec_sizes(states, files))
