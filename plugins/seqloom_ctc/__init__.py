"""Connectionist temporal classification: texts read from frames, of images, strokes or sound.

This module is the entry point: it is imported at every start and loads neither torch nor Lightning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seqloom.plugins import Command, Component, hookimpl
from seqloom_ctc.schema import Ctc


def _files(params: Mapping[str, Any]) -> Iterable[str]:
    """Return the parameters that name files; the word ``train`` is no file."""
    return ("corpus", "arpa", *(() if params.get("lexicon") == "train" else ("lexicon",)))


@hookimpl
def seqloom_components() -> Iterable[Component]:
    """Return the head."""
    return (
        Component(
            "head",
            "ctc",
            Ctc,
            "seqloom_ctc.head:CtcHead",
            takes={"field": ("text",), "steps": ("frame",)},
            files=_files,
            older_defaults={
                "unit": "character",
                "vocabulary": 500,
                "arpa": None,
                "arpa_unit": "word",
            },
            extra="ctc",
        ),
    )


@hookimpl
def seqloom_commands() -> Iterable[Command]:
    """Return the command that tunes how a model decodes."""
    return (
        Command(
            "tune",
            "Tune the decoding of a model with head=ctc.",
            "seqloom_ctc.tune:tune",
            extra="ctc",
        ),
    )
