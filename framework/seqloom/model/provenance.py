"""What a model's components came from, and how that compares with what is installed here.

Bundles and checkpoints hold an entry for each component: its section of the config, its plugin,
the distribution with its version, and a hash of its schema. Nothing here imports torch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal, cast

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from seqloom.errors import PluginError
from seqloom.model.installed import installed
from seqloom.plugins import KINDS, REQUIRED, Component, Kind, Plugin, registry
from seqloom.plugins.schema_hash import schema_hash
from seqloom.versions import versions

Entry = Mapping[str, Any]
"""A component as it is recorded: ``section``, ``plugin``, ``distribution``, ``version``, ``schema``
(hash), and, where they are known, ``editable`` and ``commit`` of the distribution."""

State = Literal["same", "missing", "other", "older", "newer", "changed"]


def entry(kind: Kind, section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of a component that is installed.

    Raises:
        PluginError: it is not.
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
    """Return the entries of a spec's components, by kind; without those that are not installed."""
    return {
        kind: entry(kind, spec[kind])
        for kind in KINDS
        if spec.get(kind) and (kind, spec[kind]["name"]) in registry().components
    }


def record(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return, in plain types, what a checkpoint says of the components that it is of."""
    return {"components": entries(spec), "versions": versions(), "made": now()}


def now() -> str:
    """Return the time of day, with the date and the zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


@dataclass(frozen=True)
class Standing:
    """How a recorded component stands here.

    Attributes:
        kind: of the component.
        entry: as recorded.
        component: of that kind and name that is installed, if there is one.
        plugin: that provides it.
    """

    kind: Kind
    entry: Entry
    component: Component | None
    plugin: Plugin | None

    @property
    def label(self) -> str:
        """The component as it is chosen on the command line."""
        return f"{self.kind}={self.entry['section']['name']}"

    @property
    def schema(self) -> str:
        """The hash of the installed schema; empty without one."""
        return schema_hash(self.component) if self.component else ""

    @property
    def state(self) -> State:
        """What there is to say of it in a word; ``newer`` only where that may make a difference."""
        if self.plugin is None:
            return "missing"
        if not _same_name(self.plugin.distribution, self.entry["distribution"]):
            return "other"
        here, then = version(self.plugin.version), version(self.entry["version"])
        alike = self.schema == self.entry["schema"]
        if here and then and here < then:
            return "older"
        if here and then and here > then and not (alike and self._compatible(here, then)):
            return "newer"
        return "same" if alike else "changed"

    def _compatible(self, here: Version, then: Version) -> bool:
        """Return whether a newer version promises to read what an older one made.

        seqloom promises it of bundles over its minor versions too, while its major one is 0.
        """
        own = _same_name(self.entry["distribution"], "seqloom")
        return here.major == then.major if own else _line(here) == _line(then)

    @property
    def renamed(self) -> dict[str, str]:
        """The recorded parameters that have another name here, with that name."""
        if self.component is None:
            return {}
        known, section = self._known(), self.entry["section"]
        return {
            old: new
            for old, new in self.component.renamed.items()
            if old in section and old not in known and new in known and new not in section
        }

    @property
    def gone(self) -> list[str]:
        """The recorded parameters that the component does not have here."""
        if self.component is None:
            return []
        return [
            key
            for key in self.entry["section"]
            if key not in self._known() and key not in self.renamed and key != "name"
        ]

    @property
    def new(self) -> dict[str, Any]:
        """The parameters that only the component here has, with their defaults in plain types."""
        if self.component is None:
            return {}
        there = {*self.entry["section"], *self.renamed.values()}
        defaults = self.component.defaults()
        return {key: _default(value) for key, value in defaults.items() if key not in there}

    @property
    def fits(self) -> bool:
        """Whether the component can be built from what is recorded."""
        needed = REQUIRED in map(str, self.new.values())
        return self.component is not None and not self.gone and not needed

    def section(self) -> dict[str, Any]:
        """Return the recorded section as the component here takes it."""
        taken = {self.renamed.get(key, key): one for key, one in self.entry["section"].items()}
        return taken | self.new

    def _known(self) -> set[str]:
        return {one.name for one in fields(cast("Component", self.component).schema)}


def compare(recorded: Mapping[str, Entry]) -> list[Standing]:
    """Return how recorded components, by kind, stand here."""
    standings = []
    for kind in KINDS:
        if kind in recorded:
            key = (kind, recorded[kind]["section"]["name"])
            found = registry().components.get(key, (None, None))
            standings.append(Standing(kind, recorded[kind], *found))
    return standings


def plain(params: Any) -> dict[str, Any]:
    """Return a component's parameters, an instance of its schema, as plain types."""
    found: dict[str, Any] = json.loads(json.dumps(asdict(params)))
    return found


def _default(value: Any) -> Any:
    """Return a parameter's default in plain types."""
    if value is MISSING:
        return REQUIRED
    return json.loads(json.dumps(value, default=asdict))


def version(text: str) -> Version | None:
    """Return a version that can be compared, or None: it is unknown, or of no known form."""
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _line(number: Version) -> tuple[int, ...]:
    """Return what two versions share that are to be compatible; 0.x may break with each minor."""
    return (number.major,) if number.major else (0, number.minor)


def _same_name(one: str, other: str) -> bool:
    return canonicalize_name(one) == canonicalize_name(other)


def aside(standing: Standing) -> Plugin | None:
    """Return the plugin that has a missing component, if it is installed but not in use."""
    for plugin in registry().plugins:
        same = plugin.name == standing.entry["plugin"]
        if plugin.state != "ok" and same and _same_name_of(plugin, standing.entry):
            return plugin
    return None


def holders(standing: Standing) -> list[Plugin]:
    """Return the plugins in use of the distribution that a component is recorded to be of."""
    return [
        plugin
        for plugin in registry().plugins
        if plugin.state == "ok" and _same_name_of(plugin, standing.entry)
    ]


def _same_name_of(plugin: Plugin, recorded: Entry) -> bool:
    return _same_name(plugin.distribution, recorded["distribution"])


def conflict(standing: Standing) -> str:
    """Return why nobody gets a component that several plugins claim; empty: that is not so."""
    key = (standing.kind, standing.entry["section"]["name"])
    if key not in registry().contested:
        return ""
    try:
        registry().find(*key)
    except PluginError as fault:
        return str(fault)
    return ""


def unfit(standings: Iterable[Standing]) -> list[Standing]:
    """Return those that cannot be built here."""
    return [one for one in standings if not one.fits]
