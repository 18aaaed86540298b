"""Put every component's schema and every plugin's YAML where Hydra finds it."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
from enum import StrEnum
from importlib.resources import files
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from seqloom.config.schema import Run
from seqloom.errors import PluginError
from seqloom.plugins import Component, registry


class PluginSearchPath(SearchPathPlugin):
    """Adds the packages of YAML that plugins name to Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append ``pkg://`` entries in the order of the plugins' names."""
        for plugin, package in config_packages():
            search_path.append(provider=f"seqloom plugin {plugin}", path=f"pkg://{package}")


def config_packages() -> list[tuple[str, str]]:
    """Return (plugin, package) for each package of YAML that a plugin in use names."""
    return [
        (plugin.name, package)
        for plugin in registry().plugins
        for package in plugin.config_packages
    ]


@functools.cache
def register_configs() -> None:
    """Make every component an option of its group; must come before Hydra composes anything.

    Each schema is stored as the option itself and in ``schema/<kind>`` for YAML to build on.

    Raises:
        PluginError: a plugin's package of YAML is absent, or two options have one name.
    """
    store = ConfigStore.instance()
    store.store(name="run_schema", node=Run)
    for component, plugin in registry().components.values():
        node = open_dicts(OmegaConf.structured(named_schema(component)))
        provider = f"plugin {plugin.name}"
        store.store(group=component.kind, name=component.name, node=node, provider=provider)
        store.store(
            group=f"schema/{component.kind}", name=component.name, node=node, provider=provider
        )
    _refuse_shadowed_options()
    Plugins.instance().register(PluginSearchPath)


def open_dicts(node: DictConfig) -> DictConfig:
    """Return the schema with its parameters of type ``dict`` open to new keys.

    Hydra would have ``data.columns={text: body}`` refused where ``text`` has no default.
    """
    for value in node.values():
        if isinstance(value, DictConfig) and OmegaConf.get_type(value) is dict:
            OmegaConf.set_struct(value, False)
    return node


def named_schema(component: Component) -> type:
    """Return the component's schema with a field ``name`` that can only be the component's name."""
    name = StrEnum("Name", {component.name: component.name})  # type: ignore[misc]
    return dataclasses.make_dataclass(
        component.schema.__name__,
        [("name", name, dataclasses.field(default=name[component.name]))],
        bases=(component.schema,),
        namespace={"__module__": component.schema.__module__},
    )


def _refuse_shadowed_options() -> None:
    """Hydra would let the first of two options with one name win without a word."""
    seen: dict[str, str] = {
        f"{kind}/{name}": f"the component of plugin {plugin.name!r}"
        for (kind, name), (_, plugin) in registry().components.items()
    }
    packages = [("the core", "seqloom_conf"), *config_packages()]
    for owner, package in packages:
        if importlib.util.find_spec(package) is None:
            raise PluginError(
                f"Plugin {owner!r} names the config package {package!r}, which is not installed."
            )
        for option in _options(files(package), ""):
            if option in seen:
                raise PluginError(
                    f"The config {option!r} exists twice: {seen[option]} and {package} "
                    f"({owner}); rename one or disable its plugin."
                )
            seen[option] = f"{package} ({owner})"


def _options(folder: Any, prefix: str) -> list[str]:
    found = []
    for entry in folder.iterdir():
        if entry.name.endswith(".yaml"):
            found.append(prefix + entry.name.removesuffix(".yaml"))
        elif entry.is_dir() and not entry.name.startswith(("_", ".")):
            found += _options(entry, f"{prefix}{entry.name}/")
    return found
