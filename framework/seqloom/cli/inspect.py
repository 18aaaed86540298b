"""``seqloom inspect``: what a model is, what it was made with, and whether that is installed.

Nothing is loaded and no component is imported unless ``--check`` is given, so that a model whose
plugins are missing can be inspected too. Only a checkpoint needs torch.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.cli.options import HelpFormatter
from seqloom.errors import BundleError, DataError, plural, printable, shortened
from seqloom.files import finite, read_json, sha256
from seqloom.model import states, weights
from seqloom.model.compatibility import messages
from seqloom.model.description import (
    DESCRIPTION,
    MALFORMED,
    MODEL_KINDS,
    WEIGHTS,
    check_entry,
    find_bundle,
    origins,
    read_description,
    verify,
)
from seqloom.model.provenance import ComponentMatch, compare, installed
from seqloom.plugins import KINDS
from seqloom.sweep.folder import SweepFolder, read_plan
from seqloom.train.folder import RunFolder
from seqloom.train.stored_record import read_record
from seqloom.versions import versions

Facts = dict[str, Any]
WIDTH = 10
"""Width of the column of names."""
VERDICTS = {
    True: "Compatible with the installed plugins",
    False: "Not compatible with the installed plugins",
    None: "Whether it is compatible with the installed plugins is unknown",
}


def inspect(arguments: list[str]) -> int:
    """Print what is known about a model; with ``--check`` also load it, if it is a bundle.

    Raises:
        BundleError: The path is not a model, or ``--check`` is given and it cannot be loaded.
        RunError: It is a sweep whose plan is damaged.
    """
    options = _parser().parse_args(arguments)
    path: Path = options.model
    if SweepFolder(path).plan.is_file() and not is_bundle(path):
        read_plan(path)  # a sweep is no model, but first of all it must be one
    checkpoint = None if is_bundle(path) else _checkpoint(path)
    facts = checkpoint_facts(checkpoint) if checkpoint else bundle_facts(path)
    try:
        text = json.dumps(finite(facts), indent=2, ensure_ascii=False)
        print(text if options.json else page(facts))
    except RecursionError as error:
        raise BundleError(f"{path} is nested too deeply to be a model; copy it again.") from error
    return _check(Path(facts["path"]), bool(facts["compatible"])) if options.check else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom inspect",
        description="Show the components of a model, their versions, and whether they are "
        "compatible with the installed plugins. The model is loaded only with --check.",
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="bundle, run folder, or checkpoint"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--check",
        action="store_true",
        help="also load the model, if it is a bundle; the exit status is 1 if it cannot be used or "
        "does not record what it needs",
    )
    return parser


def _checkpoint(path: Path) -> Path | None:
    """Return the checkpoint at a path, or the last one of a run folder; None if there is none."""
    if path.is_file() and path.name not in (DESCRIPTION, WEIGHTS):
        return path
    last = RunFolder(path).last
    return last if last.is_file() else None


def _check(path: Path, compatible: bool) -> int:
    if not compatible:
        return 1
    if path.is_dir():
        from seqloom.model import bundle

        bundle.load(path)
    return 0


def is_bundle(path: Path) -> bool:
    """Return whether a path is a bundle, or a run folder with a bundle."""
    return any((folder / DESCRIPTION).is_file() for folder in (path, path / "bundle"))


def bundle_facts(path: Path) -> Facts:
    """Return what is known about a bundle, as plain data.

    Raises:
        BundleError: There is no bundle, or its description is damaged.
    """
    folder = find_bundle(path)
    found = read_description(folder)
    matches = compare(origins(found))
    files = {name: _file(folder, name, facts) for name, facts in found["files"].items()}
    problems = [one["state"] for one in files.values() if one["state"] != "ok"]
    # A model can be used without its data.
    compatible = all(one.compatible for one in matches if one.kind in MODEL_KINDS) and not problems
    return {
        "what": f"a bundle of format {found['format']}",
        "path": str(folder),
        "made": found.get("made"),
        "run": run_facts(folder.parent) if folder.name == "bundle" else None,
        "versions": compared_versions(found.get("versions", {})),
        "components": components(matches, found.get("data")),
        "weights": None if problems else weights.sizes(folder / WEIGHTS),
        "codecs": dict(codec_sizes(found["states"], {n: one["bytes"] for n, one in files.items()})),
        "metrics": found.get("metrics", {}),
        "files": files,
        "compatible": compatible,
        "messages": [*problems, *messages(matches)],
    }


def _file(folder: Path, name: str, facts: Mapping[str, Any]) -> Facts:
    try:
        verify(folder, name, facts)
        state = "ok"
    except BundleError as error:
        state = str(error)
    return {"bytes": facts["bytes"], "sha256": facts["sha256"], "state": state}


def run_facts(folder: Path) -> Facts | None:
    """Return what a run folder records about the run; None if it is not a run folder."""
    try:
        found = read_record(RunFolder(folder).record)
    except DataError as error:
        return {"state": "damaged", "error": str(error)}
    except OSError:
        return None
    keys = ("state", "started", "seconds", "epochs", "seed", "overrides", "error")
    return {key: found[key] for key in keys if key in found}


def compared_versions(recorded: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the recorded and the installed version by name."""
    here = versions()
    return {
        name: {"recorded": one, "here": here.get(name, "unknown")} for name, one in recorded.items()
    }


def components(matches: Sequence[ComponentMatch], data: Mapping[str, Any] | None = None) -> Facts:
    """Return the recorded components by kind, with the installed ones.

    Args:
        matches: Components whose plugins are recorded.
        data: Section of the data component, all that older models record about it.
    """
    found = {one.kind: _component_facts(one) for one in matches}
    if data and "data" not in found:
        params = {key: value for key, value in data.items() if key != "name"}
        found["data"] = {"name": data.get("name"), "parameters": params, "state": "not recorded"}
    return {kind: found[kind] for kind in KINDS if kind in found}


def _component_facts(one: ComponentMatch) -> Facts:
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


def codec_sizes(stored: Any, files: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    """Yield each entry of the codecs' states by name, with its value or its size.

    Args:
        stored: Stored states.
        files: Sizes of the files that stand for some of the entries.
    """
    if not isinstance(stored, Mapping):
        return
    heads = stored.get("heads")
    parts = {"frontend": stored.get("frontend"), **(heads if isinstance(heads, Mapping) else {})}
    for part, state in parts.items():
        for name, value in state.items() if isinstance(state, Mapping) else ():
            yield f"{part}.{name}", _entry_size(value, files)


def _entry_size(value: Any, files: Mapping[str, int]) -> Any:
    if isinstance(value, Mapping) and set(value) == {states.MARK}:
        return {"bytes": files.get(str(value[states.MARK]))}
    return {"entries": len(value)} if isinstance(value, Mapping | list) else value


def checkpoint_facts(path: Path) -> Facts:
    """Return what is known about a checkpoint, as plain data.

    Raises:
        BundleError: The file is not a seqloom checkpoint.
        RunError: The file cannot be read.
    """
    from seqloom.train.checkpoints.files import WrongCheckpointError, read_checkpoint

    try:
        return _checkpoint_facts(path, read_checkpoint(path))
    except (*MALFORMED, WrongCheckpointError) as error:  # torch.save writes any object
        raise BundleError(
            f"{path} is not a seqloom checkpoint. Pass a checkpoint or a bundle."
        ) from error


def _checkpoint_facts(path: Path, found: dict[str, Any]) -> Facts:
    from seqloom.train.checkpoints.callbacks import COMPONENTS_KEY
    from seqloom.train.checkpoints.progress import progress_of
    from seqloom.train.folder import RunFolder

    recorded = found.get(COMPONENTS_KEY, {})
    for entry in recorded.get("components", {}).values():
        check_entry(entry)
    matches = compare(recorded.get("components", {}))
    run = RunFolder(path.absolute().parent.parent)
    unknown = [] if matches else ["It does not record which plugins it was made with."]
    return {
        "what": f"a checkpoint {progress_of(path, found)}",
        "path": str(path),
        "made": recorded.get("made"),
        "run": run_facts(run.path),
        "versions": compared_versions(recorded.get("versions", {})),
        "components": components(matches),
        "weights": weights.by_component(  # model.encoder… here, pipeline.encoder… in seqloom 0.1
            (name.partition(".")[2], one.numel(), one.numel() * one.element_size())
            for name, one in found["state_dict"].items()
        ),
        "codecs": _codecs(run.codecs, run.codec_files),
        "metrics": {},
        "files": {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256(path), "state": "readable"}
        },
        "compatible": all(one.compatible for one in matches) if matches else None,
        "messages": [*unknown, *messages(matches)],
    }


def _codecs(file: Path, folder: Path) -> dict[str, Any]:
    try:
        stored = read_json(file)["states"]
    except (OSError, DataError, *MALFORMED):
        return {}
    files = {one.name: one.stat().st_size for one in folder.glob("*")}
    return dict(codec_sizes(stored, files))


def page(facts: Facts) -> str:
    """Return the facts as lines of text."""
    made = f", made {facts['made']}" if facts["made"] else ""
    lines = [f"{facts['path']}: {facts['what']}{made}"]
    for name, texts in _rows(facts):
        for number, text in enumerate(texts):
            lines.append(f"  {'' if number else name:<{WIDTH}} {text}")
    lines.append(f"{VERDICTS[facts['compatible']]}{':' if facts['messages'] else '.'}")
    lines += [f"  {text}" for text in facts["messages"]]
    return "\n".join(printable(shortened(line)) for line in lines)


def _rows(facts: Facts) -> Iterator[tuple[str, list[str]]]:
    if facts["run"]:
        yield "run", [_pairs(facts["run"], but="overrides"), *_overrides(facts["run"])]
    yield "made with", [", ".join(_version(n, one) for n, one in facts["versions"].items())]
    for kind, one in facts["components"].items():
        yield kind, [_component(one), _pairs(one["parameters"])]
    if facts["weights"]:
        sizes = {"total": weights.total(facts["weights"]), **facts["weights"]}
        yield "weights", [f"{part}: {_sizes(one)}" for part, one in sizes.items()]
    yield "codecs", [f"{name}: {_entry(one)}" for name, one in facts["codecs"].items()]
    yield "metrics", [f"{split}: {_pairs(one)}" for split, one in facts["metrics"].items()]
    yield (
        "files",
        [
            f"{name}: {one['bytes']:,} bytes, SHA-256 {one['sha256']}, {_file_state(one['state'])}"
            for name, one in facts["files"].items()
        ],
    )


def _version(name: str, one: Mapping[str, str]) -> str:
    same = one["recorded"] == one["here"]
    return f"{name} {one['recorded']}{'' if same else ' (installed: ' + one['here'] + ')'}"


def _component(one: Facts) -> str:
    if "plugin" not in one:
        return f"{one['name']}, from a plugin that is not recorded"
    recorded = f"{one['name']} from {_distribution(one)} ({one['plugin']})"
    here = one["here"]
    if not here:
        return f"{recorded}; not installed"
    schema = "same parameters" if one["same_schema"] else "other parameters"
    return f"{recorded}; installed: {_distribution(here)}, {schema}"


def _distribution(one: Facts) -> str:
    """Return the distribution of a component with its version, commit and kind of install."""
    commit = f", commit {one['commit']}" if "commit" in one else ""
    editable = ", editable" if one.get("editable") else ""
    return f"{one['distribution']} {one['version']}{commit}{editable}"


def _overrides(run: Facts) -> list[str]:
    overrides = run.get("overrides")
    return [" ".join(map(str, overrides))] if overrides and isinstance(overrides, list) else []


def _pairs(values: Mapping[str, Any], but: str = "") -> str:
    return ", ".join(f"{key} {_value(one)}" for key, one in values.items() if key != but)


def _value(one: Any) -> str:
    if isinstance(one, float):
        return f"{one:.6g}"
    if isinstance(one, Mapping):
        return f"({_pairs(one)})"
    return "none" if one is None else str(one)


def _entry(one: Any) -> str:
    if isinstance(one, Mapping):
        return ", ".join(f"{value:,} {unit}" for unit, value in one.items() if value is not None)
    return _value(one)


def _sizes(one: Mapping[str, int]) -> str:
    return f"{one['numbers']:,} {plural(one['numbers'], 'number')}, {one['bytes']:,} bytes"


def _file_state(state: str) -> str:
    return state if state in {"ok", "readable"} else "damaged"
