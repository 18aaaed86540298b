"""Taking over the output layers of a trained head, character by character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqloom.errors import ConfigError
from seqloom.interfaces import Head

if TYPE_CHECKING:
    from seqloom_handwriting.ctc.head import CtcHead


@torch.no_grad()
def load_matching(head: CtcHead, trained: Head) -> None:
    """Copy the blank's weights and those of each character that both alphabets have.

    Raises:
        ConfigError: the heads are of different kinds, or read states of different sizes.
    """
    if not isinstance(trained, type(head)):
        raise ConfigError(
            f"The model's head is {type(trained).__name__}, not {type(head).__name__}."
        )
    rows = _rows(head.codec.alphabet, trained.codec.alphabet)
    mine, theirs = dict(head.named_parameters()), dict(trained.named_parameters())
    for name in mine.keys() & theirs.keys():
        if mine[name].shape[1:] != theirs[name].shape[1:]:
            raise ConfigError(
                f"head.{name} has the shape {tuple(mine[name].shape)}, in the model "
                f"{tuple(theirs[name].shape)}: encoder and frontend must be those of the model."
            )
        mine[name][rows[0]] = theirs[name][rows[1]]
    head.calibration.copy_(trained.calibration)


def _rows(mine: list[str], theirs: list[str]) -> tuple[Tensor, Tensor]:
    """Return the classes of the blank and of the common characters, here and there."""
    there = {character: i for i, character in enumerate(theirs, 1)}
    common = [(i, there[c]) for i, c in enumerate(mine, 1) if c in there]
    here, others = zip((0, 0), *common, strict=True)
    return torch.tensor(here), torch.tensor(others)
