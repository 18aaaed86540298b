"""The sweeper as Hydra makes it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from omegaconf import OmegaConf

from hydra_plugins.seqloom_sweepers import optuna_sweeper
from hydra_plugins.seqloom_sweepers.optuna_sweeper import OptunaConfig, OptunaSweeper
from seqloom.errors import ConfigError
from seqloom.extras import install_command
from seqloom.sweep.optuna.settings import Settings


def test_its_config_has_the_defaults_of_the_settings() -> None:
    config = OmegaConf.structured(OptunaConfig(sampler_params={"group": True}))
    arguments = {str(key): value for key, value in config.items() if key != "_target_"}
    sweeper = OptunaSweeper(**arguments)
    assert sweeper.search_settings == Settings(sampler_params={"group": True})
    assert sweeper.settings() == Settings(sampler_params={"group": True}).as_dict()
    assert type(sweeper.settings()["sampler_params"]) is dict


@pytest.mark.parametrize(
    ("n_jobs", "launcher", "expected"),
    [
        (None, {}, 1),
        (None, {"n_jobs": 3}, 3),
        (None, {"n_jobs": -1}, 8),
        (None, {"n_jobs": -2}, 7),  # as joblib counts
        (2, {"n_jobs": 3}, 2),
        (-2, {"n_jobs": 3}, 7),
    ],
)
def test_as_many_trials_run_at_once_as_the_launcher_takes(
    monkeypatch: pytest.MonkeyPatch,
    n_jobs: int | None,
    launcher: dict[str, int],
    expected: int,
) -> None:
    monkeypatch.setattr(optuna_sweeper, "available_cores", lambda: list(range(8)))
    sweeper = OptunaSweeper(n_jobs=n_jobs)
    sweeper.config = OmegaConf.create({"hydra": {"launcher": launcher}})
    assert sweeper.at_once() == expected


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna_sweeper, "find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=re.escape(install_command("sweep"))):
        OptunaSweeper().run([], resuming=False)


def test_optuna_is_not_imported_before_a_search_begins(
    python: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    source = (
        "import sys\nfrom seqloom.config.store import register_configs\nregister_configs()\n"
        "assert 'hydra_plugins.seqloom_sweepers.optuna_sweeper' in sys.modules\n"
        "print({'optuna', 'torch', 'pytorch_lightning'} & set(sys.modules))"
    )
    assert python(source).stdout == "set()\n"
