"""A model that can be shared: a folder of weights and a description, nothing executable.

``model.safetensors`` holds the weights; ``bundle.json`` names the components with their parameters
and plugins, the codecs' states, the metrics, and every file of the folder with its SHA-256.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from seqloom.errors import BundleError, ConfigError, PluginError, SeqloomError, did_you_mean
from seqloom.files import atomic_folder, finite, sha256
from seqloom.model.build import Spec, States, build_codecs, build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.model.states import read as read_states
from seqloom.model.states import write as write_states
from seqloom.plugins import Kind, registry, schema_hash
from seqloom.versions import versions

FORMAT = 1
DESCRIPTION = "bundle.json"
WEIGHTS = "model.safetensors"
PARTS: tuple[Kind, ...] = ("frontend", "encoder", "head")


def save(
    pipeline: Pipeline,
    folder: Path,
    *,
    spec: Spec,
    states: States,
    metrics: Mapping[str, Any] | None = None,
) -> None:
    """Write a pipeline as a bundle; a bundle that was there is replaced whole.

    Args:
        pipeline: with its weights.
        folder: to write; its parents are made.
        spec: the component sections by kind; ``data`` among them is kept for ``evaluate``.
        states: of the codecs.
        metrics: to keep with the model.

    Raises:
        RunError: the folder cannot be written.
    """
    with atomic_folder(folder) as draft:
        _write_weights(pipeline, draft / WEIGHTS)
        plain_states = write_states(states, draft)
        files = {
            path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
            for path in sorted(draft.iterdir())
        }
        description = {
            "format": FORMAT,
            "components": {kind: _component(kind, spec[kind]) for kind in PARTS},
            "data": dict(spec["data"]) if "data" in spec else None,
            "states": plain_states,
            "metrics": finite(dict(metrics or {})),
            "versions": versions(),
            "files": files,
        }
        text = json.dumps(description, ensure_ascii=False, allow_nan=False)
        (draft / DESCRIPTION).write_text(text, encoding="utf-8")


def _write_weights(pipeline: Pipeline, path: Path) -> None:
    path.touch()
    mode = path.stat().st_mode  # as the user's umask has it; safetensors would shut others out
    try:
        save_model(pipeline, str(path))
    except SafetensorError as fault:
        raise OSError(str(fault)) from fault
    path.chmod(mode)


def _component(kind: Kind, section: Mapping[str, Any]) -> dict[str, Any]:
    plugin = registry().owner(kind, section["name"])
    return {
        "section": dict(section),
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "schema": schema_hash(registry().find(kind, section["name"])),
    }


def load(folder: str | Path, *, head: Mapping[str, Any] | None = None) -> Pipeline:
    """Return the pipeline of a bundle, ready to predict, on the CPU.

    Nothing in the folder is executed; components are found among the installed plugins.

    Args:
        folder: the bundle, or a run's folder with a bundle in it.
        head: parameters that its head is to have in place of those of its training: how it decodes.

    Raises:
        ConfigError: the head has no such parameter, or refuses it.
        BundleError: it is not a bundle, is damaged, too new, or needs a plugin that is absent.
    """
    path = find(Path(folder))
    description = read_description(path)
    try:
        for file, facts in description["files"].items():
            _verify(path, file, facts)
        spec = _changed(_spec(description), head or {})
        codecs = build_codecs(spec, read_states(description["states"], path))
        pipeline = build_pipeline(spec, codecs)
    except PluginError as fault:
        raise BundleError(f"{path} cannot be loaded. {_wanted(description, fault)}") from fault
    except BundleError:
        raise
    except (SeqloomError, AttributeError, LookupError, TypeError, ValueError) as fault:
        if head and isinstance(fault, ConfigError):
            raise
        raise BundleError(
            f"{path / DESCRIPTION} is damaged, or does not fit the installed plugins: {fault!r}. "
            f"Copy the bundle again{_outdated(description)}."
        ) from fault
    try:
        load_model(pipeline, str(path / WEIGHTS))
    except (RuntimeError, SafetensorError) as fault:
        if head:
            raise ConfigError(
                f"The weights of {path} do not fit its head with other parameters: {fault} Change "
                "only how the head decodes."
            ) from fault
        raise BundleError(f"The weights of {path} do not fit its description: {fault}") from fault
    pipeline.info = description
    return pipeline.eval()


def plain(params: Any) -> dict[str, Any]:
    """Return a component's parameters, an instance of its schema, as plain types."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(params)))
    return found


def _spec(description: Mapping[str, Any]) -> Spec:
    """Return the sections by kind of a description whose form is checked."""
    for entry in description["components"].values():
        for key in ("plugin", "distribution", "version", "schema"):
            if not isinstance(entry[key], str):
                raise TypeError(f"{key} is {entry[key]!r}, not a text")
    data = description.get("data")
    if data is not None and not isinstance(data, dict):
        raise TypeError(f"data is {data!r}, not an object")
    return {kind: description["components"][kind]["section"] for kind in PARTS}


def _changed(spec: Spec, head: Mapping[str, Any]) -> Spec:
    """Return a spec with other parameters of the head."""
    known = {one.name for one in fields(registry().find("head", spec["head"]["name"]).schema)}
    for key in head.keys() - known:
        raise ConfigError(
            f"head.{key}: {spec['head']['name']} has no such parameter. {did_you_mean(key, known)}"
        )
    return {**spec, "head": {**spec["head"], **head}}


def _outdated(description: Mapping[str, Any]) -> str:
    """Say which distributions are of other versions here than where the bundle was made."""
    try:
        return "".join(
            f', or install what it was made with: pip install "{entry["distribution"]}=='
            f'{entry["version"]}" (here: {owner.version})'
            for kind, entry in description["components"].items()
            if (owner := registry().owner(kind, entry["section"]["name"])).version
            != entry["version"]
        )
    except (SeqloomError, AttributeError, LookupError, TypeError):
        return ""


def find(path: Path) -> Path:
    """Return the bundle that a path means: the folder itself, or ``bundle`` in a run's folder.

    Raises:
        BundleError: there is none.
    """
    for candidate in (path, path / "bundle"):
        if (candidate / DESCRIPTION).is_file():
            return candidate
    sweep = path / "sweep.json"
    if sweep.is_file():
        best = json.loads(sweep.read_text(encoding="utf-8")).get("best")
        raise BundleError(f"{path} is a sweep; give one of its trials. The best is {best}.")
    state = "is there, but has no bundle.json in it" if path.exists() else "does not exist"
    raise BundleError(f"{path} {state}; give a bundle, or the folder of a run that has finished.")


def read_description(path: Path) -> dict[str, Any]:
    """Return the description of a bundle, checked for its format.

    Raises:
        BundleError: it is damaged or of a newer format.
    """
    try:
        found = json.loads((path / DESCRIPTION).read_text(encoding="utf-8"))
        number = int(found["format"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as fault:
        raise BundleError(f"{path / DESCRIPTION} is damaged: {fault}; copy it again.") from fault
    if number > FORMAT:
        made_by = found.get("versions", {}).get("seqloom", "a newer version")
        raise BundleError(
            f"{path} is of format {number}, made by seqloom {made_by}; this seqloom reads formats "
            f"up to {FORMAT}. Update it: pip install --upgrade seqloom"
        )
    missing = {"components", "states", "files"} - set(found)
    if not missing:
        missing = {
            f"the {kind} among its components" for kind in set(PARTS) - {*found["components"]}
        }
    if others := set(found.get("components", ())) - set(PARTS):
        raise BundleError(
            f"{path / DESCRIPTION} has components of other kinds: {', '.join(map(str, others))}. "
            "Do not use this bundle: it was tampered with."
        )
    if not missing and WEIGHTS not in found["files"]:
        missing = {f"{WEIGHTS} among its files"}
    if missing:
        lacking = ", ".join(sorted(missing))
        raise BundleError(f"{path / DESCRIPTION} is damaged: it lacks {lacking}; copy it again.")
    return cast("dict[str, Any]", found)


def _verify(folder: Path, name: str, facts: Mapping[str, Any]) -> None:
    if name in {"", ".", ".."} or set(name) & set("/\\:"):
        raise BundleError(
            f"{folder / DESCRIPTION} names the file {name!r}, which is not simply a name in its "
            "own folder. Do not use this bundle: it was tampered with."
        )
    path = folder / name
    if not path.is_file():
        raise BundleError(f"{path} is missing from the bundle; copy the bundle again.")
    size = path.stat().st_size
    if size != facts["bytes"]:
        raise BundleError(
            f"{path} has {size} bytes, not {facts['bytes']}: it was cut short or changed; "
            "copy the bundle again."
        )
    if sha256(path) != facts["sha256"]:
        raise BundleError(f"{path} was changed since the bundle was made; copy the bundle again.")


def _wanted(description: Mapping[str, Any], fault: PluginError) -> str:
    """Say which distributions would provide what is absent."""
    needs = []
    for kind, entry in description["components"].items():
        if (kind, entry["section"]["name"]) not in registry().components:
            needs.append(
                f"It needs {kind}={entry['section']['name']} from {entry['distribution']} "
                f'{entry["version"]}: pip install "{entry["distribution"]}>={entry["version"]}".'
            )
    return " ".join(needs) + registry().absent() if needs else str(fault)
