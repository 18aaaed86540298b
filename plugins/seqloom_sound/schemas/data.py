"""The parameters of the readers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import SplitConfig

SUFFIXES = (".wav", ".flac")
TABLES = (".tsv", ".csv")
TARGETS = ("label", "text")
"""Fields that a head can predict; all others are stored in ``meta`` of the examples."""


@dataclass
class Sounds:
    r"""Parameters of ``data=sounds``: sound files with labels or texts.

    Attributes:
        train: Folder or .zip with a folder of sounds for each label (``yes/001.wav``), or a table
            (.tsv, .csv) with a header that lists sounds.
        val: The same; without it, ``hold_out.val`` or ``split.val`` may take it from ``train``.
        test: The same; without it, ``hold_out.test`` or ``split.test`` may take it from ``train``.
        sounds: For tables, the folder or .zip of the sounds. None: the .zip with the name of the
            table beside it (``train.zip`` for ``train.tsv``), or else the folder of the table.
        columns: Field → column of a table; empty means {sound: sound, label: label}. Fields other
            than ``sound``, ``label`` and ``text`` are stored in ``meta`` of the examples.
        pattern: For folders and .zip files, a regular expression for the names of files with their
            folder, whose named groups are fields: ``(?P<label>\w+)/(?P<speaker>\w+)_.*``. None:
            the label is the name of the folder.
        hold_out: Split → field → values: sounds of ``train`` with one of the values belong to that
            split: ``{val: {speaker: [anna]}}``.
        split: Random splits of ``train``.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    sounds: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    pattern: str | None = None
    hold_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)


def given_fields(params: Mapping[str, Any]) -> dict[str, str]:
    """Return the kinds of the fields that ``data=sounds`` yields with these parameters."""
    named = set(params.get("columns") or {"label": "label"})
    named |= set(re.findall(r"\(\?P<(\w+)>", params.get("pattern") or ""))
    return {"sound": "sound"} | {name: name for name in TARGETS if name in named}
