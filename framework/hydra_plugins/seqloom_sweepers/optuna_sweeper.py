"""``hydra/sweeper=optuna``: the outcomes of earlier trials guide the choice of the next."""

# No postponed annotations: see grid_sweeper.py.
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from seqloom.config.store import open_dicts
from seqloom.cores import available_cores
from seqloom.errors import Cause, ConfigError
from seqloom.extras import install_command
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.shares import jobs_of
from seqloom.sweep.sweeper import PlannedSweeper


class OptunaSweeper(PlannedSweeper):
    """Searches with Optuna, which is imported when the search starts.

    Args:
        params: Overrides to search over, by key, in addition to those of the command line.
        attempts: Maximum number of attempts at a trial that fails, if the sweep is resumed.
        n_jobs: Number of trials that run at the same time; None: as the launcher says.
        settings: Settings of the search; see `Settings`.
    """

    kind = "optuna"

    def __init__(
        self,
        params: dict[str, Any] | None = None,
        attempts: int = 3,
        n_jobs: int | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(params, attempts)
        self.n_jobs = n_jobs
        self.search_settings = Settings(**{key: _plain(value) for key, value in settings.items()})

    def settings(self) -> dict[str, Any]:
        """Return the settings from which the study is rebuilt."""
        return self.search_settings.as_dict()

    def run(self, arguments: list[str], resuming: bool) -> None:
        """Search until there are enough points.

        Raises:
            SeqloomError: Optuna is not installed, or the search cannot start or continue.
        """
        if not find_spec("optuna"):
            raise ConfigError(
                "hydra/sweeper=optuna needs Optuna, which is not installed: "
                f"{install_command('sweep')}",
                cause=Cause.missing_extra,
            )
        from seqloom.sweep.optuna.search import search

        search(self, self.search_settings, arguments, resuming, self.at_once())

    def at_once(self) -> int:
        """Return the number of trials that run at the same time."""
        assert self.config is not None
        jobs = self.n_jobs or OmegaConf.select(self.config, "hydra.launcher.n_jobs") or 1
        return jobs_of(int(jobs), len(available_cores()))


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value) if isinstance(value, DictConfig) else value


@dataclass
class OptunaConfig(Settings):
    """Settings of the search and of the sweep.

    Attributes:
        params: Overrides to search over, by key, in addition to those of the command line.
            Example: ``{encoder.dropout: "interval(0,0.5)"}``.
        attempts: Maximum number of attempts at a trial that fails, if the sweep is resumed.
        n_jobs: Number of trials that run at the same time; null: as the launcher says.
            Example: ``2``.
    """

    _target_: str = "hydra_plugins.seqloom_sweepers.optuna_sweeper.OptunaSweeper"
    params: dict[str, Any] = field(default_factory=dict)
    attempts: int = 3
    n_jobs: int | None = None


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="optuna",
    node=open_dicts(OmegaConf.structured(OptunaConfig)),
    provider="seqloom",
)
