"""Searches whose trials are functions of their overrides, written down as training would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_automatic_config_search_path
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from seqloom.config.store import register_configs
from seqloom.sweep.folder import Plan, PlannedTrial, SweepFolder, read_plan
from seqloom.sweep.optuna.search import Launch, Search
from seqloom.sweep.optuna.settings import Settings
from seqloom.sweep.optuna.space import Space, Suggester, read_space
from seqloom.sweep.override_filter import OverrideFilter

Objective = Callable[[Mapping[str, str]], float]
Read = Callable[..., Space]
MakeSearch = Callable[..., Search]


@pytest.fixture(scope="session")
def loader() -> ConfigLoaderImpl:
    """Return what Hydra finds our configs with."""
    register_configs()
    path = create_automatic_config_search_path(None, None, "pkg://seqloom_conf")
    return ConfigLoaderImpl(config_search_path=path)


@pytest.fixture(scope="session")
def override_filter(loader: ConfigLoaderImpl) -> OverrideFilter:
    """Return the filter of a sweeper."""
    config = loader.load_configuration("train", ["run_dir=x"], run_mode=RunMode.MULTIRUN)
    return OverrideFilter(loader, config)


@pytest.fixture(scope="session")
def read(loader: ConfigLoaderImpl) -> Read:
    """Read a space with Hydra's own parser."""

    def _read(*words: str) -> Space:
        parser = OverridesParser.create(config_loader=loader)
        return read_space(parser.parse_overrides(list(words)))

    return _read


def values_of(planned: PlannedTrial) -> dict[str, str]:
    """Return a trial's values by key."""
    return {key: value for key, _, value in (one.partition("=") for one in planned.overrides)}


def write_trials(folder: Path, objective: Objective) -> Launch:
    """Return a launcher that writes down what a trial came to, rather than train."""

    def launch(planned: Sequence[PlannedTrial]) -> None:
        for one in planned:
            write_trial(folder / str(one.number), objective(values_of(one)))

    return launch


def write_trial(
    folder: Path,
    value: float,
    curve: Sequence[float | None] = (),
    losses: Sequence[float] = (),
    **more: Any,
) -> None:
    """Write the record of a trial with a value of f1 on validation; f1 and the loss by epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "state": "done",
        "monitor": "f1",
        "higher_is_better": True,
        "metrics": {"val": {"f1": value}},
        "parameters": 7,
        **more,
    }
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    rows = [
        {"step": 9 * epoch, "epoch": epoch, name: y}
        for name, values in (("val/f1", curve), ("val/loss", losses))
        for epoch, y in enumerate(values)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")


class Merges(OverrideFilter):
    """Drops only merges, without composing configs."""

    def __init__(self) -> None:
        pass

    def apply(self, overrides: Sequence[str]) -> list[str]:
        """Leave the merge out where there is one direction."""
        merged = "encoder=rnn" not in overrides
        return [word for word in overrides if merged or not word.startswith("encoder.merge=")]

    def check(self, overrides: Sequence[str]) -> None:
        """Take everything."""


@pytest.fixture
def make_search(tmp_path: Path, read: Read) -> MakeSearch:
    """Return a search in a folder, which goes on with the plan that is there, if there is one."""

    def make(
        *words: str,
        launch: Launch | None = None,
        objective: Objective = lambda values: 0.5,
        folder: Path = tmp_path / "sweep",
        at_once: int = 1,
        **settings: Any,
    ) -> Search:
        chosen = Settings(**settings)
        folder.mkdir(exist_ok=True)
        new = Plan(folder, "optuna", [], "", settings=chosen.as_dict())
        plan = read_plan(folder) if SweepFolder(folder).plan.exists() else new
        suggester = Suggester(read(*words), Merges())
        return Search(plan, chosen, suggester, launch or write_trials(folder, objective), at_once)

    return make
