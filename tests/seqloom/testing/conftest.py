"""A plugin with an encoder that breaks promises in one of its variants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = """
from dataclasses import dataclass
from enum import StrEnum
from seqloom.plugins import Component, hookimpl

class Bound(StrEnum):
    tanh = "tanh"
    none = "none"

@dataclass
class Steps:
    hidden_size: int = 12
    bound: Bound = Bound.tanh

@hookimpl
def seqloom_components():
    return [Component("encoder", "steps", Steps, "faulty_steps_net:Steps")]
"""

NET = """
import torch
from torch import nn
from seqloom.interfaces import Encoded, Encoder
from seqloom.nn import zero_padding

class Steps(Encoder):
    def __init__(self, input_size, hidden_size=12, bound="tanh"):
        super().__init__()
        self.output_size = hidden_size
        self.bound = bound
        self.inputs = nn.Linear(input_size, hidden_size)

    def forward(self, features, state=None):
        if not len(features.lengths) or int(features.lengths.min()) < 1:
            raise ValueError("a batch needs a sequence, and a sequence a step")
        if self.bound == "none":
            raise ArithmeticError("nothing bounds the states")
        values = zero_padding(features.values, features.lengths)
        states = zero_padding(torch.tanh(self.inputs(values)), features.lengths)
        means = states.sum(1) / features.lengths.to(states)[:, None]
        return Encoded(states, means, features.lengths, features)
"""


@pytest.fixture
def steps(install: Callable[..., Path]) -> Path:
    """Install a plugin with ``encoder=steps``, which raises where ``bound=none``."""
    return install("faulty_steps", PLUGIN, files={"faulty_steps_net.py": NET})
