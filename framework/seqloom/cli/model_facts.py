"""Gather what is known of a stored model without loading it, and without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.errors import BundleError
from seqloom.model import states, weights
from seqloom.model.description import (
    DESCRIPTION,
    NONSENSE,
    PARTS,
    WEIGHTS,
    find,
    origins,
    read_description,
    verify,
)
from seqloom.model.installed import installed
from seqloom.model.provenance import Standing, compare
from seqloom.model.remedies import sentences
from seqloom.plugins import KINDS
from seqloom.versions import versions

Facts = dict[str, Any]


def is_bundle(path: Path) -> bool:
    """Return whether a path is a bundle, or the folder of a run that has one."""
    return any((folder / DESCRIPTION).is_file() for folder in (path, path / "bundle"))


def bundle_facts(path: Path) -> Facts:
    """Return all that is known of a bundle, as plain data.

    Raises:
        BundleError: there is none, or its description is damaged.
    """
    folder = find(path)
    found = read_description(folder)
    standings = compare(origins(found))
    files = {name: _file(folder, name, facts) for name, facts in found["files"].items()}
    faults = [one["state"] for one in files.values() if one["state"] != "ok"]
    # Its data are not needed to use a model.
    fits = all(one.fits for one in standings if one.kind in PARTS) and not faults
    return {
        "what": f"a bundle of format {found['format']}",
        "path": str(folder),
        "made": found.get("made"),
        "run": run_facts(folder.parent),
        "versions": compared_versions(found.get("versions", {})),
        "components": components(standings, found.get("data")),
        "weights": None if faults else weights.sizes(folder / WEIGHTS),
        "codecs": dict(codec_sizes(found["states"], {n: one["bytes"] for n, one in files.items()})),
        "metrics": found.get("metrics", {}),
        "files": files,
        "fits": fits,
        "says": [*faults, *sentences(standings)],
    }


def _file(folder: Path, name: str, facts: Mapping[str, Any]) -> Facts:
    try:
        verify(folder, name, facts)
        state = "ok"
    except BundleError as fault:
        state = str(fault)
    return {"bytes": facts["bytes"], "sha256": facts["sha256"], "state": state}


def run_facts(folder: Path) -> Facts | None:
    """Return what a run's folder says of the run; None if it is no such folder."""
    try:
        found = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        keys = ("state", "started", "seconds", "epochs", "seed", "overrides", "error")
        return {key: found[key] for key in keys if key in found}
    except (OSError, ValueError, *NONSENSE):
        return None


def compared_versions(recorded: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return by name the version that was recorded and the one here."""
    here = versions()
    return {
        name: {"recorded": one, "here": here.get(name, "unknown")} for name, one in recorded.items()
    }


def components(standings: Sequence[Standing], data: Mapping[str, Any] | None = None) -> Facts:
    """Return by kind what components are recorded and what stands for them here.

    Args:
        standings: of those whose plugins are recorded.
        data: the section of the data, of which older models say no more.
    """
    found = {one.kind: _component(one) for one in standings}
    if data and "data" not in found:
        params = {key: value for key, value in data.items() if key != "name"}
        found["data"] = {"name": data.get("name"), "parameters": params, "state": "not recorded"}
    return {kind: found[kind] for kind in KINDS if kind in found}


def _component(one: Standing) -> Facts:
    params = {key: value for key, value in one.entry["section"].items() if key != "name"}
    here = None
    if one.plugin:
        here = {
            "plugin": one.plugin.name,
            "distribution": one.plugin.distribution,
            "version": one.plugin.version,
            "schema": one.schema,
            **installed(one.plugin.distribution),
        }
    return {
        "name": one.entry["section"]["name"],
        "parameters": params,
        **{key: one.entry[key] for key in ("plugin", "distribution", "version", "schema")},
        **{key: one.entry[key] for key in ("editable", "commit") if key in one.entry},
        "here": here,
        "same_schema": one.schema == one.entry["schema"] if here else None,
        "state": one.state,
    }


def codec_sizes(states: Any, files: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    """Yield the entries of codecs' states by name, each with its value, or its size.

    Args:
        states: as they are stored.
        files: the bytes of the files that stand for some.
    """
    if not isinstance(states, Mapping):
        return
    heads = states.get("heads")
    parts = {"frontend": states.get("frontend"), **(heads if isinstance(heads, Mapping) else {})}
    for part, state in parts.items():
        for name, value in state.items() if isinstance(state, Mapping) else ():
            yield f"{part}.{name}", _size(value, files)


def _size(value: Any, files: Mapping[str, int]) -> Any:
    if isinstance(value, Mapping) and set(value) == {states.MARK}:
        return {"bytes": files.get(str(value[states.MARK]))}
    return {"entries": len(value)} if isinstance(value, Mapping | list) else value
