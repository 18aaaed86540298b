"""What to say where a model's components are not those that it was made with, and what to install.

Components of one distribution that differ in the same way share a sentence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from packaging.utils import InvalidName, canonicalize_name

from seqloom.model.printable import printable
from seqloom.model.provenance import (
    Entry,
    Standing,
    aside,
    conflict,
    holders,
    version,
)
from seqloom.plugins import REQUIRED, registry

UNKNOWN = "unknown"


def sentences(standings: Iterable[Standing]) -> list[str]:
    """Return what there is to say of components; nothing of those that are the same."""
    alike: dict[tuple[str, ...], list[Standing]] = defaultdict(list)
    for one in standings:
        alike[_sort(one)].append(one)
    return [printable(said) for group in alike.values() for said in _said(group)]


def _sort(one: Standing) -> tuple[str, ...]:
    here = f"{one.plugin.distribution} {one.plugin.version}" if one.plugin else ""
    sort = one.state if one.fits else "unfit"
    alone = one.label if sort in {"unfit", "other"} else ""
    return sort, alone, one.entry["distribution"], one.entry["version"], here


def _said(group: Sequence[Standing]) -> list[str]:
    first = group[0]
    if first.plugin is None:
        return [_missing(first)]
    if not first.fits:
        return [_unfit(first)]
    if first.state == "same":
        return []
    tell = {"other": _other, "older": _older, "newer": _newer, "changed": _changed}[first.state]
    return [tell(group), *(said for one in group for said in _parameters(one))]


def _missing(one: Standing) -> str:
    use = "To be measured on the data that it was made for it" if one.kind == "data" else "It"
    what, of = f"{use} needs {one.label}", _of(one.entry)
    if claimed := conflict(one):
        return f"{what} from {of}. {claimed}"
    if plugin := aside(one):
        name = f"{what} of {plugin}, which is {plugin.state}: {plugin.reason}."
        if plugin.state == "disabled":
            return f"{name} Take it out there to use the model."
        return f"{name} Mend that, or install what works: {install(one.entry, '>=')}."
    here = holders(one)
    if not here:
        return f"{what} from {of}: {install(one.entry, '>=')}.{registry().absent()}"
    found, then = version(here[0].version), version(one.entry["version"])
    newer = bool(found and then and found > then)
    return (
        f"{what} from {of}, which {here[0].distribution} {here[0].version}, as it is installed, "
        f"does not have: {install(one.entry, '==' if newer else '>=')}."
    )


def _unfit(one: Standing) -> str:
    """Say which parameters no longer are, or are missing."""
    needed = one.gone or [key for key, value in one.new.items() if str(value) == REQUIRED]
    names = ", ".join(map(repr, needed))
    has = f"has no parameter {names}" if one.gone else f"needs {names}, which the model lacks"
    here = f"{one.label} of {one.plugin.distribution} {one.plugin.version}" if one.plugin else ""
    if one.state == "other":
        return f"{here} {has}. {_other([one])}"
    if one.plugin and one.plugin.version == one.entry["version"]:
        return (
            f"{here} {has}, although the model was made with that version, too. Copy the model "
            f"again, or install that version anew: {install(one.entry, '==')}."
        )
    then = f"the model was made with {one.entry['version']}"
    return f"{here} {has}; {then}: {install(one.entry, '==')}."


def _older(group: Sequence[Standing]) -> str:
    return (
        f"{_here(group)} here, older than the {group[0].entry['version']} that the model was made "
        f"with: {install(group[0].entry, '>=')}."
    )


def _newer(group: Sequence[Standing]) -> str:
    then = group[0].entry["version"]
    changed = [one.label for one in group if one.schema != one.entry["schema"]]
    unlike = "with which it need not be compatible"
    how = f"where {_listed(changed)} had other parameters" if changed else unlike
    return (
        f"{_here(group)} here; the model was made with {then}, {how}. To have it as it was "
        f"made: {install(group[0].entry, '==')}."
    )


def _changed(group: Sequence[Standing]) -> str:
    labels = _listed([one.label for one in group])
    has = "has" if len(group) == 1 else "have"
    return (
        f"{labels} {has} other parameters here than where the model was made, though both are of "
        f"{_of(group[0].entry)}."
    )


def _other(group: Sequence[Standing]) -> str:
    one = group[0]
    name = one.plugin.name if one.plugin else ""
    return (
        f"{_here(group)} here; the model says that it was made with that of {_of(one.entry)}, "
        "another package. If you know and trust that one, install it, and disable the plugin "
        f"{name!r}: SEQLOOM_DISABLE_PLUGINS={name}."
    )


def _parameters(one: Standing) -> list[str]:
    """Say how the recorded parameters were made those of here."""
    renamed = [f"{old!r} is now {new!r}" for old, new in one.renamed.items()]
    new = [f"{key!r} is new, and taken as {value!r}" for key, value in one.new.items()]
    return [f"Of the parameters of {one.label}, {_listed(renamed + new)}."] if renamed + new else []


def _here(group: Sequence[Standing]) -> str:
    plugin = group[0].plugin
    of = f"{plugin.distribution} {plugin.version}" if plugin else ""
    return f"{_listed([one.label for one in group])} {'is' if len(group) == 1 else 'are'} of {of}"


def _of(entry: Entry) -> str:
    if not _is_name(entry["distribution"]):
        return f"the plugin {entry['plugin']!r}"
    return " ".join(one for one in (entry["distribution"], entry["version"]) if one != UNKNOWN)


def install(entry: Entry, relation: str) -> str:
    """Return the command that installs a component's distribution, or what stands for it.

    >>> install({"distribution": "seqloom-x", "version": "1.2"}, ">=")
    'pip install "seqloom-x>=1.2"'
    """
    if not _is_name(entry["distribution"]):
        return f"install the package that has the plugin {entry['plugin']!r}"
    known = version(entry["version"])  # of a local version (1.0+cpu) others cannot have the end
    return f'pip install "{entry["distribution"]}{relation + known.public if known else ""}"'


def _is_name(distribution: str) -> bool:
    """Return whether this can be a distribution's name: it is offered to be typed into a shell."""
    try:
        canonicalize_name(distribution, validate=True)
    except InvalidName:
        return False
    return distribution != UNKNOWN


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
