"""Record where the components of a model come from, and compare that with what is installed.

Bundles and checkpoints hold an entry for each component: its section of the config, its plugin,
the distribution with its version, and a hash of its schema. Nothing here imports torch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Literal, cast

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seqloom.errors import PluginError
from seqloom.plugins import KINDS, REQUIRED, Component, Kind, Plugin, registry
from seqloom.plugins.schema_hash import schema_hash
from seqloom.versions import versions

Entry = Mapping[str, Any]
"""A recorded component: ``section``, ``plugin``, ``distribution``, ``version``, ``schema``
(hash), and, where known, ``editable`` and ``commit`` of the distribution."""

State = Literal["same", "missing", "other", "older", "newer", "changed"]


def entry(kind: Kind, section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of an installed component.

    Raises:
        PluginError: The component is not installed.
    """
    plugin = registry().owner(kind, section["name"])
    return {
        "section": dict(section),
        "plugin": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "schema": schema_hash(registry().find(kind, section["name"])),
        **installed(plugin.distribution),
    }


def entries(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the entries of the installed components of a spec, by kind."""
    return {
        kind: entry(kind, spec[kind])
        for kind in KINDS
        if spec.get(kind) and (kind, spec[kind]["name"]) in registry().components
    }


def record(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint records about its components, in plain types."""
    return {"components": entries(spec), "versions": versions(), "made": now()}


def now() -> str:
    """Return the date and time with the time zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def installed(name: str) -> dict[str, Any]:
    """Return what ``pip`` recorded about the origin of an installed distribution.

    The version alone does not tell what is in a working tree. A distribution from a package index
    has no such record, and the URL is left out, since it may be private.

    Args:
        name: Name of the distribution.

    Returns:
        ``editable``, true, for an editable install, and the ``commit`` that was installed, as far
        as they are known.
    """
    try:
        record = json.loads(distribution(name).read_text("direct_url.json") or "{}")
        editable = record.get("dir_info", {}).get("editable") is True
        commit = record.get("vcs_info", {}).get("commit_id")
    except (PackageNotFoundError, ValueError, AttributeError, OSError):
        return {}
    known = {"commit": commit} if isinstance(commit, str) else {}
    return {"editable": True, **known} if editable else known


@dataclass(frozen=True)
class ComponentMatch:
    """A recorded component and the installed one of the same kind and name.

    Attributes:
        kind: Kind of the component.
        entry: Recorded entry.
        component: Installed component; None if there is none.
        plugin: Plugin that provides the installed component.
    """

    kind: Kind
    entry: Entry
    component: Component | None
    plugin: Plugin | None

    @property
    def label(self) -> str:
        """The component as it is written on the command line."""
        return f"{self.kind}={self.entry['section']['name']}"

    @property
    def schema(self) -> str:
        """The hash of the installed schema; empty if the component is missing."""
        return schema_hash(self.component) if self.component else ""

    @property
    def state(self) -> State:
        """How they differ; ``newer`` only where the newer version may not be compatible."""
        if self.plugin is None:
            return "missing"
        if not _same_name(self.plugin.distribution, self.entry["distribution"]):
            return "other"
        here, then = version(self.plugin.version), version(self.entry["version"])
        same_schema = self.schema == self.entry["schema"] or self._is_kept()
        if here and then and here < then:
            return "older"
        if here and then and here > then and not (same_schema and self._reads(here, then)):
            return "newer"
        return "same" if same_schema else "changed"

    def _is_kept(self) -> bool:
        """Return whether seqloom's own component declares that the model is what it was.

        A stored model has its own value of each parameter, so that new defaults do not change it;
        the component has values for older models of those that the model lacks.
        """
        if self.component is None or not _same_name(self.entry["distribution"], "seqloom"):
            return False
        return not self.removed and set(self.added) <= set(self.component.older_defaults)

    def _reads(self, here: Version, then: Version) -> bool:
        """Return whether a newer version promises to read what an older one wrote.

        seqloom itself promises this for bundles across minor versions, even while its major
        version is 0.
        """
        own = _same_name(self.entry["distribution"], "seqloom")
        return here.major == then.major if own else _line(here) == _line(then)

    @property
    def renamed(self) -> dict[str, str]:
        """The recorded parameters that were renamed, with their new names."""
        if self.component is None:
            return {}
        known, section = self._known(), self.entry["section"]
        return {
            old: new
            for old, new in self.component.renamed.items()
            if old in section and old not in known and new in known and new not in section
        }

    @property
    def removed(self) -> list[str]:
        """The recorded parameters that the installed component does not have."""
        if self.component is None:
            return []
        return [
            key
            for key in self.entry["section"]
            if key not in self._known() and key not in self.renamed and key != "name"
        ]

    @property
    def added(self) -> dict[str, Any]:
        """The parameters that are not recorded, with the values that older models have for them.

        In plain types; the default, unless the component has another value for older models.
        """
        if self.component is None:
            return {}
        there = {*self.entry["section"], *self.renamed.values()}
        defaults = {**self.component.defaults(), **self.component.older_defaults}
        return {key: plain_default(value) for key, value in defaults.items() if key not in there}

    @property
    def compatible(self) -> bool:
        """Whether the installed component can be built from the recorded parameters."""
        required = REQUIRED in map(str, self.added.values())
        return self.component is not None and not self.removed and not required

    def section(self) -> dict[str, Any]:
        """Return the recorded section as the installed component takes it."""
        taken = {self.renamed.get(key, key): one for key, one in self.entry["section"].items()}
        return taken | self.added

    def _known(self) -> set[str]:
        component = cast("Component", self.component)
        return {*component.settings, *(one.name for one in fields(component.schema))}


def compare(recorded: Mapping[str, Entry]) -> list[ComponentMatch]:
    """Return the match of each recorded component, in the order of the kinds."""
    matches = []
    for kind in KINDS:
        if kind in recorded:
            key = (kind, recorded[kind]["section"]["name"])
            found = registry().components.get(key, (None, None))
            matches.append(ComponentMatch(kind, recorded[kind], *found))
    return matches


def plain(params: Any) -> dict[str, Any]:
    """Return the parameters of a component, an instance of its schema, in plain types."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(params)))
    return found


def plain_default(value: Any) -> Any:
    """Return the default of a parameter in plain types."""
    if value is MISSING:
        return REQUIRED
    return json.loads(json.dumps(value, default=asdict))


def version(text: str) -> Version | None:
    """Return a version that can be compared; None if it is unknown or malformed."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _line(number: Version) -> tuple[int, ...]:
    """Return what compatible versions have in common; 0.x may break with each minor version."""
    return (number.major,) if number.major else (0, number.minor)


def _same_name(one: str, other: str) -> bool:
    return canonicalize_name(one) == canonicalize_name(other)


def _provides(plugin: Plugin, recorded: Entry) -> bool:
    return _same_name(plugin.distribution, recorded["distribution"])


def plugin_not_in_use(match: ComponentMatch) -> Plugin | None:
    """Return the recorded plugin of a component if it is installed, but disabled or quarantined."""
    for plugin in registry().plugins:
        recorded = plugin.name == match.entry["plugin"] and _provides(plugin, match.entry)
        if plugin.state != "ok" and recorded:
            return plugin
    return None


def plugins_of_distribution(match: ComponentMatch) -> list[Plugin]:
    """Return the plugins in use that come from the recorded distribution of a component."""
    return [one for one in registry().plugins if one.state == "ok" and _provides(one, match.entry)]


def conflict(match: ComponentMatch) -> str:
    """Return which plugins claim a component, if several do; else an empty text."""
    key = (match.kind, match.entry["section"]["name"])
    if key not in registry().contested:
        return ""
    try:
        registry().find(*key)
    except PluginError as error:
        return str(error)
    return ""


def incompatible(matches: Iterable[ComponentMatch]) -> list[ComponentMatch]:
    """Return the matches whose component cannot be built."""
    return [one for one in matches if not one.compatible]
