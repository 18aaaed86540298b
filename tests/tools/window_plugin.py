"""A plugin with an encoder, ``window``, whose parameters a test chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Install = Callable[..., Path]
"""Installs a plugin for a test."""

PLUGIN = """
from dataclasses import dataclass
from omegaconf import MISSING
from seqloom.plugins import Component, hookimpl

@dataclass
class Window:
    {parameters}

@hookimpl
def seqloom_components():
    return [Component("encoder", "{name}", Window, "faulty_encoder:Window", {more})]
"""
ENCODER = """
from torch import nn
from seqloom.interfaces import Encoded, Encoder

class Window(Encoder):
    def __init__(self, input_size, **params):
        super().__init__()
        self.params = params
        self.output_size = params.get("size") or params["hidden_size"]
        self.linear = nn.Linear(input_size, self.output_size)

    def forward(self, features, state=None):
        states = self.linear(features.values)
        return Encoded(states, states[:, 0], features.lengths, features)
"""


def provide(
    install: Install,
    parameters: str = "size: int = 4",
    name: str = "window",
    more: str = "",
    module: str = "faulty",
) -> None:
    """Install the distribution ``faulty``, version 1.5, with one encoder."""
    files = {"faulty_encoder.py": ENCODER}
    source = PLUGIN.format(parameters=parameters, name=name, more=more)
    install(module, source, files=files)
