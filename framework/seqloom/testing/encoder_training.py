"""What every encoder promises of its training: that it learns, also on two ranks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from seqloom.interfaces import Encoder, Features
from seqloom.testing.compare import NotApplicable, require
from seqloom.testing.encoding import ROWS, SIZE, MakeEncoder, chosen, made, signal
from seqloom.testing.modules import require_ranks
from seqloom.testing.samples import features

EXAMPLES = 32
CLASSES = 4
LEAST_SIZE = 8

STEPS = 400
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
    size = made(make).output_size
    if size < LEAST_SIZE:
        raise NotApplicable(f"its states are of {size} values, too few to fit 32 examples reliably")
    task = _task(size)
    found = []
    for rate in LEARNING_RATES:
        examples, steps = _told(make, size, task, rate)
        if (examples, steps) == (EXAMPLES, len(task[2])):
            return
        found.append(f"{examples} of {EXAMPLES} examples and {steps} of {len(task[2])} steps")
    require(
        False,
        f"after {STEPS} steps of Adam it tells {found[0]}, at a lower rate {found[1]}; does what "
        "it gives depend on what it reads, do gradients reach its weights?",
    )


def _told(
    make: MakeEncoder, size: int, task: tuple[Features, Tensor, Tensor], rate: float
) -> tuple[int, int]:
    """Train a new encoder; return how many examples and steps it tells, as soon as that is all."""
    given, labels, tags = task
    torch.manual_seed(1)
    encoder = make(given.values.shape[-1])
    reads = nn.ModuleList([nn.Linear(size, CLASSES), nn.Linear(size, CLASSES)])
    optimizer = torch.optim.Adam([*encoder.parameters(), *reads.parameters()], rate)
    right = (0, 0)
    for _ in range(0, STEPS, BETWEEN):
        for _ in range(BETWEEN):
            optimizer.zero_grad()
            one, each = _scores(encoder.train(), reads, given)
            (F.cross_entropy(one, labels) + F.cross_entropy(each, tags)).backward()
            optimizer.step()
        right = _right(encoder, reads, given, labels, tags)
        if right == (EXAMPLES, len(tags)):
            break
    return right


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
