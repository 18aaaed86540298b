"""Two ranks are two processes: what they return, raise, or do not finish reaches the caller."""

from __future__ import annotations

import multiprocessing
import os
import time

import pytest
import torch
from torch import distributed

from seqloom.testing import ConformanceError, NotApplicable, on_two_ranks, ranks


def test_both_ranks_answer_and_know_one_another() -> None:
    def total(more: int) -> tuple[int, int, float]:
        own = torch.tensor(float(distributed.get_rank() + more))
        distributed.all_reduce(own)
        return os.getpid(), distributed.get_rank(), own.item()

    (one, zero, first), (two, other, second) = on_two_ranks(total, 10)
    assert len({one, two, os.getpid()}) == 3
    assert (zero, first, other, second) == (0, 21.0, 1, 21.0)


def test_what_one_rank_raises_is_told_while_the_other_waits() -> None:
    def fail() -> None:
        if distributed.get_rank() == 1:
            raise ValueError("no weights")
        distributed.barrier()

    with pytest.raises(ConformanceError, match=r"rank 1 of two: raised ValueError: no weights, at"):
        on_two_ranks(fail)


def test_what_does_not_apply_there_does_not_apply_here() -> None:
    def pass_over() -> None:
        raise NotApplicable("nothing to train")

    with pytest.raises(NotApplicable, match=r"rank . of two: nothing to train"):
        on_two_ranks(pass_over)


def test_ranks_start_no_ranks() -> None:
    with pytest.raises(NotApplicable, match=r"rank . of two: this process is itself a rank"):
        on_two_ranks(lambda: on_two_ranks(os.getpid))


def test_without_gloo_ranks_cannot_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "is_gloo_available", lambda: False)
    with pytest.raises(NotApplicable, match="this build of torch has no gloo"):
        on_two_ranks(os.getpid)


def test_a_rank_that_dies_is_told() -> None:
    def die() -> None:
        if distributed.get_rank() == 0:
            os._exit(7)
        time.sleep(60)

    with pytest.raises(ConformanceError, match="rank 0 of two died with exit code 7"):
        on_two_ranks(die)


def test_a_hang_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "LIMIT", 2.0)
    with pytest.raises(ConformanceError, match="rank 0 and 1 of two did not end within 2 s"):
        on_two_ranks(time.sleep, 60)


def test_what_cannot_be_sent_does_not_apply_where_ranks_start_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranks, "_method", lambda: "spawn")
    with pytest.raises(NotApplicable, match=r"cannot be pickled .* at the top of a module"):
        on_two_ranks(lambda: None)


def test_ranks_that_start_anew_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    # As spawned ranks do, these get what they need by pickling, but they import it once.
    multiprocessing.set_forkserver_preload(["seqloom.train.run", "seqloom.testing"])
    monkeypatch.setattr(ranks, "_method", lambda: "forkserver")
    assert on_two_ranks(distributed.get_rank) == [0, 1]
