"""The groups and sections of a config with all their options: what can be explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any, get_type_hints

from seqloom.cli.reference.key import Key
from seqloom.cli.reference.option import Option, component_option, schema_keys
from seqloom.cli.reference.presets import Preset, preset_option, presets
from seqloom.config.schema import Batch, Budget, Run
from seqloom.plugins import KINDS, registry
from seqloom.plugins.options import CORE_PACKAGE
from seqloom.plugins.texts import summary

CORE = "seqloom"
"""Distribution of the core."""

SWEEPERS = "hydra/sweeper"

GROUPS = {
    "data": "where examples come from",
    "frontend": "turns examples into vectors",
    "encoder": "combines each vector with its context",
    "head": "predicts",
    "optimizer": "how weights follow their gradients",
    "scheduler": "how the learning rate changes during a run",
    "trainer": "devices, precision, length: arguments of Lightning's Trainer",
    "callbacks": "early stopping, average of the weights",
    "logger": "where metrics go in addition to metrics.jsonl",
    "experiment": "recipes: overrides of any other key",
    "sweep": "what -m does: all combinations, or a search",
    SWEEPERS: "settings of a sweep: hydra.sweeper.KEY",
    "hydra/launcher": "where the trials of a sweep run",
    "debug": "presets for debugging",
}
"""What the options of each group are."""

SECTIONS = {"batch": Batch, "budget": Budget}
"""Sections without options, and their schemas."""


def own_presets() -> tuple[Preset, ...]:
    """Return the YAML files of the core and of the plugins in use."""
    packages = {CORE_PACKAGE: CORE}
    for plugin in registry().plugins:
        for package in plugin.config_packages:
            packages.setdefault(package, plugin.distribution)
    return presets(tuple(packages.items()))


def option_names(group: str) -> list[str]:
    """Return the names of a group's options: components first, each kind sorted."""
    named = [name for kind in KINDS if kind == group for name in registry().names(kind)]
    named += ["grid", "optuna"] if group == SWEEPERS else []
    others = [one.name for one in own_presets() if one.group == group]
    return list(dict.fromkeys([*named, *others]))


def option_of(group: str, name: str) -> Option:
    """Return an option; one that is broken in another's plugin says so in its text."""
    for kind in KINDS:
        if kind == group and name in registry().names(kind):
            component, plugin = registry().entry(kind, name)
            describe = partial(component_option, component, plugin.distribution)
            return _described(group, name, plugin.distribution, describe)
    if group == SWEEPERS and name in ("grid", "optuna"):
        return _sweeper(name)
    every = own_presets()
    preset = next(one for one in every if (one.group, one.name) == (group, name))
    return _described(group, name, preset.provider, partial(preset_option, preset, every))


def _described(group: str, name: str, provider: str, describe: Callable[[], Option]) -> Option:
    """Return an option as described, or without keys if that fails for a plugin of others."""
    try:
        return describe()
    except Exception as error:  # a docstring, a type or a YAML file, wrong in any way
        if provider == CORE:
            raise
        text = f"it cannot be described: {type(error).__name__}: {error}"
        return Option(group, name, text, (), provider=provider)


def group_names() -> list[str]:
    """Return the names of all groups: those that we describe, then others that plugins have."""
    return list(dict.fromkeys([*GROUPS, *(one.group for one in own_presets())]))


def section_keys(section: str) -> tuple[Key, ...]:
    """Return the keys of a section without options, or those of a run itself for ``run``."""
    if section in SECTIONS:
        return schema_keys(section, SECTIONS[section])
    hints = get_type_hints(Run)
    own = {one.name for one in fields(Run) if hints[one.name] is not Any}
    return tuple(key for key in schema_keys("", Run) if key.path in own - SECTIONS.keys())


def section_text(section: str) -> str:
    """Return what a section without options is."""
    return summary(SECTIONS[section]).text if section in SECTIONS else "Settings of a run."


def _sweeper(name: str) -> Option:
    # Imported where they are needed: with Hydra, this takes longer than all the rest.
    from hydra_plugins.seqloom_sweepers.grid_sweeper import GridConfig
    from hydra_plugins.seqloom_sweepers.optuna_sweeper import OptunaConfig

    schema = {"grid": GridConfig, "optuna": OptunaConfig}[name]
    keys = schema_keys("hydra.sweeper", schema)
    return Option(SWEEPERS, name, summary(schema).text, keys, provider=CORE)
