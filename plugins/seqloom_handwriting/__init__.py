"""Handwriting for seqloom: line images, whole pages and pen strokes.

This module is the entry point: it is imported at every start and loads neither torch nor Lightning.
"""

from __future__ import annotations

from collections.abc import Iterable

from seqloom.plugins import Command, Component, Pad, hookimpl
from seqloom_handwriting.schemas.data import DATA
from seqloom_handwriting.schemas.frontends import FRONTENDS


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the data sets and the frontends of this plugin."""
    return (*DATA, *FRONTENDS)


@hookimpl
def seqloom_commands() -> Iterable[Command]:
    """Return the commands of this plugin."""
    return (
        Command(
            "prepare",
            "Cut pages into line images.",
            "seqloom_handwriting.pages.prepare:prepare",
            extra="handwriting",
        ),
    )


@hookimpl
def seqloom_pads() -> Iterable[Pad]:
    """Return the pads for pen strokes and for line images, which share a page."""
    page, invitation = "seqloom_handwriting.demo.page", "Write"
    return (
        Pad("strokes", "seqloom_handwriting.demo.pads:StrokePad", page, invitation=invitation),
        Pad(
            "image",
            "seqloom_handwriting.demo.pads:ImagePad",
            page,
            invitation=invitation,
            extra="handwriting",
        ),
    )
