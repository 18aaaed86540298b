"""What a new plugin and its components are called, and which names cannot be had."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from seqloom.errors import ConfigError, PluginError
from seqloom.plugins import KINDS, Kind, registry
from seqloom.plugins.options import CORE_PACKAGE, options

LONGEST_MODULE = 34
LONGEST_COMPONENT = 24
"""With these the longest line of the template has 100 characters."""

YAML_VALUES = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
"""What Hydra or YAML takes for a value, so that ``encoder=on`` would choose no component."""

CLASS_ENDINGS: dict[Kind, str] = {
    "data": "Reader",
    "frontend": "Frontend",
    "encoder": "Encoder",
    "head": "Head",
}


@dataclass(frozen=True)
class Part:
    """One component of the new plugin."""

    kind: Kind
    name: str

    @property
    def choice(self) -> str:
        """How it is chosen: ``encoder=window``."""
        return f"{self.kind}={self.name}"

    @property
    def preset(self) -> str:
        """The name of its preset."""
        return f"{self.name}_small"

    @property
    def cls(self) -> str:
        """The name of its class.

        >>> Part("encoder", "my_window").cls, Part("head", "tag_head").cls, Part("head", "head").cls
        ('MyWindowEncoder', 'TagHead', 'HeadHead')
        """
        camel = "".join(word.capitalize() for word in self.name.split("_"))
        ending = CLASS_ENDINGS[self.kind]
        return camel if camel.endswith(ending) and camel != ending else camel + ending


@dataclass(frozen=True)
class PluginNames:
    """The names of a new plugin.

    Attributes:
        distribution: what is installed, ``seqloom-window``.
        parts: its components, in the order of the kinds.
    """

    distribution: str
    parts: tuple[Part, ...]

    @property
    def module(self) -> str:
        """The package that is imported, ``seqloom_window``."""
        return self.distribution.replace("-", "_")

    @property
    def entry(self) -> str:
        """The name of the entry point, ``window``: how seqloom calls the plugin."""
        return self.module.removeprefix("seqloom_")


def choose_names(name: str, kinds: Mapping[Kind, str]) -> PluginNames:
    """Return the names of a plugin that fit and are free.

    Args:
        name: of the distribution, as it was typed.
        kinds: the component's name by kind; empty to call it as the plugin.

    Raises:
        ConfigError: a name is none that Python or seqloom can have.
        PluginError: something installed has the name.
    """
    distribution = _normalised(name, f"NAME {name!r}", LONGEST_MODULE).replace("_", "-")
    bare = PluginNames(distribution, ())
    _refuse_taken_module(bare)
    parts = [
        Part(kind, _component(kind, kinds[kind], bare.entry)) for kind in KINDS if kind in kinds
    ]
    for part in parts:
        _refuse_taken_option(part, part.name)
        _refuse_taken_option(part, part.preset)
    return PluginNames(distribution, tuple(parts))


def _component(kind: Kind, typed: str, default: str) -> str:
    label = f"--{kind} {typed!r}" if typed else f"The component's name {default!r}"
    try:
        name = _normalised(typed or default, label, LONGEST_COMPONENT)
        if name in YAML_VALUES:
            raise ConfigError(f"{label}: in {kind}={name} YAML reads a value, not a name.")
    except ConfigError as fault:
        if typed:
            raise
        raise ConfigError(f"{fault} Give it another one: --{kind} COMPONENT.") from None
    return name


def _normalised(text: str, label: str, longest: int) -> str:
    """Return the text as a lower-case identifier."""
    name = re.sub(r"[-_.]+", "_", text).lower()
    if not re.fullmatch(r"[a-z](_?[a-z0-9])*", name):
        raise ConfigError(
            f"{label}: expected letters, digits and - between them, a letter first, such as "
            "seqloom-window."
        )
    if keyword.iskeyword(name):
        raise ConfigError(f"{label}: {name} is a keyword of Python, which cannot be imported.")
    if len(name) > longest:
        raise ConfigError(f"{label}: {len(name)} characters; at most {longest} are expected.")
    return name


def _refuse_taken_module(names: PluginNames) -> None:
    """Refuse a module that would hide another, or be hidden by it.

    Raises:
        ConfigError: Python's own library has it.
        PluginError: something installed has it.
    """
    module = names.module
    if module in sys.stdlib_module_names or module == "seqloom":
        whose = "seqloom" if module == "seqloom" else "Python's standard library"
        raise ConfigError(
            f"NAME {names.distribution!r}: {whose} has a module {module}. Choose another name, "
            f"such as seqloom-{'mine' if module == 'seqloom' else names.distribution}."
        )
    found = importlib.util.find_spec(module)
    if found is not None and found.origin is not None:  # a mere folder of that name has none
        raise PluginError(
            f"A module {module} is installed already, in {found.origin}. Choose another name, or "
            "uninstall it."
        )
    _refuse_taken_names(names)


def _refuse_taken_names(names: PluginNames) -> None:
    try:
        there = version(names.distribution)
    except PackageNotFoundError:
        there = ""
    if there:
        raise PluginError(
            f"{names.distribution} {there} is installed already. Choose another name, or uninstall "
            "it."
        )
    for plugin in registry().plugins:
        if plugin.name == names.entry:
            raise PluginError(
                f"There is a {plugin} already: seqloom would call yours {names.entry!r} too. "
                "Choose another name."
            )


def _refuse_taken_option(part: Part, name: str) -> None:
    """Refuse the name of a component or preset that is there: nobody would get either.

    Raises:
        PluginError: names who has it.
    """
    owner = _owner(part.kind, name)
    if owner:
        raise PluginError(
            f"{part.kind}={name} is claimed already by {owner}; of two claims neither counts. "
            f"Name yours otherwise: --{part.kind} COMPONENT."
        )


def _owner(kind: Kind, name: str) -> str:
    found = registry()
    if (kind, name) in found.components:
        return str(found.owner(kind, name))
    if (kind, name) in found.contested:
        return " and ".join(map(str, found.contested[kind, name]))
    if f"{kind}/{name}" in options(CORE_PACKAGE):
        return "a config of seqloom"
    owners = (
        plugin
        for plugin in found.plugins
        for package in plugin.config_packages
        if f"{kind}/{name}" in options(package)
    )
    return str(next(owners, ""))
