"""Greedy search: the most probable unit at each step, of all examples at once.

`seqloom_translation.search` finds the same with a beam of 1. This does without what only several
hypotheses need: sums over hypotheses, copies of them, and candidates beyond the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqloom_translation.attention import Memory
from seqloom_translation.decoder import Decoder
from seqloom_translation.search import Hypothesis
from seqloom_translation.units import BOS, EOS


@torch.no_grad()
def greedy_search(
    decoder: Decoder,
    summary: Tensor,
    memory: Memory,
    *,
    limits: Sequence[int],
    prefixes: Sequence[Sequence[int]],
    no_repeat: int,
    logs: bool,
) -> list[Hypothesis]:
    """Return the sequence of each example; what is finished leaves the batch.

    Args:
        decoder: Decoder.
        summary: Summaries of the encoder, (B, H).
        memory: States of the encoder.
        limits: Largest number of units of each example; longer prefixes are kept whole.
        prefixes: Units that each example must begin with.
        no_repeat: Length of runs of units that may not occur twice; 0: any may.
        logs: Whether to compute the log-probabilities.
    """
    found = [
        _Row(max(limit, len(prefix)), prefix, no_repeat)
        for limit, prefix in zip(limits, prefixes, strict=True)
    ]
    rows, state, device = found, decoder.initial_state(summary), memory.values.device
    units = torch.full((len(rows),), BOS, device=device)
    while rows:
        logits, _, state = decoder.step(units, state, memory)
        units, values = _chosen(logits.float(), rows, logs=logs)
        for row, value in zip(rows, values, strict=False):
            row.logs.append(value)
        kept = [place for place, unit in enumerate(units.tolist()) if rows[place].go_on(unit)]
        if len(kept) < len(rows) and kept:
            index = torch.tensor(kept, device=device)
            units, memory = units[index], memory.select(index)
            state = tuple(one[index] for one in state)
        rows = [rows[place] for place in kept]
    return [Hypothesis(row.units, row.logs) for row in found]


def _chosen(logits: Tensor, rows: Sequence[_Row], *, logs: bool) -> tuple[Tensor, list[float]]:
    """Return the next unit of each row, (N,), and their log-probabilities if they are asked for.

    Args:
        logits: (N, V), of which those that may not come next are changed.
        rows: The N rows.
        logs: Whether to compute the log-probabilities.
    """
    values = logits.log_softmax(1) if logs else None
    forced: dict[int, int] = {}
    for place, row in enumerate(rows):
        if (only := row.only()) is not None:
            forced[place] = only
        elif repeated := row.repeated():
            logits[place, repeated] = -torch.inf
    chosen = _largest(logits[:, EOS:]) + EOS  # those before it are never chosen
    for place, unit in forced.items():
        chosen[place] = unit
    return chosen, [] if values is None else values.gather(1, chosen.unsqueeze(1))[:, 0].tolist()


def _largest(values: Tensor) -> Tensor:
    """Return the position of each row's largest value, (N,), of (N, V)."""
    if values.is_cpu:  # NumPy takes a quarter of torch's time
        return torch.from_numpy(values.numpy().argmax(1))
    return values.argmax(1)


@dataclass
class _Row:
    """The sequence of one example.

    Attributes:
        limit: Largest number of units.
        prefix: Units that it must begin with.
        no_repeat: Length n of runs that may not occur twice; 0: any may.
        units: Units up to now.
        logs: Log-probabilities of the units and of the end.
        seen: Units that followed each run of n - 1.
    """

    limit: int
    prefix: Sequence[int]
    no_repeat: int
    units: list[int] = field(default_factory=list)
    logs: list[float] = field(default_factory=list)
    seen: dict[tuple[int, ...], list[int]] = field(default_factory=dict)

    def only(self) -> int | None:
        """Return the only unit that may come next, if there is only one."""
        place = len(self.units)
        if place < len(self.prefix):
            return self.prefix[place]
        return EOS if place >= self.limit else None

    def repeated(self) -> list[int]:
        """Return what would repeat a run if it came next."""
        return self.seen.get(self._last(), []) if self.seen else []

    def go_on(self, unit: int) -> bool:
        """Append a unit; return whether it is not the end."""
        if unit == EOS:
            return False
        if self.no_repeat and len(self.units) >= self.no_repeat - 1:
            self.seen.setdefault(self._last(), []).append(unit)
        self.units.append(unit)
        return True

    def _last(self) -> tuple[int, ...]:
        return tuple(self.units[len(self.units) - self.no_repeat + 1 :])
