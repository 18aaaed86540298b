"""The batch sampler: which examples each rank sees at each step of an epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from seqloom.data.batching import SPREADS, BatchPlan, Ints, fill, plan_batches, too_expensive
from seqloom.errors import Cause, ConfigError, DataError, RunError, plural

SHOWN = 10
"""Number of ids that an error lists."""


class Batch(list[int]):
    """The indices of one rank's batch, with its weight and epoch.

    A data loader passes this object, also through a worker's queue, to the ``__getitems__`` of its
    data set: a data set that has this method can pass the weight on to the collate function,
    and augment for the epoch.

    Attributes:
        weight: n·W·K/Σn, for n examples here and Σn in all batches of the step, K on each of W
            ranks. With it the mean over them of weight × mean loss is the mean loss over all the
            step's examples. With ``terms``, examples count by theirs instead.
        epoch: Epoch of the batch; the only one that a worker that reads ahead can use.
    """

    def __init__(self, indices: Iterable[int] = (), weight: float = 1.0, epoch: int = 0) -> None:
        super().__init__(indices)
        self.weight = weight
        self.epoch = epoch


class BatchSampler(Sampler[list[int]]):
    """Batches of examples of similar cost, dealt to the ranks: a function of seed and epoch alone.

    Each epoch shows each example once on one rank, and gives every rank the same number of batches,
    none of them empty. The number of batches follows from the costs, whatever the shuffle. At one
    step the ranks have neighbours in cost. Without ``shuffle`` the largest come first, so that a
    batch too large for the memory fails at once.

    Args:
        costs: Size of each example, in the unit of ``max_cost``; as ``codec.cost`` gives it.
        max_examples: Largest number of examples in a batch.
        max_cost: Largest cost of a batch with its padding: its number of examples times the
            greatest cost among them. None: no limit.
        shuffle: Whether examples of similar cost, and the steps, are permuted in each epoch.
        seed: Seed of the shuffle.
        rank: Rank of this process, from 0.
        world_size: Number of processes.
        ids: Ids of the examples, for messages.
        accumulate: Batches of a rank whose gradients make one step; the last step of an epoch may
            have fewer, and is divided by the same number.
        terms: How much each example counts in a step, see `HeadCodec.terms`; None: all the same.

    Attributes:
        epoch: Epoch set by ``set_epoch``.
        world_size: Number of processes.
        accumulate: Batches of a rank whose gradients make one step.

    Raises:
        ConfigError: A limit is not positive, or the examples cannot be dealt to this many ranks.
        DataError: An example costs more than ``max_cost``.

    >>> sampler = BatchSampler([3, 9, 3, 8], max_examples=2, max_cost=18, shuffle=False, seed=0)
    >>> list(sampler), len(sampler)
    ([[3, 1], [0, 2]], 2)
    >>> round(sampler.fill(), 3)
    0.958
    """

    def __init__(
        self,
        costs: Sequence[int] | Ints,
        *,
        max_examples: int,
        max_cost: int | None,
        shuffle: bool,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        ids: Sequence[str] | None = None,
        accumulate: int = 1,
        terms: Sequence[int] | Ints | None = None,
    ) -> None:
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not one of {world_size}.")
        _check_limits(max_examples, max_cost, seed)
        self._costs = np.asarray(costs, np.int64).reshape(-1)
        _check_costs(self._costs, max_cost, ids)
        _check_ranks(len(self._costs), world_size)
        # Relative to their mean, so that a step of average examples has the weight 1.
        self._shares = None if terms is None else np.asarray(terms) / np.mean(terms)
        self._shuffle, self._seed = shuffle, seed
        self._rank, self.world_size = rank, world_size
        self.accumulate = accumulate
        self._batches = _plan_for_ranks(self._costs, max_examples, max_cost, world_size)
        self.epoch = 0
        self._position = 0
        self._resume_at = 0

    @property
    def sampler(self) -> BatchSampler:
        """This sampler itself: where Lightning looks for ``set_epoch``."""
        return self

    @property
    def position(self) -> int:
        """Number of batches that this rank has yielded, counted from the start of the epoch."""
        return self._position

    def __len__(self) -> int:
        """Return the number of batches of an epoch on each rank, which is that of its steps."""
        return (len(self._batches.bounds) - 1) // self.world_size

    def __iter__(self) -> Iterator[list[int]]:
        """Yield this rank's batches of the epoch; the first time from a loaded state's position."""
        start, self._resume_at = self._resume_at, 0
        order, steps = self._plan()
        epoch = self.epoch
        for position in range(start, len(self)):
            # Counted before the batch is yielded, as it is in use from then on.
            self._position = position + 1
            first = position - position % self.accumulate
            together = steps[first : first + self.accumulate]
            yield self._batch(order, int(steps[position]), epoch, self._total(order, together))

    def steps(self, start: int) -> Iterator[list[list[int]]]:
        """Yield the batches of all ranks in each step of the epoch, from a step on."""
        order, rounds = self._plan()
        bounds, ranks = self._batches.bounds, self.world_size
        for first in range(start * self.accumulate, len(self), self.accumulate):
            numbers = [
                int(one) * ranks + rank
                for one in rounds[first : first + self.accumulate]
                for rank in range(ranks)
            ]
            yield [order[bounds[one] : bounds[one + 1]].tolist() for one in numbers]

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; a new one starts at its first batch."""
        if epoch != self.epoch:
            self.epoch = epoch
            self._position = self._resume_at = 0

    def fill(self) -> float:
        """Return the fraction of this epoch's batches, over all ranks, that is not padding."""
        order, _ = self._plan()
        return fill(self._costs, order, self._batches.bounds)

    def state_dict(self, position: int | None = None) -> dict[str, int]:
        """Return the position in the data, as plain numbers.

        Args:
            position: Number of batches used, from the start of the epoch. By default the number
                yielded, which is larger where a loader's workers read ahead.
        """
        used = self._position if position is None else position
        epochs, position = divmod(used, len(self))
        return {
            "seed": self._seed,
            "epoch": self.epoch + epochs,
            "position": position,
            "world_size": self.world_size,
            "batches": len(self),
        }

    def state_at(self, epoch: int, batches: int) -> dict[str, int]:
        """Return the position after some batches of an epoch, even if they are all of them."""
        known = {"epoch": epoch, "position": batches, "accumulate": self.accumulate}
        return {**self.state_dict(0), **known}

    def batches_at(self, position: int) -> int:
        """Return the number of a rank's batches before a position, which is the position."""
        return position

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from a position: the next iteration yields exactly the rest of its epoch.

        Raises:
            RunError: The position is in other data, or of another seed or number of ranks.
        """
        _check_state(state, self.state_dict())
        self.epoch = int(state["epoch"])
        self._position = self._resume_at = int(state["position"])

    def _plan(self) -> tuple[Ints, Ints]:
        """Return the epoch's order of the examples and of the steps."""
        steps = np.arange(len(self))
        if not self._shuffle:
            return self._batches.order, steps[::-1]
        rng = np.random.default_rng((self._seed, self.epoch))
        return self._batches.permuted(rng), rng.permutation(steps)

    def share(self, examples: Sequence[int] | Ints) -> float:
        """Return by how many average examples some examples count: their number, without terms."""
        if self._shares is None:
            return len(examples)
        return float(self._shares[np.asarray(examples, np.int64)].sum())

    def _total(self, order: Ints, steps: Ints) -> float:
        """Return by how many average examples those of all ranks count in some of the rounds."""
        bounds, ranks = self._batches.bounds, self.world_size
        rounds = (order[bounds[one * ranks] : bounds[(one + 1) * ranks]] for one in steps)
        return sum(map(self.share, rounds))

    def _batch(self, order: Ints, step: int, epoch: int, total: float) -> Batch:
        first = step * self.world_size + self._rank
        start, stop = self._batches.bounds[first : first + 2]
        weight = (stop - start) * self.world_size * self.accumulate / total
        return Batch(order[start:stop].tolist(), float(weight), epoch)


def _check_limits(max_examples: int, max_cost: int | None, seed: int) -> None:
    if max_examples < 1:
        raise ConfigError(
            f"batch.max_examples={max_examples}: a batch needs at least 1 example.",
            cause=Cause.wrong_value,
        )
    if max_cost is not None and max_cost < 1:
        raise ConfigError(
            f"batch.max_cost={max_cost}: expected a positive number, or null for no limit.",
            cause=Cause.wrong_value,
        )
    if seed < 0:
        raise ConfigError(
            f"seed={seed}: expected 0 or a positive whole number.", cause=Cause.wrong_value
        )


def _check_costs(costs: Ints, max_cost: int | None, ids: Sequence[str] | None) -> None:
    if ids is not None and len(ids) != len(costs):
        raise ValueError(f"{len(ids)} ids for {len(costs)} costs.")
    if (costs < 0).any():
        raise ValueError("A cost is negative.")
    found = too_expensive(costs, max_cost, ids)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise DataError(
            f"{len(found)} of {len(costs)} {plural(len(costs), 'example')} "
            f"{plural(len(found), 'costs', 'cost')} more than batch.max_cost={max_cost}, so "
            f"no batch can hold them: {', '.join(found[:SHOWN])}{more}. Raise batch.max_cost to "
            f"{costs.max()}, or leave these examples out with on_bad=skip.",
            cause=Cause.over_cost,
        )


def _check_ranks(examples: int, world_size: int) -> None:
    if examples < world_size:
        raise ConfigError(
            f"Too few examples ({examples}) for the processes ({world_size}): each needs at least "
            "one. Use fewer devices, or more data."
        )


def _plan_for_ranks(
    costs: Ints, max_examples: int, max_cost: int | None, world_size: int
) -> BatchPlan:
    for spreads in (SPREADS, (0.0,)):
        whole = plan_batches(costs, max_examples, max_cost, spreads)
        try:
            return whole.divisible_by(world_size)
        except ValueError:
            continue  # with the fewest batches that are possible there may be room to halve some
    raise ConfigError(
        f"{len(costs)} {plural(len(costs), 'example')} cannot be divided among {world_size} "
        f"processes with the same number of batches each: with batch.max_examples={max_examples} "
        f"and batch.max_cost={max_cost} there are at least {len(whole.sizes)} "
        f"{plural(len(whole.sizes), 'batch', 'batches')}, which is not divisible by {world_size}, "
        "and too few of them can be halved. Raise batch.max_examples or batch.max_cost, or use "
        "fewer devices."
    )


def _check_state(state: Mapping[str, Any], here: Mapping[str, int]) -> None:
    absent = [key for key in here if key not in state]
    if absent:
        raise RunError(
            f"The stored position in the data lacks {', '.join(absent)}; it was not written by "
            "this sampler. Resume from another checkpoint, or start a new run."
        )
    differing = [
        f"{key.replace('_', ' ')} {state[key]} then, {here[key]} now"
        for key in ("seed", "world_size", "batches")
        if state[key] != here[key]
    ]
    if differing:
        raise RunError(
            f"The stored position in the data does not match this run: {'; '.join(differing)}. "
            "Resume with the same data, seed, batch settings and number of processes, or start a "
            "new run.",
            cause=Cause.changed_data,
        )
