"""Time the scan against other ways to run the recurrence, and the encoders against gru and lstm.

    python bench.py [STEPS ...]

Processor time on one thread, so waiting for a core does not count. Each time is the median of
rounds in which all ways take turns, so that other load on the machine affects all of them alike.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from seqloom.interfaces import Encoder, Features
from seqloom.plugins import resolve
from torch import Tensor

from seqloom_mingru.scan import linear_recurrence

STEPS = (32, 128, 512, 2048)
HIDDEN = 128
ROUNDS = 5
ENCODERS = ("mingru", "gru", "lstm", "bimingru", "bigru", "bilstm")

Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def step_by_step(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """Run the equation step by step: T sequential operations."""
    states = []
    for decay, term in zip(a.unbind(1), b.unbind(1), strict=True):
        h = torch.addcmul(term, decay, h)
        states.append(h)
    return torch.stack(states, 1)


def in_logarithms(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """Run it as two cumulative sums, of log a and, by log-sum-exp, of log b (Heinsen 2023)."""
    total = a.log().cumsum(1)
    terms = torch.cat((h.log().unsqueeze(1), b.log() - total), 1)
    return (total + terms.logcumsumexp(1)[:, 1:]).exp()


def by_doubling(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """Combine each step with those 1, 2, 4, … steps before it (Hillis and Steele 1986)."""
    b = torch.cat((torch.addcmul(b[:, 0], a[:, 0], h).unsqueeze(1), b[:, 1:]), 1)
    width = 1
    while width < a.shape[1]:
        reached = torch.addcmul(b[:, width:], a[:, width:], b[:, :-width])
        b = torch.cat((b[:, :width], reached), 1)
        a = torch.cat((a[:, :width], a[:, width:] * a[:, :-width]), 1)
        width *= 2
    return b


WAYS: dict[str, Way] = {
    "in chunks (ours)": linear_recurrence,
    "step by step": step_by_step,
    "in logarithms": in_logarithms,
    "by doubling": by_doubling,
}


def medians(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the processor time of each function in seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS + 1):
        for name, way in ways.items():
            started = time.process_time()
            way()
            if turn:  # the first round is a warm-up
                seconds[name].append(time.process_time() - started)
    return {name: statistics.median(each) for name, each in seconds.items()}


def report(title: str, found: dict[str, float], notes: dict[str, str] | None = None) -> None:
    """Print the times, also as multiples of the first one."""
    first = next(iter(found.values()))
    print(title)
    for name, seconds in found.items():
        note = (notes or {}).get(name, "")
        print(f"  {name:18}{seconds * 1e3:9.2f} ms{seconds / first:8.2f}  {note}")


def recurrences(rows: int, steps: int) -> None:
    """Time forward and backward of the recurrence alone, and print the largest error."""
    z = torch.rand(rows, steps, HIDDEN)
    given = (1 - z, z * torch.rand(rows, steps, HIDDEN), torch.rand(rows, HIDDEN))
    exact = step_by_step(*(value.double() for value in given))
    leaves = tuple(value.requires_grad_() for value in given)
    weights = torch.randn(rows, steps, HIDDEN)

    def both(way: Way) -> Callable[[], object]:
        return lambda: torch.autograd.grad(way(*leaves), leaves, weights)

    errors = {
        name: f"error {float((way(*given).detach() - exact).abs().max()):.0e}"
        for name, way in WAYS.items()
    }
    found = medians({name: both(way) for name, way in WAYS.items()})
    report(f"recurrence, {rows} x {steps} x {HIDDEN}, forward and backward", found, errors)


def encoders(rows: int, steps: int) -> None:
    """Time a training step of one layer of each encoder."""
    values = torch.randn(rows, steps, HIDDEN)
    given = Features(values, torch.full((rows,), steps))

    def train(encoder: Encoder) -> Callable[[], object]:
        return lambda: encoder(given).states.sum().backward()

    made = {
        name: resolve("encoder", name)(HIDDEN, hidden_size=HIDDEN, num_layers=1)
        for name in ENCODERS
    }
    found = medians({name: train(encoder) for name, encoder in made.items()})
    report(f"encoder, {rows} x {steps} x {HIDDEN}, forward and backward", found)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for length in map(int, sys.argv[1:] or STEPS):
        for batch in (1, 32):
            recurrences(batch, length)
        encoders(32, length)
