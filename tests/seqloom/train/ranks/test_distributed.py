"""What ranks tell one another; alone, a process is the first of one."""

from __future__ import annotations

from typing import Any

from seqloom.train.ranks.distributed import from_first, gathered, is_first, rank, world_size


def _told(word: str) -> tuple[Any, ...]:
    mine = {word: rank()}
    return rank(), world_size(), is_first(), gathered(mine), from_first(mine)


def test_a_process_on_its_own() -> None:
    value = object()
    assert (rank(), world_size(), is_first()) == (0, 1, True)
    assert gathered(value) == [value]
    assert from_first(value) is value


def test_several_processes(on_ranks: Any) -> None:
    for size, found in on_ranks(_told, "of").items():
        everybody = [{"of": number} for number in range(size)]
        assert found == [(r, size, r == 0, everybody, {"of": 0}) for r in range(size)]
