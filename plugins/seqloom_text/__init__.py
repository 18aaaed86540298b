"""Text for seqloom: readers of data sets, the data set ``apples``, tokenizers and frontends."""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.plugins import Command, Component, Pad, hookimpl
from seqloom_text.schemas_data import DATA
from seqloom_text.schemas_frontend import FRONTENDS


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the data sets and frontends of this plugin."""
    return (*DATA, *FRONTENDS)


@hookimpl
def seqloom_commands() -> Iterable[Command]:
    """Return the subcommand ``example``."""
    target = "seqloom_text.sample_files.command:example"
    return [Command("example", "Write a small file of data to try things on.", target)]


@hookimpl
def seqloom_pads() -> Iterable[Pad]:
    """Return the text box, for models of texts and for those of tokens."""
    target, page = "seqloom_text.demo.pad:TextPad", "seqloom_text.demo.page"
    return [Pad(kind, target, page, invitation="Type") for kind in ("text", "tokens")]
