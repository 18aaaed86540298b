"""Compose a run's config outside of Hydra's command line."""

from __future__ import annotations

from collections.abc import Sequence

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from seqloom.config.fit import check_fit
from seqloom.config.freeze import Config, freeze, freeze_section
from seqloom.config.store import register_configs
from seqloom.errors import ConfigError, SeqloomError, did_you_mean
from seqloom.plugins import registry

VERSION_BASE = "1.3"


def compose_run(overrides: Sequence[str]) -> Config:
    """Return the frozen, checked config that ``seqloom train`` would run with these overrides.

    Raises:
        ConfigError: it cannot be composed, or its parts do not fit.
        PluginError: a component is not installed.
    """
    config = freeze(_composed("train", overrides))
    check_fit(config)
    return config


def compose_data(overrides: Sequence[str]) -> Config:
    """Return the data section that ``data=NAME data.KEY=VALUE`` overrides describe.

    Raises:
        ConfigError: it cannot be composed.
        PluginError: the component is not installed.
    """
    return freeze_section(_composed("evaluate", overrides), "data")


def _composed(config_name: str, overrides: Sequence[str]) -> DictConfig:
    register_configs()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_module("seqloom_conf", version_base=VERSION_BASE):
            return compose(config_name, overrides=list(overrides))
    except (HydraException, OmegaConfBaseException) as fault:
        raise explain(fault) from fault


def explain(fault: Exception) -> SeqloomError:
    """Return a composition error of Hydra or OmegaConf as one of ours, in a sentence."""
    if isinstance(fault, MissingConfigException) and fault.missing_cfg_file:
        group, _, name = fault.missing_cfg_file.removesuffix(".yaml").rpartition("/")
        if group:
            known = [option for option in fault.options or () if not option.startswith("schema")]
            hint = did_you_mean(name, known)
            return ConfigError(f"There is no {group}={name}. {hint}{registry().absent()}")
    cause = fault.__cause__ if isinstance(fault.__cause__, OmegaConfBaseException) else None
    lines = [line.strip() for error in (fault, cause) if error for line in str(error).splitlines()]
    unique = dict.fromkeys(line for line in lines if line and not line.startswith("object_type"))
    return ConfigError("\n".join(unique))
