"""The frozen config of a run: what every function of the run path takes its settings from."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from seqloom.plugins import KINDS

Section = dict[str, Any]
"""A plain section: dict, list, str, int, float, bool and None, ready for YAML and JSON."""


@dataclass(frozen=True)
class BatchConfig:
    """The frozen form of `seqloom.config.schema.Batch`, which documents the fields."""

    max_examples: int = 16
    max_cost: int | None = None
    workers: int = 0
    max_length: int | None = None
    on_long: Literal["error", "skip", "truncate", "split"] = "error"


@dataclass(frozen=True)
class BudgetConfig:
    """The frozen form of `seqloom.config.schema.Budget`, which documents the fields."""

    epochs: int = 10
    min_steps: int | None = None
    max_epochs: int = 100


@dataclass(frozen=True)
class RunConfig:
    """The frozen form of `seqloom.config.schema.Run`, which documents the fields.

    The sections of components hold ``name`` and the component's parameters; those of ``optimizer``,
    ``scheduler``, ``trainer``, ``callbacks`` and ``logger`` hold ``_target_`` and its arguments.
    The key ``freeze`` keeps modules untrained; `seqloom.config.freeze` fixes the config.
    """

    data: Section
    frontend: Section
    encoder: Section
    head: Section
    batch: BatchConfig
    budget: BudgetConfig
    optimizer: Section
    scheduler: Section | None
    trainer: Section
    callbacks: dict[str, Section] | None
    logger: dict[str, Section] | None
    run_dir: str
    seed: int = 1
    resume: Literal["never", "auto"] = "never"
    save_every: str | None = None
    on_bad: Literal["error", "skip"] = "error"
    threads: int | None = 1
    init: str | None = None
    init_classes: Literal["keep", "merge", "replace"] = "keep"
    freeze: Sequence[str] = field(default_factory=list)
    disable_plugins: Sequence[str] = field(default_factory=list)
    title: str | None = None
    monitor: str | None = None
    mode: Literal["max", "min"] | None = None
    baseline: bool = False
    copy_to: str | None = None
    time_limit: str | None = None
    max_restarts: int = 0
    hang_timeout: float | None = 1800.0
    cache: str = "auto"

    @property
    def components(self) -> dict[str, Section]:
        """The sections of the components by kind."""
        return {kind: getattr(self, kind) for kind in KINDS}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RunConfig:
        """Return the config that `to_plain` turned into plain data.

        Raises:
            TypeError: A key is missing or unknown.
        """
        copied = copy.deepcopy(dict(plain))
        copied["batch"] = BatchConfig(**copied["batch"])
        # Configs of 0.1 do not have it; they set trainer.max_epochs.
        copied["budget"] = BudgetConfig(**copied.get("budget", {}))
        return cls(**copied)

    def to_plain(self) -> Section:
        """Return the config as plain data: the content of ``config.yaml``."""
        return asdict(self)
