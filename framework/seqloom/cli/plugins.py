"""``seqloom plugins``: what is installed, what each plugin provides, and what is wrong with it."""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, requires
from importlib.resources import files
from typing import Any

from seqloom.cli.options import HelpFormatter
from seqloom.errors import PluginError, SeqloomError
from seqloom.extras import install_command
from seqloom.plugins import KINDS, Command, Component, Pad, Plugin, registry, resolve
from seqloom.plugins.loading import known_names
from seqloom.plugins.registry import DISABLE_VARIABLE, disabled_by_environment, import_target
from seqloom.plugins.texts import parameter_texts


def plugins(arguments: list[str]) -> int:
    """Print the installed plugins; ``doctor`` checks them, and returns 1 if it finds problems."""
    options = _parser().parse_args(arguments)
    if options.action == "doctor":
        return doctor(as_json=options.json)
    found = registry().plugins
    if options.json:
        print(json.dumps([facts(plugin) for plugin in found], indent=2))
    else:
        print("\n".join([*map(described, found), *unknown_disabled()]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom plugins",
        description="List the installed plugins and their components. With 'doctor': import "
        "everything that they name and report problems; the exit status is 1 if there are any.",
        epilog=f"{DISABLE_VARIABLE}=NAME[,NAME…] in the environment disables plugins; "
        "disable_plugins=[NAME] does so for one run of seqloom train. A plugin that cannot be "
        "loaded is quarantined, and the others keep working. An import that hangs or kills the "
        "interpreter cannot be caught: disable or uninstall such a plugin.",
    )
    parser.add_argument("action", nargs="?", choices=["doctor"], help="look for problems")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def facts(plugin: Plugin) -> dict[str, object]:
    """Return what is known about a plugin, as plain data."""
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "state": state(plugin),
        "reason": plugin.reason,
        "conflicts": registry().conflicts(plugin),
        "seconds": round(plugin.seconds, 4),
        "components": [
            {
                "kind": part.kind,
                "name": part.name,
                "contested": (part.kind, part.name) in registry().contested,
            }
            for part in plugin.components
        ],
        "config_packages": list(plugin.config_packages),
        "commands": [command.name for command in plugin.commands],
        "pads": [pad.kind for pad in plugin.pads],
    }


def state(plugin: Plugin) -> str:
    """Return ``ok``, ``disabled``, ``quarantined``, or ``conflict`` with another plugin."""
    return "conflict" if registry().conflicts(plugin) else plugin.state


def described(plugin: Plugin) -> str:
    """Return a description of a plugin in a few lines."""
    loaded = f", loaded in {1000 * plugin.seconds:.0f} ms" if plugin.state == "ok" else ""
    lines = [f"{plugin.name} ({plugin.distribution} {plugin.version}): {state(plugin)}{loaded}"]
    if plugin.reason:
        lines.append(f"  {plugin.reason}")
    kinds = dict.fromkeys(part.kind for part in plugin.components)
    for kind in kinds:
        names = ", ".join(part.name for part in plugin.components if part.kind == kind)
        lines.append(f"  {kind}: {names}")
    if plugin.config_packages:
        lines.append(f"  configs: {', '.join(plugin.config_packages)}")
    if plugin.commands:
        lines.append(f"  commands: {', '.join(command.name for command in plugin.commands)}")
    if plugin.pads:
        lines.append(f"  pads: {', '.join(pad.kind for pad in plugin.pads)}")
    lines += [f"  {text}" for text in registry().conflicts(plugin)]
    return "\n".join(lines)


def unknown_disabled() -> list[str]:
    """Return a message for each name in the environment variable that disables nothing."""
    known = known_names()
    return [
        f"{DISABLE_VARIABLE} names {name!r}, which is not an installed plugin."
        for name in disabled_by_environment()
        if name not in known
    ]


@dataclass(frozen=True)
class Diagnosis:
    """What ``doctor`` reports on a plugin: problems, and remarks on what is not one."""

    plugin: Plugin
    problems: list[str]
    remarks: list[str]


def doctor(*, as_json: bool) -> int:
    """Print the problems of each plugin; return 1 if there are any."""
    found = [
        Diagnosis(one, list(_problems(one)), list(_remarks(one))) for one in registry().plugins
    ]
    general = unknown_disabled()
    if as_json:
        print(json.dumps({"plugins": list(map(_plain, found)), "problems": general}, indent=2))
    else:
        print("\n".join([*(line for one in found for line in _lines(one)), *general]))
    return 1 if general or any(one.problems for one in found) else 0


def _plain(found: Diagnosis) -> dict[str, Any]:
    return {
        "name": found.plugin.name,
        "distribution": found.plugin.distribution,
        "version": found.plugin.version,
        "state": state(found.plugin),
        "problems": found.problems,
        "remarks": found.remarks,
    }


def _lines(found: Diagnosis) -> Iterator[str]:
    plugin, count = found.plugin, len(found.problems)
    health = f"{count} {'problem' if count == 1 else 'problems'}" if count else plugin.state
    yield f"{plugin.name} ({plugin.distribution} {plugin.version}): {health}"
    yield from (f"  problem: {text}" for text in found.problems)
    yield from (f"  {text}" for text in found.remarks)


def _problems(plugin: Plugin) -> Iterator[str]:
    """Yield the problems of a plugin; a disabled one is not checked further."""
    if plugin.state == "quarantined":
        yield f"quarantined: {plugin.reason}"
    yield from registry().conflicts(plugin)
    if plugin.state != "ok":
        return
    yield from _of_requirements(plugin)
    if plugin.heavy:
        yield (
            f"importing {plugin.module} imports {', '.join(plugin.heavy)} ({plugin.seconds:.1f} s) "
            "at every start, also for shell completion. Import it in the modules of the classes, "
            "and name the classes by strings"
        )
    for part in plugin.components:
        yield from _of_component(part)
    for command in plugin.commands:
        yield from _of_target(command.target, f"the command {command.name!r}", command.extra)
    for pad in plugin.pads:
        yield from _of_pad(pad)
    for package in plugin.config_packages:
        yield from _of_presets(package)


def _of_requirements(plugin: Plugin) -> Iterator[str]:
    """Yield the requirements of the distribution that the installed seqloom does not satisfy."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    from seqloom import __version__

    try:
        texts = requires(plugin.distribution) or []
    except PackageNotFoundError:
        return
    for text in texts:
        try:
            needed = Requirement(text)
        except InvalidRequirement as error:
            yield (
                f"{plugin.distribution} has a requirement that cannot be read, {text!r}: "
                + (str(error).splitlines()[0])
            )
            continue
        if canonicalize_name(needed.name) != "seqloom":
            continue
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        if not needed.specifier.contains(__version__, True):
            yield f"{plugin.distribution} needs {text}, but this is seqloom {__version__}"


def _of_component(part: Component) -> Iterator[str]:
    from seqloom.config.store import register_configs

    if (part.kind, part.name) in registry().contested:
        return
    if (part.kind, part.name) in register_configs():
        yield f"{part.kind}={part.name}: {register_configs()[part.kind, part.name]}"
        return
    try:
        cls = resolve(part.kind, part.name)
    except PluginError as error:
        if not _lacks_extra(part.extra, error):
            yield str(error)
        return
    yield from _of_class(part, cls)
    for form, target in part.writers.items():
        yield from _of_target(target, f"the writer {form!r} of {part.kind}={part.name}")
    if part.sample:
        yield from _of_target(part.sample, f"the sample of {part.kind}={part.name}")


def _of_class(part: Component, cls: Any) -> Iterator[str]:
    """Yield what keeps a class from being what its component declares."""
    from seqloom.interfaces import Encoder, Frontend, Head, Reader

    base = {"data": Reader, "frontend": Frontend, "encoder": Encoder, "head": Head}[part.kind]
    label = f"{part.kind}={part.name}"
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        yield f"{label}: {part.target} does not derive from seqloom.interfaces.{base.__name__}"
        return
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        yield f"{label}: {part.target} does not implement {', '.join(missing)}"
    functions = [cls.__init__]
    if part.kind in ("frontend", "head"):
        functions.append(cls.make_codec)
    for function in functions:
        lacking = _not_taken(function, {field.name for field in fields(part.schema)})
        if lacking:
            yield f"{label}: {function.__qualname__}() does not take {', '.join(lacking)}"


def _not_taken(function: Any, names: set[str]) -> list[str]:
    known = inspect.signature(function).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known):
        return []
    return sorted(names - {one.name for one in known})


def _of_target(target: str, label: str, extra: str = "") -> Iterator[str]:
    try:
        import_target(target, label)
    except PluginError as error:
        if not _lacks_extra(extra, error):
            yield str(error)


def _of_pad(pad: Pad) -> Iterator[str]:
    """Yield what keeps a pad from working: a class or a file that is missing."""
    label = f"the pad for {pad.kind}"
    yield from _of_target(pad.target, label, pad.extra)
    try:
        there = {one.name for one in files(pad.page).iterdir()}
    except ModuleNotFoundError:
        yield f"{label}: its page {pad.page!r} is not installed"
        return
    if missing := sorted({"pad.html", "pad.js", "pad.css"} - there):
        yield f"{label}: {pad.page} has no {', '.join(missing)}"


def _of_presets(package: str) -> Iterator[str]:
    """Yield the YAML files of a package that cannot be composed, each on its own."""
    from hydra.utils import get_object
    from omegaconf import OmegaConf

    from seqloom.config.compose import composed
    from seqloom.plugins.options import options

    for option in options(package):
        group, _, name = option.rpartition("/")
        if not group or group.startswith("hydra"):
            continue
        try:
            found = composed("train", [f"{group}={name}"])
        except SeqloomError as error:
            yield f"its config {option!r}: {error}"
            continue
        plain: Any = OmegaConf.to_container(found)
        for target in _targets(plain.get(group)):
            try:
                get_object(target)
            except Exception as error:  # importing can raise anything
                reason = " ".join(str(error.__cause__ or error).split())
                yield f"its config {option!r}: {target} cannot be imported: {reason}"
        if group in KINDS and "name" not in found[group]:
            yield (
                f"its config {option!r} does not belong to a component. Begin it with "
                f"defaults: [/schema/{group}/NAME@_here_, _self_]"
            )


def _targets(section: Any) -> Iterator[str]:
    """Yield the import paths in a section and in those inside it."""
    if isinstance(section, dict):
        if isinstance(section.get("_target_"), str):
            yield section["_target_"]
        for one in section.values():
            yield from _targets(one)


def _lacks_extra(extra: str, error: PluginError) -> bool:
    """Return whether the only problem is that the libraries of an extra are not installed."""
    return bool(extra) and isinstance(error.__cause__, ImportError)


def _remarks(plugin: Plugin) -> Iterator[str]:
    """Yield what is worth knowing about a plugin but is not a problem."""
    if plugin.state == "disabled":
        yield f"disabled: {plugin.reason}"
    yield from (text for part in plugin.components for text in _of_texts(part))
    named: list[tuple[str, Component | Command | Pad]] = [
        (f"{part.kind}={part.name}", part) for part in plugin.components
    ]
    named += [(f"the command {one.name!r}", one) for one in plugin.commands]
    named += [(f"the pad for {one.kind}", one) for one in plugin.pads]
    for label, part in named:
        try:
            if part.extra:
                import_target(part.target, label)
        except PluginError as error:
            if _lacks_extra(part.extra, error):
                yield (
                    f"{label} needs libraries that are not installed: "
                    f"{install_command(part.extra, plugin.distribution)}"
                )


def _of_texts(part: Component) -> Iterator[str]:
    """Yield which parameters nothing is said of."""
    texts = parameter_texts(part.schema)
    untold = [one.name for one in fields(part.schema) if one.name not in texts]
    if untold:
        yield (
            f"{part.kind}={part.name}: seqloom explain has no text for {', '.join(untold)}. Add it "
            f"to the section Attributes in the docstring of {part.schema.__name__}"
        )
