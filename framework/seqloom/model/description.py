"""Read a bundle's description, ``bundle.json``, and verify the files that it lists.

Nothing here imports torch, so a model can be inspected where it cannot be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqloom.errors import BundleError, Cause, DataError, printable
from seqloom.extras import update_command
from seqloom.files import read_json, sha256
from seqloom.plugins import Kind
from seqloom.seal import KEY, is_changed

FORMAT = 2
DESCRIPTION = "bundle.json"
WEIGHTS = "model.safetensors"
MODEL_KINDS: tuple[Kind, ...] = ("frontend", "encoder", "head")
MALFORMED = (AttributeError, LookupError, RecursionError, TypeError)
"""Errors of Python for plain data with unexpected types or depth."""


def find_bundle(path: Path) -> Path:
    """Return the bundle at a path: the folder itself, or ``bundle`` in a run folder.

    Raises:
        BundleError: There is none.
    """
    for candidate in (path, path / "bundle"):
        if (candidate / DESCRIPTION).is_file():
            return candidate
    if (path / "sweep.json").is_file():
        raise BundleError(
            f"{path} is a sweep. Pass one of its trials; seqloom sweep show {path} compares them.",
            cause=Cause.no_bundle,
        )
    state = "does not exist"
    if path.exists():
        state = "has no bundle.json" if path.is_dir() else "is a file, not a folder"
    raise BundleError(
        f"{path} {state}. Pass a bundle, or the folder of a run that has finished.",
        cause=Cause.no_bundle,
    )


def read_description(path: Path) -> dict[str, Any]:
    """Return the description of a bundle, after checking its form.

    Raises:
        BundleError: It is damaged or of a newer format.
    """
    file = path / DESCRIPTION
    try:
        found = read_json(file)
        number = int(found["format"])
    except DataError as error:
        raise BundleError(
            f"{error} The bundle is damaged; copy it again.", cause=Cause.damaged_bundle
        ) from error
    except OSError as error:
        raise BundleError(
            f"{file} cannot be read: {error.strerror or error}. Check its permissions."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{file} is damaged: {error}; copy it again.", cause=Cause.damaged_bundle
        ) from error
    if number > FORMAT:
        made = found.get("versions")
        made_by = made.get("seqloom") if isinstance(made, dict) else "of a newer version"
        raise BundleError(
            f"{path} is of format {number}, made by seqloom {printable(str(made_by))}; this "
            f"seqloom reads formats up to {FORMAT}. Update it: {update_command()}",
            cause=Cause.newer_bundle,
        )
    changed = is_changed(found)
    try:
        if isinstance(found.get("components"), dict):
            found["components"] = _with_only_head(found, path)
        _refuse_missing(found, file)
        _refuse_nonsense(found)
    except MALFORMED as error:
        raise BundleError(
            f"{file} is damaged: {error!r}; copy it again.", cause=Cause.damaged_bundle
        ) from error
    if changed:
        raise BundleError(
            f"{file} was changed after the bundle was made; copy the bundle again. If the change "
            f"was intended, remove the field {KEY!r} from it.",
            cause=Cause.damaged_bundle,
        )
    found.pop(KEY, None)
    return {"data": None, **{key: {} for key in ("metrics", "versions", "splits")}, **found}


def _with_only_head(found: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the components of a description, with its only head as ``head``.

    Format 2 has ``heads``, entries by name; format 1 had ``head``, one entry.

    Raises:
        BundleError: There are several heads.
    """
    components = dict(found["components"])
    if int(found["format"]) < 2 or "heads" not in components:
        return components
    heads = components.pop("heads")
    if len(heads) > 1:
        names = printable(", ".join(map(str, heads)))
        raise BundleError(
            f"{path} has several heads ({names}); this seqloom loads models with one. "
            f"Update it: {update_command()}",
            cause=Cause.newer_bundle,
        )
    return components | dict(zip(["head"], heads.values(), strict=False))


def components_to_store(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return components' entries by kind as a bundle stores them: the heads by name."""
    others = {kind: entry for kind, entry in entries.items() if kind != "head"}
    head = entries["head"]
    return {**others, "heads": {head["section"]["name"]: head}}


def _refuse_missing(found: Mapping[str, Any], file: Path) -> None:
    missing = {"components", "states", "files"} - set(found)
    if not missing:
        missing = {
            f"the {kind} among its components" for kind in set(MODEL_KINDS) - {*found["components"]}
        }
    if others := set(found.get("components", ())) - set(MODEL_KINDS):
        raise BundleError(
            f"{file} has components of other kinds: {printable(', '.join(map(str, others)))}. "
            "Do not use this bundle: it was tampered with.",
            cause=Cause.tampered_bundle,
        )
    if not missing and WEIGHTS not in found["files"]:
        missing = {f"{WEIGHTS} among its files"}
    if missing:
        lacking = ", ".join(sorted(missing))
        raise BundleError(
            f"{file} is damaged: it lacks {lacking}; copy it again.", cause=Cause.damaged_bundle
        )


def _refuse_nonsense(found: Mapping[str, Any]) -> None:
    """Reject entries of other types than ``save`` writes, with the error that Python raises."""
    for entry in origins(found).values():
        check_entry(entry)
    for key in ("metrics", "versions", "splits"):
        _expect(found.get(key, {}), dict, key)
    for split, facts in found.get("splits", {}).items():
        _expect(facts, dict, f"the data of {split}")
        _expect(facts["examples"], int, f"the number of examples of {split}")
    for split, metrics in found.get("metrics", {}).items():
        _expect(metrics, dict, f"the metrics of {split}")
    if found.get("data") is not None:
        _expect(found["data"], dict, "data")
    for name, facts in found["files"].items():
        _expect(facts["sha256"], str, f"the SHA-256 of {name}")
        _expect(facts["bytes"], int, f"the size of {name}")


def origins(description: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the entries of a description's components by kind, including its data.

    Older bundles do not have an entry of their data.
    """
    data, section = description.get("data_component"), description.get("data")
    known = {"data": {**data, "section": section}} if data and section else {}
    return {**description["components"], **known}


def check_entry(entry: Mapping[str, Any]) -> None:
    """Reject an invalid entry of a component, with the error that Python raises."""
    _expect(entry["section"]["name"], str, "the name of a component")
    for key in ("plugin", "distribution", "version", "schema"):
        _expect(entry[key], str, key)
    _expect(entry.get("commit", ""), str, "commit")
    _expect(entry.get("editable", True), bool, "editable")


def _expect(value: object, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{what} is {value!r}, not of type {kind.__name__}")


def verify(folder: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Check that a file of a bundle is unchanged.

    Args:
        folder: Bundle.
        name: Name of the file.
        facts: Its ``bytes`` and ``sha256``, from the description.

    Raises:
        BundleError: The file is missing, truncated or changed, or is not directly in the folder.
    """
    if name in {"", ".", ".."} or set(name) & set("/\\:") or not name.isprintable():
        raise BundleError(
            f"{folder / DESCRIPTION} names the file {name!r}, which is not simply a name in its "
            "own folder. Do not use this bundle: it was tampered with.",
            cause=Cause.tampered_bundle,
        )
    path = folder / name
    if not path.is_file():
        raise BundleError(
            f"{path} is missing from the bundle; copy the bundle again.", cause=Cause.damaged_bundle
        )
    size = path.stat().st_size
    if size != facts["bytes"]:
        raise BundleError(
            f"{path} has {size} bytes, not {facts['bytes']}: it was cut short or changed; "
            "copy the bundle again.",
            cause=Cause.damaged_bundle,
        )
    if sha256(path) != facts["sha256"]:
        raise BundleError(
            f"{path} was changed after the bundle was made; copy the bundle again.",
            cause=Cause.damaged_bundle,
        )
