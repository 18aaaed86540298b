"""The presets of sweeps: their spaces can be searched, and every key in them applies somewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import OmegaConf

from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.space import Suggester, read_space
from seqloom.sweep.override_filter import OverrideFilter

NO_SETTINGS = {"_target_", "params", "attempts", "n_jobs"}


@pytest.mark.parametrize("name", ["search", "small_and_good"])
def test_a_search_can_begin(loader: ConfigLoaderImpl, name: str) -> None:
    words = ["hydra/sweeper=optuna", f"sweep={name}", "run_dir=x"]
    config = loader.load_configuration("train", words, run_mode=RunMode.MULTIRUN)
    sweeper: Any = OmegaConf.to_container(config.hydra.sweeper)
    settings = Settings(**{k: v for k, v in sweeper.items() if k not in NO_SETTINGS})
    settings.check()
    parser = OverridesParser.create(config_loader=loader)
    params = [f"{key}={value}" for key, value in sweeper["params"].items()]
    space = read_space(parser.parse_overrides(params))
    Suggester(space, OverrideFilter(loader, config)).refuse_unused()
    assert len(space.groups) + len(space.values) == len(params)


def test_the_grid_of_merges(loader: ConfigLoaderImpl) -> None:
    config = loader.load_configuration(
        "train", ["sweep=merges", "run_dir=x"], run_mode=RunMode.MULTIRUN
    )
    assert config.hydra.runtime.choices["hydra/sweeper"] == "grid"
    assert set(config.hydra.sweeper.params) == {"encoder", "encoder.merge", "seed"}
