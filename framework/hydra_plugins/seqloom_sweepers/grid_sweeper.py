"""``hydra/sweeper=grid``: every combination of the values given, each once."""

# No postponed annotations: Hydra runs this module before Python knows it by name, which a dataclass
# would need to read them.
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from seqloom.sweep.grid import Grid


class GridSweeper(Grid):
    """The grid under a name that Hydra accepts."""


@dataclass
class GridConfig:
    """Settings of the grid.

    Attributes:
        params: what to sweep over, by key: ``{encoder: "rnn,lstm"}``.
        attempts: how often a trial that fails is tried in all, where the sweep is resumed.
    """

    _target_: str = f"{__name__}.GridSweeper"
    params: dict[str, Any] = field(default_factory=dict)
    attempts: int = 3


ConfigStore.instance().store(
    group="hydra/sweeper", name="grid", node=GridConfig, provider="seqloom"
)
