"""Register every component's schema and every plugin's YAML with Hydra."""

from __future__ import annotations

import dataclasses
import functools
from enum import StrEnum

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from seqloom.config import run_name  # noqa: F401  # the default of run_dir refers to it
from seqloom.config.schema import Run
from seqloom.plugins import KINDS, Component, Registry, registry

PROVIDER = "plugin "


class PluginSearchPath(SearchPathPlugin):
    """Adds the config packages of plugins to Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append ``pkg://`` entries in the order of the plugins' names."""
        for plugin, package in config_packages():
            search_path.append(provider=f"seqloom plugin {plugin}", path=f"pkg://{package}")


def config_packages() -> list[tuple[str, str]]:
    """Return (plugin, package) for each config package of a plugin in use."""
    return [
        (plugin.name, package)
        for plugin in registry().plugins
        for package in plugin.config_packages
    ]


def register_configs() -> dict[tuple[str, str], str]:
    """Make every component an option of its group; required before Hydra composes anything.

    Each schema is stored as the option itself and in ``schema/<kind>`` for presets to extend.

    Returns:
        The reasons of components, by kind and name, whose schemas OmegaConf rejects; these are not
        options, and the others work.
    """
    return _registered(registry())


@functools.lru_cache(maxsize=1)
def _registered(found: Registry) -> dict[tuple[str, str], str]:
    store = ConfigStore.instance()
    _share(store)
    _forget_plugins(store)
    store.store(name="run_schema", node=Run)
    rejected: dict[tuple[str, str], str] = {}
    for key, (component, plugin) in found.components.items():
        provider = f"{PROVIDER}{plugin.name}"
        try:
            node = open_dicts(OmegaConf.structured(named_schema(component)))
            for group in (component.kind, f"schema/{component.kind}"):
                store.store(group=group, name=component.name, node=node, provider=provider)
        except Exception as error:  # a plugin's schema can raise anything
            reason = (str(error) or type(error).__name__).splitlines()[0]
            rejected[key] = f"{plugin} provides a schema that OmegaConf rejects: {reason}"
    Plugins.instance().register(PluginSearchPath)
    return rejected


def _share(store: ConfigStore) -> None:
    """Have copies of Hydra's repositories share the store, which they only read.

    Hydra copies its repository each time that it composes a config or looks up a group, and the
    schemas of all components with it, which would take longer than the rest.
    """
    store.__dict__["__deepcopy__"] = lambda memo: store


def _forget_plugins(store: ConfigStore) -> None:
    """Remove the options of an earlier registry: a plugin can be disabled for one run."""
    for kind in KINDS:
        for group in (store.repo.get(kind, {}), store.repo.get("schema", {}).get(kind, {})):
            for name in [n for n, node in group.items() if f"{node.provider}".startswith(PROVIDER)]:
                del group[name]


def open_dicts(node: DictConfig) -> DictConfig:
    """Return the schema with its parameters of type ``dict`` open to new keys.

    Otherwise, Hydra rejects ``data.columns={text: body}`` if ``text`` has no default.
    """
    for key in node:
        if OmegaConf.is_missing(node, key):
            continue
        value = node[key]
        if isinstance(value, DictConfig) and OmegaConf.get_type(value) is dict:
            OmegaConf.set_struct(value, False)
    return node


def named_schema(component: Component) -> type:
    """Return the component's schema with a field ``name`` that can only be the component's name."""
    name = StrEnum("Name", {component.name: component.name})  # type: ignore[misc]
    return component.section_schema(("name", name, dataclasses.field(default=name[component.name])))
