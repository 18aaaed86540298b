"""Compose a run's config outside of Hydra's command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase
from omegaconf import DictConfig

from seqloom.config.disabling import disable_by
from seqloom.config.explain import COMPOSITION_ERRORS, explain
from seqloom.config.fit import check_fit
from seqloom.config.freeze import Config, freeze, freeze_section
from seqloom.config.store import register_configs
from seqloom.plugins.registry import disable

VERSION_BASE = "1.3"


def compose_run(
    overrides: Sequence[str], complete: Callable[[Config, Sequence[str]], Config] | None = None
) -> Config:
    """Return the frozen, checked config that ``seqloom train`` would run with these overrides.

    Args:
        overrides: as on the command line.
        complete: is given the config and the overrides before it is checked whether parts fit.

    Raises:
        ConfigError: it cannot be composed, or its parts do not fit.
        PluginError: a component is not installed.
    """
    disable_by(overrides)
    found = composed("train", overrides)
    disable(found.disable_plugins)
    config = freeze(found)
    if complete:
        config = complete(config, overrides)
    check_fit(config)
    return config


def compose_data(overrides: Sequence[str]) -> Config:
    """Return the data section that ``data=NAME data.KEY=VALUE`` overrides describe.

    Raises:
        ConfigError: it cannot be composed.
        PluginError: the component is not installed.
    """
    return freeze_section(composed("evaluate", overrides), "data")


def composed(config_name: str, overrides: Sequence[str]) -> DictConfig:
    """Return a config as Hydra composes it, its values neither resolved nor checked.

    Args:
        config_name: ``train`` or ``evaluate``.
        overrides: as on the command line.

    Raises:
        ConfigError: it cannot be composed.
        PluginError: a component is not installed.
    """
    register_configs()
    try:
        with _apart(), initialize_config_module("seqloom_conf", version_base=VERSION_BASE):
            return compose(config_name, overrides=list(overrides))
    except COMPOSITION_ERRORS as fault:
        raise explain(fault) from fault


@contextmanager
def _apart() -> Iterator[None]:
    """Leave a Hydra that is running in this process, another program's perhaps, as it was."""
    running, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = running
        VersionBase.instance().version_base = base
