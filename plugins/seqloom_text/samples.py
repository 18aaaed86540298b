"""Small data for the conformance checks of the readers, written into a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SPLITS = ("train", "val", "test")
TEXTS = (
    ("a lamp that works", "good"),
    ("it fell apart, at once", "bad"),
    ("sturdy and “plain”", "good"),
    ("the lid never closed", "bad"),
)


def _written(folder: Path, contents: Mapping[str, str]) -> list[str]:
    """Write the files; return their paths."""
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    return [str(folder / name) for name in contents]


def _of_splits(folder: Path, suffix: str, content: str) -> dict[str, Any]:
    """Write a file with the same content for each split; return the parameters."""
    paths = _written(folder, {f"{split}{suffix}": content for split in SPLITS})
    return dict(zip(SPLITS, paths, strict=True))


def csv(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=csv``; some cells are quoted."""
    rows = [f'"{text}",{label}' if "," in text else f"{text},{label}" for text, label in TEXTS]
    return _of_splits(folder, ".csv", "\n".join(["text,label", *rows, ""]))


def jsonl(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=jsonl``."""
    objects = [{"text": text, "label": label} for text, label in TEXTS]
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in objects]
    return _of_splits(folder, ".jsonl", "".join(lines))


def conll(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=conll``; the first word of a sentence is a name."""
    sentences = [
        "\n".join(f"{word} {'O' if place else 'B-X'}" for place, word in enumerate(text.split()))
        for text, _ in TEXTS
    ]
    return _of_splits(folder, ".conll", "\n\n".join(sentences) + "\n")


def spans(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=spans``; the first word of a text is a name."""
    objects = [{"text": text, "label": [[0, text.index(" "), "X"]]} for text, _ in TEXTS]
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in objects]
    return _of_splits(folder, ".json", "".join(lines))


def parallel(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=parallel``: a file of texts and one of labels per split."""
    found = {}
    for split in SPLITS:
        contents = {
            f"{split}.text": "".join(f"{text}\n" for text, _ in TEXTS),
            f"{split}.label": "".join(f"{label}\n" for _, label in TEXTS),
        }
        found[split] = dict(zip(("text", "label"), _written(folder, contents), strict=True))
    return found


def lines(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=lines``."""
    return _of_splits(folder, ".txt", "".join(f"{text}\n" for text, _ in TEXTS))


def apples(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=apples``, which needs no files."""
    return {"train_size": 8, "val_size": 4, "test_size": 4}
