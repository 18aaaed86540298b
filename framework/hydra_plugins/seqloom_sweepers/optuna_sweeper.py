"""``hydra/sweeper=optuna``: what is tried next depends on what came of the trials before."""

# No postponed annotations: see grid_sweeper.py.
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from seqloom.config.store import open_dicts
from seqloom.errors import ConfigError
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.parallel import jobs_of
from seqloom.sweep.shares import cores
from seqloom.sweep.sweeper import PlannedSweeper


class OptunaSweeper(PlannedSweeper):
    """Searches with Optuna, which is imported when the search begins.

    Args:
        params: what to search over, by key, besides the words of the command line.
        attempts: how often a trial that fails is tried in all, where the sweep is resumed.
        n_jobs: how many trials run at once; None: as the launcher says.
        settings: of the search; see `Settings`.
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
        self.search = Settings(**{key: _plain(value) for key, value in settings.items()})

    def settings(self) -> dict[str, Any]:
        """Return what the study is rebuilt by."""
        return self.search.as_dict()

    def run(self, arguments: list[str], resuming: bool) -> None:
        """Search until there were enough points.

        Raises:
            SeqloomError: Optuna is not installed, or the search cannot begin or go on.
        """
        if not find_spec("optuna"):
            raise ConfigError(
                "hydra/sweeper=optuna needs Optuna, which is not installed: "
                'pip install "seqloom[sweep]"'
            )
        from seqloom.sweep.optuna.lead import lead

        lead(self, self.search, arguments, resuming, self.at_once())

    def at_once(self) -> int:
        """Return how many trials run at once."""
        assert self.config is not None
        jobs = self.n_jobs or OmegaConf.select(self.config, "hydra.launcher.n_jobs") or 1
        return jobs_of(int(jobs), len(cores()))


def _plain(value: Any) -> Any:
    return OmegaConf.to_container(value) if isinstance(value, DictConfig) else value


@dataclass
class OptunaConfig(Settings):
    """Settings of the search, and of the sweep that it is.

    Attributes:
        params: what to search over, by key: ``{optimizer.lr: "tag(log,interval(1e-4,1e-1))"}``.
        attempts: how often a trial that fails is tried in all, where the sweep is resumed.
        n_jobs: how many trials run at once; null: as the launcher says.
    """

    _target_: str = f"{__name__}.OptunaSweeper"
    params: dict[str, Any] = field(default_factory=dict)
    attempts: int = 3
    n_jobs: int | None = None


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="optuna",
    node=open_dicts(OmegaConf.structured(OptunaConfig)),
    provider="seqloom",
)
