"""Where an epoch continues whose batches cannot be told apart any more."""

from __future__ import annotations

from typing import Any

import pytest

from seqloom.data.sampler import BatchSampler
from seqloom.train.checkpoints.continuation import _continue_in
from seqloom.train.loops import KEY, Moment, migrate_0_1


def cut_state(position: int) -> dict[str, Any]:
    """Return the state of a run that was stored after some batches of its first epoch."""
    counters = dict.fromkeys(("ready", "started", "processed", "completed"), position)
    loop = {
        "epoch_loop.batch_progress": {"current": counters, "is_last_batch": False},
        "epoch_loop.state_dict": {KEY: str(Moment.STEP), "_batches_that_stepped": 4},
    }
    data = {"position": position, "epoch": 0}
    return {"loops": {"fit_loop": loop}, "SequenceData": data}


def continued(accumulate: int, caplog: pytest.LogCaptureFixture) -> tuple[dict[str, Any], str]:
    sampler = BatchSampler(
        [1] * 12, max_examples=1, max_cost=None, shuffle=False, seed=1, accumulate=accumulate
    )
    state = cut_state(5)
    _continue_in(sampler, state)
    return state, caplog.text


def test_an_epoch_starts_again_where_no_step_ends(caplog: pytest.LogCaptureFixture) -> None:
    state, said = continued(2, caplog)
    assert "trainer.accumulate_grad_batches=2 does not divide the 5 batches" in said
    loop = state["loops"]["fit_loop"]
    assert state["SequenceData"]["position"] == 0
    assert set(loop["epoch_loop.batch_progress"]["current"].values()) == {0}
    own = loop["epoch_loop.state_dict"]
    assert own == {KEY: str(Moment.CUT), "_batches_that_stepped": 5}


def test_it_continues_where_a_step_ends(caplog: pytest.LogCaptureFixture) -> None:
    state, said = continued(5, caplog)
    assert not said
    assert state["SequenceData"]["position"] == 5
    assert state["loops"]["fit_loop"]["epoch_loop.state_dict"][KEY] == str(Moment.STEP)


def test_a_checkpoint_of_0_1_inside_an_epoch_is_one_inside_an_epoch() -> None:
    state = cut_state(5)
    loop = state["loops"]["fit_loop"]
    del loop["epoch_loop.state_dict"][KEY]
    counters = {"ready": 1, "started": 1, "processed": 1, "completed": 1}
    loop["epoch_progress"] = {"total": {**counters}, "current": {**counters}}
    migrate_0_1(state)
    assert loop["epoch_loop.state_dict"][KEY] == str(Moment.CUT)
    assert loop["epoch_progress"]["current"] == {**counters, "processed": 0, "completed": 0}
