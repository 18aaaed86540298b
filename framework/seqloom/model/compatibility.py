"""Messages about components that differ from those that a model was made with.

Each message says what to install. Components of one distribution that differ in the same way share
a message.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from packaging.utils import InvalidName, canonicalize_name

from seqloom.errors import printable
from seqloom.extras import has_recorded_origin, update_command, version_command
from seqloom.model.provenance import (
    ComponentMatch,
    Entry,
    conflict,
    plugin_not_in_use,
    plugins_of_distribution,
    version,
)
from seqloom.plugins import REQUIRED, registry

UNKNOWN = "unknown"


def messages(matches: Iterable[ComponentMatch]) -> list[str]:
    """Return a message for each difference; components that are the same have none."""
    groups: dict[tuple[str, ...], list[ComponentMatch]] = defaultdict(list)
    for one in matches:
        groups[_group(one)].append(one)
    return [printable(text) for group in groups.values() for text in _messages(group)]


def _group(one: ComponentMatch) -> tuple[str, ...]:
    here = f"{one.plugin.distribution} {one.plugin.version}" if one.plugin else ""
    state = one.state if one.compatible else "incompatible"
    alone = one.label if state in {"incompatible", "other"} else ""
    return state, alone, one.entry["distribution"], one.entry["version"], here


def _messages(group: Sequence[ComponentMatch]) -> list[str]:
    first = group[0]
    if first.plugin is None:
        return [_missing(first)]
    if not first.compatible:
        return [_incompatible(first)]
    if first.state == "same":
        return []
    message = {"other": _other, "older": _older, "newer": _newer, "changed": _changed}[first.state]
    return [message(group), *(text for one in group for text in _parameters(one))]


def _missing(one: ComponentMatch) -> str:
    needs = (
        "To be evaluated on its own data, the model needs"
        if one.kind == "data"
        else "The model needs"
    )
    what, origin = f"{needs} {one.label}", _origin(one.entry)
    if claimed := conflict(one):
        return f"{what} from {origin}. {claimed}"
    if plugin := plugin_not_in_use(one):
        found = f"{what} from {plugin}, which is {plugin.state}: {plugin.reason}."
        if plugin.state == "disabled":
            return f"{found} Enable the plugin to use the model."
        return f"{found} Fix that plugin, or install a working version: {install(one.entry, '>=')}."
    here = plugins_of_distribution(one)
    if not here:
        return f"{what} from {origin}: {install(one.entry, '>=')}.{registry().absent()}"
    found_version, recorded = version(here[0].version), version(one.entry["version"])
    newer = bool(found_version and recorded and found_version > recorded)
    return (
        f"{what} from {origin}. The installed {here[0].distribution} {here[0].version} does not "
        f"have it: {install(one.entry, '==' if newer else '>=')}."
    )


def _incompatible(one: ComponentMatch) -> str:
    """Return which parameters were removed, or are required and not recorded."""
    required = [key for key, value in one.added.items() if str(value) == REQUIRED]
    names = _listed([repr(name) for name in one.removed or required])
    noun = "parameter" if len(one.removed or required) == 1 else "parameters"
    if one.removed:
        problem = f"does not have the {noun} {names}"
    else:
        problem = f"requires the {noun} {names}, which the model does not record"
    here = f"{one.label} of {one.plugin.distribution} {one.plugin.version}" if one.plugin else ""
    if one.state == "other":
        return f"{here} {problem}. {_other([one])}"
    if one.plugin and one.plugin.version == one.entry["version"]:
        return (
            f"{here} {problem}, although the model was made with the same version. Copy the model "
            f"again, or reinstall that version: {install(one.entry, '==')}."
        )
    made_with = f"the model was made with {one.entry['version']}"
    return f"{here} {problem}; {made_with}: {install(one.entry, '==')}."


def _older(group: Sequence[ComponentMatch]) -> str:
    return (
        f"{_here(group)}, older than the {group[0].entry['version']} that the model was made "
        f"with: {install(group[0].entry, '>=')}."
    )


def _newer(group: Sequence[ComponentMatch]) -> str:
    recorded = group[0].entry["version"]
    changed = [one.label for one in group if one.schema != one.entry["schema"]]
    if changed:
        difference = f"in which {_listed(changed)} had other parameters"
    else:
        difference = "which may not be compatible"
    return (
        f"{_here(group)}; the model was made with {recorded}, {difference}. To use that version: "
        f"{install(group[0].entry, '==')}."
    )


def _changed(group: Sequence[ComponentMatch]) -> str:
    labels = _listed([one.label for one in group])
    return (
        f"The parameters of {labels} differ from those that the model was made with, although "
        f"both versions are {_origin(group[0].entry)}."
    )


def _other(group: Sequence[ComponentMatch]) -> str:
    one = group[0]
    name = one.plugin.name if one.plugin else ""
    return (
        f"{_here(group)}; the model was made with that of {_origin(one.entry)}, a different "
        "package. If you know and trust that package, install it and disable the plugin "
        f"{name!r}: SEQLOOM_DISABLE_PLUGINS={name}."
    )


def _parameters(one: ComponentMatch) -> list[str]:
    """Return how the recorded parameters were translated to those of the installed component."""
    renamed = [f"{old!r} is now {new!r}" for old, new in one.renamed.items()]
    older = one.component.older_defaults if one.component else {}
    added = [
        f"{key!r} is new and is {value!r}, as in older models"
        if key in older
        else f"{key!r} is new and has its default {value!r}"
        for key, value in one.added.items()
    ]
    return [f"Parameters of {one.label}: {_listed(renamed + added)}."] if renamed + added else []


def _here(group: Sequence[ComponentMatch]) -> str:
    plugin = group[0].plugin
    origin = f"{plugin.distribution} {plugin.version}" if plugin else ""
    verb = "comes" if len(group) == 1 else "come"
    return f"{_listed([one.label for one in group])} {verb} from {origin}"


def _origin(entry: Entry) -> str:
    if not _is_name(entry["distribution"]):
        return f"the plugin {entry['plugin']!r}"
    return " ".join(one for one in (entry["distribution"], entry["version"]) if one != UNKNOWN)


def install(entry: Entry, relation: Literal[">=", "=="]) -> str:
    """Return the command that installs the distribution of a component, or a description of it.

    A distribution that was installed from a clone or a wheel may be on no package index: the
    command names where it came from.

    >>> install({"distribution": "seqloom-x", "version": "1.2"}, ">=")
    'pip install "seqloom-x>=1.2"'
    """
    name = entry["distribution"]
    if not _is_name(name):
        return f"install the package that provides the plugin {entry['plugin']!r}"
    known = version(entry["version"])  # others cannot install a local version (1.0+cpu)
    if not has_recorded_origin(name):
        return f'pip install "{name}{relation + known.public if known else ""}"'
    if relation == ">=" or not known:
        return update_command(name)
    return version_command(name, known.public, str(entry.get("commit", "")))


def _is_name(distribution: str) -> bool:
    """Return whether this is a valid distribution name: users may type it into a shell."""
    try:
        canonicalize_name(distribution, validate=True)
    except InvalidName:
        return False
    return distribution != UNKNOWN


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
