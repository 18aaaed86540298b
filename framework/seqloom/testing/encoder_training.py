"""What every encoder promises of its training: that it learns, also on two ranks."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from seqloom.interfaces import Encoder, Features
from seqloom.testing.compare import NotApplicable, require
from seqloom.testing.encoding import ROWS, SIZE, MakeEncoder, chosen, made, signal
from seqloom.testing.modules import has_weights, require_ranks
from seqloom.testing.samples import features

EXAMPLES = 32
CLASSES = 4
LEAST_SIZE = 8

STEPS = 400
MOST_SIZE = 64
"""Values of a state that the read-out sees: of a larger one a random projection.

The task grows with them, so it stays small for an encoder of any size.
"""

LIMIT = 120.0
"""Seconds that the training may take."""

BETWEEN = 20
"""Steps of training between two looks at what is told right."""

LEARNING_RATES = (0.02, 0.005)
"""Of Adam, tried in turn: small recurrent encoders want the first, attention the second."""


def check_ranks(make: MakeEncoder) -> None:
    """On two ranks every parameter takes part on each, and gradients are those of one process."""
    require_ranks(made(make), _loss, (ROWS[::2], ROWS[1::2]))


def _loss(encoder: Encoder, rows: Sequence[int]) -> Tensor:
    return signal(encoder(chosen(features(SIZE), rows)), rows)


def check_learning(make: MakeEncoder) -> None:
    """With a linear read-out it fits 32 examples: a class for each, and one for each step."""
    encoder = make(MOST_SIZE)  # of some, the size depends on that of the input
    size = min(encoder.output_size, MOST_SIZE)
    if not has_weights(encoder):
        raise NotApplicable("it has no weights to train")
    if size < LEAST_SIZE:
        raise NotApplicable(f"its states are of {size} values, too few to fit 32 examples reliably")
    task = _task(size)
    found = []
    end = time.monotonic() + LIMIT
    for rate in LEARNING_RATES:
        examples, steps = _told(make, size, task, rate, end)
        if (examples, steps) == (EXAMPLES, len(task[2])):
            return
        found.append(f"{examples} of {EXAMPLES} examples and {steps} of {len(task[2])} steps")
    require(
        False,
        f"after {STEPS} steps of Adam it tells {found[0]}, at a lower rate {found[1]}; does what "
        "it gives depend on what it reads, do gradients reach its weights?",
    )


def _told(
    make: MakeEncoder, size: int, task: tuple[Features, Tensor, Tensor], rate: float, end: float
) -> tuple[int, int]:
    """Train a new encoder; return how many examples and steps it tells, as soon as that is all.

    Raises:
        NotApplicable: the clock passes ``end`` before.
    """
    given, labels, tags = task
    torch.manual_seed(1)
    encoder = make(given.values.shape[-1])
    reads = nn.ModuleList([_ReadOut(encoder.output_size, size) for _ in range(2)])
    optimizer = torch.optim.Adam([*encoder.parameters(), *reads.parameters()], rate)
    right = (0, 0)
    for _ in range(0, STEPS, BETWEEN):
        for _ in range(BETWEEN):
            if time.monotonic() > end:
                raise NotApplicable(
                    f"its training took more than {LIMIT:g} s, so what it learns was not seen; "
                    "check a smaller one, as encoder.hidden_size=8"
                )
            optimizer.zero_grad()
            one, each = _scores(encoder.train(), reads, given)
            (F.cross_entropy(one, labels) + F.cross_entropy(each, tags)).backward()
            optimizer.step()
        right = _right(encoder, reads, given, labels, tags)
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

    Every step is a token that occurs once, so that whatever an encoder sees of a sequence is
    enough to tell. There are so many steps that no random features of this size tell them apart:
    the encoder itself must learn.
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
def _right(
    encoder: Encoder, reads: nn.ModuleList, given: Features, labels: Tensor, tags: Tensor
) -> tuple[int, int]:
    one, each = _scores(encoder.eval(), reads, given)
    return int((one.argmax(-1) == labels).sum()), int((each.argmax(-1) == tags).sum())
