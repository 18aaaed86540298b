"""Every YAML of the core composes, freezes and fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import seqloom_conf
from seqloom.config.compose import compose_data, compose_run
from seqloom.plugins import KINDS, registry
from seqloom.plugins.options import options

GLOBAL = {"train", "evaluate"}
NEEDS = {
    "data=csv": ["head=classification", "data.train=a.csv"],
    "data=jsonl": ["head=classification", "data.train=a.jsonl"],
    "data=lines": None,  # it has no targets, so nothing can be trained on it
    "data=parallel": ["data.train={tokens: a, tags: b}"],
    "data=strokes": ["frontend=strokes", "head=classification", "data.train=a.tsv"],
    "data=pendigits": ["frontend=strokes", "head=classification"],
    "data=stroke_strings": ["frontend=strokes", "head=ctc", "data.train=a.tsv"],
    "data=pendigits_strings": ["frontend=strokes", "head=ctc"],
    "data=line_images": ["frontend=line_image", "head=ctc", "data.train=a.tsv"],
    "data=digit_lines": ["frontend=line_image", "head=ctc"],
    "data=peraire": ["frontend=line_image", "head=ctc"],
    "data=pages": ["frontend=line_image", "head=ctc", "data.train=pages"],
    "data=lingo": ["frontend=subwords", "head=translation"],
    "data=tatoeba": ["frontend=subwords", "head=translation"],
    "data=sounds": ["frontend=log_mel", "head=classification", "data.train=sounds"],
    "data=speech": ["frontend=log_mel", "head=ctc", "data.train=speech"],
    "data=fsdd": ["frontend=log_mel", "head=classification"],
    "data=sound_strings": ["frontend=log_mel", "head=ctc", "data.train=sounds"],
    "data=fsdd_strings": ["frontend=log_mel", "head=ctc"],
    "data=spoken": ["frontend=log_mel", "head=ctc"],
    "data=series": ["frontend=features", "head=ctc", "data.train=a.tsv"],
    "frontend=characters": ["head=classification"],
    "frontend=line_image": ["data=digit_lines", "head=ctc"],
    "frontend=subwords": ["head=classification"],
    "frontend=strokes": ["data=pendigits", "head=classification"],
    "frontend=log_mel": ["data=fsdd", "head=classification"],
    "frontend=features": ["data=series", "head=ctc", "data.train=a.tsv"],
    "head=translation": ["data=lingo", "frontend=subwords"],
    "head=ctc": ["data=digit_lines", "frontend=line_image"],
}
"""What an option needs beside it; None if no run can have it."""


def chosen() -> Iterator[str]:
    for option in options("seqloom_conf"):
        if option not in GLOBAL:
            group, _, name = option.rpartition("/")
            yield f"{group}={name}"
    for kind in KINDS:
        yield from (f"{kind}={name}" for name in registry().names(kind))


@pytest.mark.parametrize("option", [one for one in chosen() if NEEDS.get(one, []) is not None])
def test_every_option_composes_freezes_and_fits(option: str) -> None:
    config = compose_run([option, *(NEEDS.get(option) or [])])
    kind, _, name = option.partition("=")
    if kind in KINDS and name in registry().names(kind):
        assert config.components[kind]["name"] == name


@pytest.mark.parametrize("option", [one for one in chosen() if one.startswith("data=")])
def test_every_data_set_composes_for_evaluation(option: str) -> None:
    assert compose_data([option])["name"] in registry().names("data")


def test_every_file_is_reached() -> None:
    folder = Path(seqloom_conf.__file__).parent
    files = {str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.y*ml")}
    assert files == set(options("seqloom_conf"))


@pytest.mark.parametrize(
    "path", sorted(Path(seqloom_conf.__file__).parent.rglob("*.yaml")), ids=str
)
def test_no_component_of_a_preset_has_an_import_path(path: Path) -> None:
    if path.parent.name in (*KINDS, "experiment"):
        assert "_target_" not in path.read_text(encoding="utf-8")


def test_debug_and_experiment_go_together() -> None:
    config = compose_run(["experiment=bc5cdr", "debug=default"])
    assert config.trainer["max_epochs"] == 1
    assert config.data["name"] == "conll"
