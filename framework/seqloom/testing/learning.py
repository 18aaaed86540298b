"""What every encoder promises of learning: it fits a few examples in a short training."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from seqloom.interfaces import Encoder, Features
from seqloom.testing.compare import NotApplicable, require
from seqloom.testing.encoders import EncoderCase
from seqloom.testing.modules import require_weights

EXAMPLES = 32
CLASSES = 4

LEAST_SIZE = 8
"""Fewer values of a state cannot fit the examples reliably."""

MOST_SIZE = 64
"""Values of a state that the read-out sees; of a larger state it sees a random projection.

The task grows with them, so it stays small for an encoder of any size.
"""

STEPS = 400

LIMIT = 120.0
"""Seconds that the training may take."""

BETWEEN = 20
"""Steps of training between two evaluations."""

LEARNING_RATES = (0.02, 0.005)
"""Learning rates of Adam, tried in turn: the first suits small recurrent encoders, the second
attention."""


def check_learning(case: EncoderCase) -> None:
    """With a linear layer on top, it fits 32 examples: a class for each, and one for each step."""
    encoder = case.make(MOST_SIZE)  # of some, the size depends on that of the input
    require_weights(encoder)
    size = min(encoder.output_size, MOST_SIZE)
    if size < LEAST_SIZE:
        raise NotApplicable(f"its states have {size} values, too few to fit 32 examples reliably")
    task = _task(size)
    found = []
    end = time.monotonic() + LIMIT
    for rate in LEARNING_RATES:
        examples, steps = _train(case, size, task, rate, end)
        if (examples, steps) == (EXAMPLES, len(task[2])):
            return
        found.append(f"{examples} of {EXAMPLES} examples and {steps} of {len(task[2])} steps")
    require(
        False,
        f"after {STEPS} steps of Adam it classifies {found[0]} correctly, at a lower rate "
        f"{found[1]}; do its outputs depend on its inputs, and do gradients reach its weights?",
    )


def _train(
    case: EncoderCase, size: int, task: tuple[Features, Tensor, Tensor], rate: float, end: float
) -> tuple[int, int]:
    """Train a new encoder until all is right; return the numbers of correct examples and steps.

    Raises:
        NotApplicable: The clock passes ``end`` first.
    """
    given, labels, tags = task
    torch.manual_seed(1)
    encoder = case.make(given.values.shape[-1])
    reads = nn.ModuleList([_ReadOut(encoder.output_size, size) for _ in range(2)])
    optimizer = torch.optim.Adam([*encoder.parameters(), *reads.parameters()], rate)
    right = (0, 0)
    for _ in range(0, STEPS, BETWEEN):
        for _ in range(BETWEEN):
            if time.monotonic() > end:
                raise NotApplicable(
                    f"its training took more than {LIMIT:g} s and was stopped; check a smaller "
                    "one, for example with encoder.hidden_size=8"
                )
            optimizer.zero_grad()
            one, each = _scores(encoder.train(), reads, given)
            (F.cross_entropy(one, labels) + F.cross_entropy(each, tags)).backward()
            optimizer.step()
        right = _correct(encoder, reads, task)
        if right == (EXAMPLES, len(tags)):
            break
    return right


class _ReadOut(nn.Module):
    """A linear layer over some values of a state: all, or random mixtures of a larger one."""

    mixture: Tensor

    def __init__(self, size: int, seen: int) -> None:
        super().__init__()
        mixed = torch.randn(size, seen) / size**0.5
        self.register_buffer("mixture", torch.eye(size) if size == seen else mixed)
        self.linear = nn.Linear(seen, CLASSES)

    def forward(self, states: Tensor) -> Tensor:
        scores: Tensor = self.linear(states @ self.mixture)
        return scores


def _task(size: int) -> tuple[Features, Tensor, Tensor]:
    """Return inputs with a class for each of 32 examples, (32,), and for each step.

    Every step is a token that occurs once, so whatever an encoder sees of a sequence is enough to
    classify it. There are so many steps that no random features of this size separate them: the
    encoder itself must learn.
    """
    generator = torch.Generator().manual_seed(3)
    lengths = torch.full((EXAMPLES,), max(2, 4 * size // EXAMPLES))
    lengths[::2] += 1
    count = int(lengths.sum())
    tokens = torch.eye(count).split(lengths.tolist())
    labels = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
    tags = torch.randint(CLASSES, (count,), generator=generator)
    return Features(pad_sequence(tokens, batch_first=True), lengths), labels, tags


def _scores(encoder: Encoder, reads: nn.ModuleList, given: Features) -> tuple[Tensor, Tensor]:
    encoded = encoder(given)
    states = [encoded.states[row, :length] for row, length in enumerate(given.lengths.tolist())]
    return reads[0](encoded.summary), reads[1](torch.cat(states))


@torch.no_grad()
def _correct(
    encoder: Encoder, reads: nn.ModuleList, task: tuple[Features, Tensor, Tensor]
) -> tuple[int, int]:
    given, labels, tags = task
    one, each = _scores(encoder.eval(), reads, given)
    return int((one.argmax(-1) == labels).sum()), int((each.argmax(-1) == tags).sum())
