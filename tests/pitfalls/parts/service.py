"""A service that keeps what is logged, and goes on with one run in a process until that is ended.

So do real ones that log to the web.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger
from pytorch_lightning.utilities import rank_zero_only


class Run:
    """What one run has logged: a file of its name."""

    current: Run | None = None

    def __init__(self, name: str, folder: Path) -> None:
        self.path = folder / name

    def log(self, metrics: dict[str, float]) -> None:
        """Add a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")

    def finish(self) -> None:
        """End the run."""
        Run.current = None


def begin(name: str, folder: Path) -> Run:
    """Begin a run, or go on with the one that has not been ended."""
    folder.mkdir(parents=True, exist_ok=True)
    Run.current = Run.current or Run(name, folder)
    return Run.current


class ServiceLogger(Logger):
    """Logs to the service, as Lightning's own loggers do: the run begins with the first metric."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__()
        self._name, self._folder = name, Path(folder)
        self._experiment: Run | None = None

    @property
    def name(self) -> str:
        """Lightning asks for it."""
        return self._name

    @property
    def version(self) -> str:
        """Lightning asks for it."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Log to this process's run."""
        self._experiment = self._experiment or begin(self._name, self._folder)
        self._experiment.log(metrics)
