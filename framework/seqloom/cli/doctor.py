"""``seqloom plugins doctor``: whatever is wrong with the installed plugins, in sentences."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, requires
from typing import Any

from seqloom.cli.plugins import idle, state
from seqloom.errors import PluginError, SeqloomError
from seqloom.plugins import KINDS, Command, Component, Plugin, registry, resolve
from seqloom.plugins.registry import import_target


@dataclass(frozen=True)
class Finding:
    """What there is to say of a plugin: what is wrong, and what is only worth knowing."""

    plugin: Plugin
    faults: list[str]
    remarks: list[str]


def doctor(*, as_json: bool) -> int:
    """Print what is wrong with each plugin; return 1 if anything is."""
    found = [Finding(one, list(_faults(one)), list(_remarks(one))) for one in registry().plugins]
    general = idle()
    if as_json:
        print(json.dumps({"plugins": list(map(_plain, found)), "faults": general}, indent=2))
    else:
        print("\n".join([*(line for one in found for line in _lines(one)), *general]))
    return 1 if general or any(one.faults for one in found) else 0


def _plain(found: Finding) -> dict[str, Any]:
    return {
        "name": found.plugin.name,
        "distribution": found.plugin.distribution,
        "version": found.plugin.version,
        "state": state(found.plugin),
        "faults": found.faults,
        "remarks": found.remarks,
    }


def _lines(found: Finding) -> Iterator[str]:
    plugin, count = found.plugin, len(found.faults)
    health = f"{count} {'fault' if count == 1 else 'faults'}" if count else plugin.state
    yield f"{plugin.name} ({plugin.distribution} {plugin.version}): {health}"
    yield from (f"  fault: {text}" for text in found.faults)
    yield from (f"  {text}" for text in found.remarks)


def _faults(plugin: Plugin) -> Iterator[str]:
    """Give what is wrong with a plugin; a disabled one is let be."""
    if plugin.state == "quarantined":
        yield f"quarantined: {plugin.reason}"
    yield from registry().conflicts(plugin)
    if plugin.state != "ok":
        return
    yield from _of_requirements(plugin)
    if plugin.heavy:
        yield (
            f"importing {plugin.module} imports {', '.join(plugin.heavy)} ({plugin.seconds:.1f} s) "
            "at every start, each TAB too: import it where the classes are, and name these by "
            "strings"
        )
    for part in plugin.components:
        yield from _of_component(part)
    for command in plugin.commands:
        yield from _of_target(command.target, f"the command {command.name!r}", command.extra)
    for package in plugin.config_packages:
        yield from _of_presets(package)


def _of_requirements(plugin: Plugin) -> Iterator[str]:
    """Give the requirements of the plugin's distribution that the installed seqloom is not."""
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
        except InvalidRequirement as fault:
            yield (
                f"{plugin.distribution} has a requirement that cannot be read, {text!r}: "
                + (str(fault).splitlines()[0])
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
    except PluginError as fault:
        if not _lacks_extra(part.extra, fault):
            yield str(fault)
        return
    yield from _of_class(part, cls)
    for form, target in part.writers.items():
        yield from _of_target(target, f"the writer {form!r} of {part.kind}={part.name}")
    if part.sample:
        yield from _of_target(part.sample, f"the sample of {part.kind}={part.name}")


def _of_class(part: Component, cls: Any) -> Iterator[str]:
    """Give what keeps a class from being what its component says it is."""
    from seqloom.interfaces import Encoder, Frontend, Head, Reader

    base = {"data": Reader, "frontend": Frontend, "encoder": Encoder, "head": Head}[part.kind]
    label = f"{part.kind}={part.name}"
    if not (inspect.isclass(cls) and issubclass(cls, base)):
        yield f"{label}: {part.target} is no {base.__name__} of seqloom.interfaces"
        return
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        yield f"{label}: {part.target} lacks {', '.join(missing)}"
    makers = [cls.__init__]
    if part.kind in ("frontend", "head"):
        makers.append(cls.make_codec)
    for maker in makers:
        lacking = _not_taken(maker, {field.name for field in fields(part.schema)})
        if lacking:
            yield f"{label}: {maker.__qualname__}() does not take {', '.join(lacking)}"


def _not_taken(maker: Any, names: set[str]) -> list[str]:
    known = inspect.signature(maker).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known):
        return []
    return sorted(names - {one.name for one in known})


def _of_target(target: str, label: str, extra: str = "") -> Iterator[str]:
    try:
        import_target(target, label)
    except PluginError as fault:
        if not _lacks_extra(extra, fault):
            yield str(fault)


def _of_presets(package: str) -> Iterator[str]:
    """Give the YAML of a package that cannot be composed; none is asked whether it fits others."""
    from seqloom.config.compose import composed
    from seqloom.plugins.options import options

    for option in options(package):
        group, _, name = option.rpartition("/")
        if not group or group.startswith("hydra"):
            continue
        try:
            found = composed("train", [f"{group}={name}"])
        except SeqloomError as fault:
            yield f"its config {option!r}: {fault}"
            continue
        if group in KINDS and "name" not in found[group]:
            yield (
                f"its config {option!r} is of no component: let it begin with "
                f"defaults: [/schema/{group}/NAME@_here_, _self_]"
            )


def _lacks_extra(extra: str, fault: PluginError) -> bool:
    """Return whether nothing is wrong but that libraries of an extra are not installed."""
    return bool(extra) and isinstance(fault.__cause__, ImportError)


def _remarks(plugin: Plugin) -> Iterator[str]:
    """Give what is worth knowing of a plugin without being a fault."""
    if plugin.state == "disabled":
        yield f"disabled: {plugin.reason}"
    named: list[tuple[str, Component | Command]] = [
        (f"{part.kind}={part.name}", part) for part in plugin.components
    ]
    named += [(f"the command {one.name!r}", one) for one in plugin.commands]
    for label, part in named:
        try:
            if part.extra:
                import_target(part.target, label)
        except PluginError as fault:
            if _lacks_extra(part.extra, fault):
                yield (
                    f"{label} needs libraries that are not installed: "
                    f'pip install "{plugin.distribution}[{part.extra}]"'
                )
