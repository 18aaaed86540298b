"""Search for the best sequence of units: greedy, or by a beam of hypotheses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqloom_translation.attention import Memory
from seqloom_translation.decoder import Decoder, State
from seqloom_translation.units import BOS, EOS, PAD, UNK

NEVER = [PAD, UNK, BOS]
"""Units that are never chosen."""


@dataclass(frozen=True)
class Search:
    """Settings of a search.

    Attributes:
        beam: Number of hypotheses that are kept; 1: greedy.
        best: Number of sequences to return, at most ``beam``.
        length_penalty: Exponent α: sequences are ranked by log P / length^α, where the length
            includes the end (Wu et al. 2016, "Google's neural machine translation system").
        coverage_penalty: Weight β of the penalty for steps that are attended to too little.
        no_repeat: Length of runs of units that may not occur twice; 0: any may.
        attention: Whether to keep the attention.
    """

    beam: int = 1
    best: int = 1
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    no_repeat: int = 0
    attention: bool = False

    @property
    def keeps_attention(self) -> bool:
        """Whether the attention is needed."""
        return self.attention or self.coverage_penalty > 0


@dataclass(frozen=True)
class Hypothesis:
    """A sequence of units.

    Attributes:
        units: Numbers of the L units, without the end.
        logs: Log-probabilities of the units and of the end, L + 1.
        attention: Weights of the encoder's steps, (T,), for each unit and the end; empty if not
            kept.
    """

    units: list[int] = field(default_factory=list)
    logs: list[float] = field(default_factory=list)
    attention: list[Tensor] = field(default_factory=list)

    def then(self, unit: int, log: float, weights: Tensor | None) -> Hypothesis:
        """Return the sequence with one more unit, or with its end."""
        units = self.units if unit == EOS else [*self.units, unit]
        attention = self.attention if weights is None else [*self.attention, weights]
        return Hypothesis(units, [*self.logs, log], attention)

    def score(self, settings: Search) -> float:
        """Return what a finished sequence is ranked by."""
        score: float = math.fsum(self.logs) / len(self.logs) ** settings.length_penalty
        if settings.coverage_penalty:
            score += settings.coverage_penalty * coverage(torch.stack(self.attention))
        return score


def coverage(attention: Tensor) -> float:
    """Return Σ log min(Σ a, 1), of weights (L, T): a sum over the encoder's steps, at most 0.

    Wu et al. 2016, "Google's neural machine translation system", section 7.
    """
    sums = attention.double().sum(0)
    return float(sums.clamp(1e-9, 1.0).log().sum())


@torch.no_grad()
def search(
    decoder: Decoder,
    summary: Tensor,
    memory: Memory,
    *,
    limits: Sequence[int],
    prefixes: Sequence[Sequence[int]],
    settings: Search,
) -> list[list[Hypothesis]]:
    """Return the best sequences of each example, the best first.

    The result of an example does not depend on the others; those that are finished leave the batch.

    Args:
        decoder: Decoder.
        summary: Summaries of the encoder, (B, H).
        memory: States of the encoder.
        limits: Largest number of units of each example; longer prefixes are kept whole.
        prefixes: Units that each example must begin with.
        settings: Settings.
    """
    rows = [
        _Row(max(limit, len(prefix)), list(prefix), int(length), settings)
        for limit, prefix, length in zip(limits, prefixes, memory.lengths, strict=True)
    ]
    beam = _Beam(decoder, settings, rows, decoder.initial_state(summary), memory)
    while beam.rows:
        beam.advance()
    return [row.best() for row in rows]


@dataclass
class _Row:
    """The hypotheses of one example.

    Attributes:
        limit: Largest number of units.
        prefix: Units that it must begin with.
        length: Number of steps of the encoder.
        settings: Settings.
        alive: Hypotheses that may go on, the most probable first.
        totals: Their log-probabilities.
        finished: Those that reached their end.
    """

    limit: int
    prefix: list[int]
    length: int
    settings: Search
    alive: list[Hypothesis] = field(default_factory=lambda: [Hypothesis()])
    totals: list[float] = field(default_factory=lambda: [0.0])
    finished: list[Hypothesis] = field(default_factory=list)

    def best(self) -> list[Hypothesis]:
        """Return the best of those that are finished."""
        ranked = sorted(self.finished, key=lambda one: -one.score(self.settings))
        return ranked[: self.settings.best]

    def allowed(self, one: Hypothesis) -> int | None:
        """Return the only unit that may come next, if there is only one."""
        place = len(one.units)
        if place < len(self.prefix):
            return self.prefix[place]
        return EOS if place >= self.limit else None

    def extend(
        self, candidates: Sequence[tuple[float, int, int]], weights: Tensor | None
    ) -> list[tuple[int, int]]:
        """Replace the hypotheses by the best of the candidates; none if the search is over.

        Args:
            candidates: Log P, parent and last unit of each, the most probable first.
            weights: Attention of the parents, (K, T).

        Returns:
            Parent and last unit of each hypothesis that goes on.
        """
        beam = self.settings.beam
        alive: list[Hypothesis] = []
        totals: list[float] = []
        chosen: list[tuple[int, int]] = []
        for rank, (total, parent, unit) in enumerate(candidates):
            if total == -math.inf or len(alive) == beam:
                break
            if unit == EOS and rank >= beam:
                continue
            seen = None if weights is None else weights[parent, : self.length]
            one = self.alive[parent].then(unit, total - self.totals[parent], seen)
            if unit == EOS:
                self.finished.append(one)
            else:
                alive.append(one)
                totals.append(total)
                chosen.append((parent, unit))
        self.alive, self.totals = alive, totals
        return [] if self._is_over() else chosen

    def _is_over(self) -> bool:
        """Return whether no hypothesis can still be among the best."""
        if not self.alive or len(self.finished) >= self.settings.beam:
            return True
        if len(self.finished) < self.settings.best or self.settings.coverage_penalty:
            return False
        # Log P only falls, and a sequence has at most so many steps.
        most: float = self.totals[0] / (self.limit + 1) ** max(0.0, self.settings.length_penalty)
        return bool(self.best()[-1].score(self.settings) >= most)


class _Beam:
    """The hypotheses of all examples that are not finished, K of each."""

    def __init__(
        self, decoder: Decoder, settings: Search, rows: list[_Row], state: State, memory: Memory
    ) -> None:
        self.decoder = decoder
        self.settings = settings
        self.rows = rows
        self.state = state
        self.memory = memory
        self.units = torch.full((len(rows),), BOS, device=memory.values.device)

    def advance(self) -> None:
        """Extend the hypotheses by one unit each, and drop the examples that are finished."""
        count = len(self.rows)
        width = len(self.units) // count
        logits, weights, self.state = self.decoder.step(self.units, self.state, self.memory)
        logs = logits.float().log_softmax(1)
        self._forbid(logs, width)
        # Of 2K candidates at most K end, so that K can go on; each hypothesis has as many.
        own, found = logs.topk(min(2 * self.settings.beam, logs.shape[1]), dim=1)
        totals = torch.tensor([self._padded(row.totals, width) for row in self.rows])
        sums = own.double().cpu().view(count, width, -1) + totals.double().unsqueeze(2)
        sums = sums.flatten(1)
        values, places = sums.topk(min(2 * self.settings.beam, sums.shape[1]), dim=1)
        units = found.cpu().view(count, -1).gather(1, places)
        parents = places // own.shape[1]
        seen = None
        if self.settings.keeps_attention:
            seen = weights.float().cpu().view(count, width, -1)
        columns = (values.tolist(), parents.tolist(), units.tolist())
        self._go_on([[*zip(*row, strict=True)] for row in zip(*columns, strict=True)], width, seen)

    def _padded(self, totals: list[float], width: int) -> list[float]:
        return [*totals, *[-math.inf] * (width - len(totals))]

    def _forbid(self, logs: Tensor, width: int) -> None:
        """Make impossible what may not come next, of log-probabilities (N, V)."""
        only = [
            (number * width + k, unit)
            for number, row in enumerate(self.rows)
            for k, one in enumerate(row.alive)
            if (unit := row.allowed(one)) is not None
        ]
        kept = [logs[place, unit].clone() for place, unit in only]
        logs[:, NEVER] = -torch.inf
        for (place, unit), log in zip(only, kept, strict=True):
            logs[place] = -torch.inf
            logs[place, unit] = log
        size = self.settings.no_repeat
        if not size:
            return
        forced = {place for place, _ in only}
        for number, row in enumerate(self.rows):
            for k, one in enumerate(row.alive):
                place = number * width + k
                if place not in forced and (units := repeats(one.units, size)):
                    logs[place, units] = -torch.inf

    def _go_on(
        self, candidates: list[list[tuple[float, int, int]]], width: int, seen: Tensor | None
    ) -> None:
        """Let each example choose of its candidates; take what goes on into the next step."""
        rows, kept, order, units = [], [], [], []
        for number, row in enumerate(self.rows):
            chosen = row.extend(candidates[number], None if seen is None else seen[number])
            if not chosen:
                continue
            rows.append(row)
            kept.append(number)
            # Examples have the same number of hypotheses; those added are never extended.
            chosen += [chosen[0]] * (self.settings.beam - len(chosen))
            order += [number * width + parent for parent, _ in chosen]
            units += [unit for _, unit in chosen]
        device = self.units.device
        self.units = torch.tensor(units, device=device)
        if order != list(range(len(self.state[0]))):
            self.state = tuple(one[torch.tensor(order, device=device).long()] for one in self.state)
        if len(kept) < len(self.rows) and kept:
            self.memory = self.memory.select(torch.tensor(kept, device=device))
        self.rows = rows


def repeats(units: Sequence[int], size: int) -> list[int]:
    """Return what would repeat a run of ``size`` units if it came next.

    >>> repeats([5, 6, 7, 5, 6], 3)
    [7]
    """
    start = list(units[len(units) - size + 1 :])
    if len(units) < size:
        return []
    return [
        units[place + size - 1]
        for place in range(len(units) - size + 1)
        if list(units[place : place + size - 1]) == start
    ]
