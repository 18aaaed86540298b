"""``hydra/sweeper=grid``: every combination of the given values once."""

# No postponed annotations: Hydra executes this module before it is in sys.modules, where a
# dataclass would look them up.
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from seqloom.config.store import open_dicts
from seqloom.sweep.grid import Grid


class GridSweeper(Grid):
    """The grid sweeper under a name that Hydra accepts."""


@dataclass
class GridConfig:
    """Settings of the grid sweeper.

    Attributes:
        params: Overrides to sweep over, by key, in addition to those of the command line.
            Example: ``{encoder: "rnn,lstm"}``.
        attempts: Maximum number of attempts at a trial that fails, if the sweep is resumed.
    """

    _target_: str = "hydra_plugins.seqloom_sweepers.grid_sweeper.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)
    attempts: int = 3


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="grid",
    node=open_dicts(OmegaConf.structured(GridConfig)),
    provider="seqloom",
)
