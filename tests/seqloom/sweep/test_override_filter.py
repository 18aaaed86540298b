"""Which keys apply to a point: those that its config has, or that its sections are open to."""

from __future__ import annotations

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_automatic_config_search_path
from hydra.types import RunMode
from omegaconf import DictConfig

from seqloom.config.store import register_configs
from seqloom.errors import SeqloomError
from seqloom.sweep.override_filter import OverrideFilter


@pytest.fixture(scope="module")
def sweep() -> tuple[ConfigLoaderImpl, DictConfig]:
    """Return what Hydra finds our configs with, and the default config of a sweep."""
    register_configs()
    path = create_automatic_config_search_path(None, None, "pkg://seqloom_conf")
    loader = ConfigLoaderImpl(config_search_path=path)
    return loader, loader.load_configuration("train", [], run_mode=RunMode.MULTIRUN)


@pytest.fixture
def override_filter(sweep: tuple[ConfigLoaderImpl, DictConfig]) -> OverrideFilter:
    """Return a new filter of a sweep of the default config."""
    return OverrideFilter(*sweep)


@pytest.mark.parametrize(
    ("point", "dropped"),
    [
        (["encoder=rnn", "encoder.merge=sum"], {"encoder.merge": ["encoder=rnn"]}),
        (["encoder.merge=sum", "encoder=rnn"], {"encoder.merge": ["encoder=rnn"]}),
        (["encoder=bilstm", "encoder.merge=sum"], {}),
        (["encoder.merge=sum"], {}),  # of the default encoder
        (["encoder=rnn", "encoder.merge.deep=1"], {"encoder.merge.deep": ["encoder=rnn"]}),
        (["encoder=rnn", "seed=2", "encoder.hidden_size=3"], {}),
        (["scheduler=constant", "scheduler.final=0"], {"scheduler.final": ["scheduler=constant"]}),
        (["~scheduler", "scheduler.warmup_steps=1"], {"scheduler.warmup_steps": [""]}),
        (
            ["callbacks=none", "callbacks.early_stopping.patience=3"],
            {"callbacks.early_stopping.patience": ["callbacks=none"]},
        ),
        (["wild=1"], {"wild": [""]}),
        (["+trainer.deterministic=true", "++trainer.profiler=simple"], {}),
        (["frontend=line_image", "frontend.channels.0=4"], {}),
        (["init=null"], {}),  # a key without a value yet
    ],
    ids=str,
)
def test_what_is_dropped(
    override_filter: OverrideFilter, point: list[str], dropped: dict[str, list[str]]
) -> None:
    kept = override_filter.apply(point)
    found = {key: list(choices) for key, choices in override_filter.dropped.items()}
    assert found == dropped
    assert kept == [word for word in point if word.partition("=")[0] not in found]


def test_dropped_keys_are_recorded_by_choice(override_filter: OverrideFilter) -> None:
    for encoder in ("rnn", "lstm", "bilstm", "rnn"):
        override_filter.apply([f"encoder={encoder}", "encoder.merge=sum"])
    assert list(override_filter.dropped["encoder.merge"]) == ["encoder=rnn", "encoder=lstm"]


def test_a_choice_that_does_not_exist_is_refused(override_filter: OverrideFilter) -> None:
    with pytest.raises(SeqloomError, match=r"There is no encoder=bilstn\. Did you mean 'bilstm'"):
        override_filter.apply(["encoder=bilstn", "encoder.merge=sum"])


def test_check_composes_the_whole_point(override_filter: OverrideFilter) -> None:
    override_filter.check(["encoder=bilstm", "encoder.merge=sum"])
    with pytest.raises(SeqloomError, match="encoder has no key 'merge'"):
        override_filter.check(["encoder=rnn", "encoder.merge=sum"])
