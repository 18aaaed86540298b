"""Save and load bundles: folders of weights and a description, without executable code.

``model.safetensors`` holds the weights; ``bundle.json`` names the components with their parameters
and plugins, the codecs' states, the metrics, and every file of the folder with its SHA-256.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model as load_weights
from safetensors.torch import save_model
from torch import Tensor, nn

from seqloom.errors import (
    BundleError,
    Cause,
    ConfigError,
    PluginError,
    did_you_mean,
    printable,
)
from seqloom.files import atomic_folder, finite, sha256
from seqloom.model import compatibility, provenance
from seqloom.model.build import Spec, States, build_codecs, build_pipeline
from seqloom.model.description import (
    DESCRIPTION,
    FORMAT,
    MODEL_KINDS,
    WEIGHTS,
    components_to_store,
    find_bundle,
    origins,
    read_description,
    verify,
)
from seqloom.model.mismatch import mismatch
from seqloom.model.pipeline import Model, Pipeline
from seqloom.model.provenance import ComponentMatch, compare, incompatible
from seqloom.model.sections import changed, typed
from seqloom.model.size_limit import SizeLimit, TooLargeError
from seqloom.model.states import read as read_states
from seqloom.model.states import write as write_states
from seqloom.plugins import registry
from seqloom.seal import sealed
from seqloom.versions import versions

log = logging.getLogger("seqloom")

LONGEST = 500
"""Maximum number of characters of an error in a message."""


def save(
    pipeline: Pipeline,
    folder: Path,
    *,
    spec: Spec,
    states: States,
    metrics: Mapping[str, Any] | None = None,
    splits: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write a pipeline as a bundle, which replaces an existing one.

    Args:
        pipeline: Pipeline to save.
        folder: Folder to write; its parents are created.
        spec: Component sections by kind; ``data`` is stored for ``evaluate``.
        states: States of the codecs.
        metrics: Metrics to store with the model.
        splits: Number and digest of the examples of each split, for ``evaluate``.

    Raises:
        RunError: The folder cannot be written.
    """
    with atomic_folder(folder) as draft:
        write_weights(pipeline.model, draft / WEIGHTS)
        plain_states = write_states(states, draft)
        files = {
            path.name: {"sha256": sha256(path), "bytes": path.stat().st_size}
            for path in sorted(draft.iterdir())
        }
        description = {
            "format": FORMAT,
            "made": provenance.now(),
            "components": components_to_store(
                {kind: provenance.entry(kind, spec[kind]) for kind in MODEL_KINDS}
            ),
            "data": dict(spec["data"]) if "data" in spec else None,
            "data_component": _data_component(spec),
            "states": plain_states,
            "metrics": finite(dict(metrics or {})),
            "splits": dict(splits or {}),
            "versions": versions(),
            "files": files,
        }
        text = json.dumps(sealed(description), ensure_ascii=False, allow_nan=False)
        (draft / DESCRIPTION).write_text(text, encoding="utf-8")


def write_weights(model: nn.Module, path: Path) -> None:
    """Write the weights and buffers of a network to a safetensors file.

    Raises:
        OSError: The file cannot be written.
    """
    path.touch()
    mode = path.stat().st_mode  # according to the user's umask; safetensors would exclude others
    _separate(model)
    try:
        save_model(model, str(path))
    except SafetensorError as error:
        raise OSError(str(error)) from error
    path.chmod(mode)


def read_weights(model: nn.Module, path: Path) -> None:
    """Load what `write_weights` wrote; raises a RuntimeError or SafetensorError otherwise."""
    _separate(model)
    load_weights(model, str(path))


def _separate(model: nn.Module) -> None:
    """Copy each weight that is part of a tensor of which no weight is the whole.

    safetensors refuses these. Of a weight and a part of it, it stores the whole one.
    """
    weights = [*model.parameters(), *model.buffers()]
    whole = {_storage(one) for one in weights if not _is_part(one)}
    for one in weights:
        if _is_part(one) and _storage(one) not in whole:
            one.data = one.data.clone()


def _is_part(weight: Tensor) -> bool:
    return weight.untyped_storage().nbytes() > weight.numel() * weight.element_size()


def _storage(weight: Tensor) -> int:
    return weight.untyped_storage().data_ptr()


def load(
    folder: str | Path,
    *,
    device: torch.device | str = "cpu",
    head: Mapping[str, Any] | None = None,
) -> Pipeline:
    """Return the pipeline of a bundle, ready to predict.

    Nothing in the folder is executed; components are found among the installed plugins.

    Args:
        folder: Bundle, or run folder with a bundle in it.
        device: Device of its weights.
        head: Parameters of decoding that replace those of the stored head.

    Raises:
        ConfigError: The head does not have a parameter, or rejects its value.
        BundleError: The folder is not a bundle, is damaged or too new, or needs a plugin that is
            not installed.
    """
    path = find_bundle(Path(folder))
    description = read_description(path)
    for file, facts in description["files"].items():
        verify(path, file, facts)
    matches = compare(description["components"])
    told = compatibility.messages(matches)
    _refuse_incompatible(path, matches)
    info = _as_here(description, matches)
    pipeline = _built(path, info, head or {}, told)
    _load_weights(path, pipeline.model, told, other_head=bool(head))
    for sentence in told:
        log.warning("%s: %s", path, sentence)
    pipeline.info, pipeline.folder = info, path
    pipeline.model.eval()
    return pipeline.to(device)


def _built(
    path: Path, info: Mapping[str, Any], head: Mapping[str, Any], told: Sequence[str]
) -> Pipeline:
    """Return the pipeline of a description, without weights; ``told`` is added to errors."""
    limit = SizeLimit.of(path / WEIGHTS)
    try:
        stored = _spec(info)
        spec = _with_head({kind: typed(kind, stored[kind]) for kind in MODEL_KINDS}, head)
        states = read_states(info["states"], path, info["files"])
        with limit():
            return build_pipeline(spec, build_codecs(spec, states))
    except TooLargeError as error:
        if head:
            raise ConfigError(_unlike_head(path, str(error))) from error
        raise BundleError(
            f"{path / DESCRIPTION} does not match its weights: {error}. Copy the bundle again; if "
            "that does not help, it was tampered with.",
            cause=Cause.damaged_bundle,
        ) from error
    except PluginError as error:
        raise BundleError(" ".join([f"{path} cannot be loaded. {error}", *told])) from error
    except BundleError:
        raise
    except Exception as error:  # a component may raise anything for values that no training writes
        if head and isinstance(error, ConfigError):
            raise
        damaged = f"{path / DESCRIPTION} is damaged, or does not match the installed plugins"
        said = printable(repr(error)[:LONGEST])
        raise BundleError(
            " ".join([f"{damaged}: {said}. Copy the bundle again.", *told]),
            cause=Cause.damaged_bundle,
        ) from error


def _unlike_head(path: Path, said: str) -> str:
    return (
        f"The weights of {path} do not match its head with these parameters: "
        f"{said.removesuffix('.')}. Only decoding parameters of the head can be changed."
    )


def _load_weights(path: Path, model: Model, told: Sequence[str], *, other_head: bool) -> None:
    try:
        read_weights(model, path / WEIGHTS)
    except (RuntimeError, SafetensorError) as error:
        said = f"{mismatch(error)}."
        if other_head:
            raise ConfigError(_unlike_head(path, said)) from error
        unlike = f"The weights of {path} do not match its description: {said}"
        raise BundleError(" ".join([unlike, *told])) from error


def sections(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return the sections of a model's frontend, encoder and head for the installed plugins.

    Args:
        path: Bundle, or run folder with a bundle.

    Raises:
        BundleError: It is not a bundle, or a component is incompatible with the installed plugins.
    """
    folder = find_bundle(Path(path))
    description = read_description(folder)
    matches = compare(description["components"])
    _refuse_incompatible(folder, matches)
    return _spec(_as_here(description, matches))


def stored_data(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the section of the data that a model was trained on, for the installed plugins.

    Args:
        info: Attribute ``info`` of a loaded pipeline.

    Returns:
        The section; None if the model does not record it.

    Raises:
        BundleError: The data component is incompatible with the installed plugins.
    """
    if bad := incompatible(_data(info)):
        said = " ".join(compatibility.messages(bad))
        raise BundleError(
            f"The data of this model cannot be read. {said} Or choose other data: data=NAME."
        )
    section: dict[str, Any] | None = info.get("data")
    return section


def _data(description: Mapping[str, Any]) -> list[ComponentMatch]:
    """Return the match of the data component; older bundles do not record its origin."""
    return [one for one in compare(origins(description)) if one.kind == "data"]


def _data_component(spec: Spec) -> dict[str, Any] | None:
    """Return the origin of a spec's data component; its section is stored under ``data``."""
    entry = provenance.entries({"data": spec.get("data")}).get("data", {})
    return {key: one for key, one in entry.items() if key != "section"} or None


def _refuse_incompatible(path: Path, matches: Sequence[ComponentMatch]) -> None:
    if bad := incompatible(matches):
        raise BundleError(
            f"{path} cannot be loaded. {' '.join(compatibility.messages(bad))}",
            cause=Cause.no_component,
        )


def _as_here(description: Mapping[str, Any], matches: Sequence[ComponentMatch]) -> dict[str, Any]:
    """Return a description with its components' sections for the installed plugins."""
    taken = {one.kind: {**one.entry, "section": one.section()} for one in matches}
    found = {**description, "components": taken}
    (data,) = _data(description) or (None,)
    return {**found, "data": data.section()} if data and data.compatible else found


def _spec(description: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {kind: description["components"][kind]["section"] for kind in MODEL_KINDS}


def _with_head(spec: Spec, head: Mapping[str, Any]) -> Spec:
    """Return a spec with other parameters of the head."""
    known = {one.name for one in fields(registry().find("head", spec["head"]["name"]).schema)}
    for key in head.keys() - known:
        raise ConfigError(
            f"head.{key}: {spec['head']['name']} has no such parameter. {did_you_mean(key, known)}",
            cause=Cause.unknown_key,
        )
    return {**spec, "head": changed("head", spec["head"], head)} if head else spec
