"""Files and URLs that only a model names as its data."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqloom.cli.main import run
from seqloom.cli.predict import input_section
from seqloom.config.overrides import Overrides, split_overrides
from seqloom.errors import ConfigError, DataError
from seqloom.inference.evaluate import evaluate_model
from seqloom.inference.its_data import as_user_named
from seqloom.plugins import registry
from seqloom.plugins.named_files import named_files, without_files
from seqloom.train.pretrained import _refuse_named_files

FILES = {"train": "a.csv", "val": "b.csv", "test": "c.csv"}
CSV = {"name": "csv", **FILES}
SERIES = {"name": "series", **FILES, "arrays": "folder"}
URL = "http://127.0.0.1:9/x.conll#sha256=" + "0" * 64


def named(section: dict[str, Any], *words: str, split: str = "test", its: bool = False) -> Any:
    return as_user_named(section, split_overrides(words), split, its)


@pytest.mark.parametrize(
    ("section", "words", "split", "listing"),
    [
        (CSV, [], "test", "data.test=c.csv"),
        (CSV, [], "val", "data.val=b.csv"),
        ({"name": "csv", "train": URL}, [], "test", f"data.train={URL}"),
        (CSV, ["data.val=d.csv"], "test", "data.test=c.csv"),
        (SERIES, ["data.test=d.csv"], "test", "data.arrays=folder"),
        ({"name": "csv", "test": "a\x1b[2J\n"}, [], "test", r"data.test=a\x1b[2J\n"),
        (
            {"name": "parallel", "test": {"text": "x", "label": "y"}},
            ["data.test.text=z"],
            "test",
            "data.test.label=y",
        ),
    ],
)
def test_they_are_refused(
    section: dict[str, Any], words: list[str], split: str, listing: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        named(section, *words, split=split)
    assert str(caught.value) == (
        f"The model names its own data, {listing}, which is read only on request: to read it, add "
        f"--its-data (in Python its_data=True); for other data, name it: data.{split}=FILE"
    )


def test_what_the_user_names_is_read_and_nothing_beside_it() -> None:
    own = {**CSV, "test": "d.csv"}
    assert named(own, "data.test=d.csv") == {**own, "train": None, "val": None}
    cut = {"name": "csv", "train": "d.csv", "split": {"test": 0.2}, "val": "b.csv"}
    assert named(cut, "data.train=d.csv") == {**cut, "val": None}


def test_generated_data_needs_no_request() -> None:
    for section in ({"name": "apples", "test_size": 3}, {"name": "digit_lines", "test": 500}):
        assert named(section) == section


def test_they_are_listed_before_they_are_read(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "seqloom"):
        assert named(SERIES, its=True) == SERIES
    assert caplog.messages == [
        "Reading the data that the model names: data.train=a.csv, data.val=b.csv, "
        "data.test=c.csv, data.arrays=folder"
    ]


def test_predicting_takes_no_folder_from_the_model() -> None:
    frontend = {"name": "features", "field": "features"}
    info = {"data": SERIES, "components": {"frontend": {"section": frontend}}}
    found = input_section(info, ["new.tsv"], Overrides(name="series"))
    assert (found["name"], found["arrays"]) == ("series", None)


def test_every_installed_component_declares_its_files(tmp_path: Path) -> None:
    for kind, name in registry().components:
        component = registry().find(kind, name)
        assert component.files is not None, f"{kind}={name}"
        if kind != "data" or not component.sample:
            continue
        module, _, function = component.sample.partition(":")
        sample = getattr(__import__(module, fromlist=[function]), function)
        folder = tmp_path / name
        folder.mkdir()
        section = {"name": name, **sample(folder)}
        left = str(without_files("data", section))
        assert str(tmp_path) not in left, f"data={name}: {left}"


def test_parameters_of_a_plugin_that_declares_nothing_count_if_they_could_be_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    component = registry().find("data", "csv")
    monkeypatch.chdir(tmp_path)
    Path("there").touch()
    undeclared = SimpleNamespace(find=lambda *_: replace(component, files=None))
    monkeypatch.setattr("seqloom.plugins.named_files.registry", lambda: undeclared)
    section = {
        "name": "csv",
        "test": "plain",
        "a": "no path",
        "b": "x/y",
        "c": {"d": ["ftp://x", "there"]},
        "e": "~me",
        "f": 3,
        "g": "a\0b",
    }
    assert named_files("data", section) == {
        "test": "plain",
        "b": "x/y",
        "c.d.0": "ftp://x",
        "c.d.1": "there",
        "e": "~me",
    }


@pytest.mark.parametrize(
    ("changed", "keys", "refused"),
    [
        ({}, [], True),
        ({}, ["head.corpus"], True),
        ({}, ["head.corpus", "head.lexicon"], False),
        ({"lexicon": "train", "corpus": None}, [], False),
        ({"lexicon": "train", "corpus": None, "arpa": "/etc/hosts"}, [], True),
        ({"lexicon": "train", "corpus": None, "arpa": "/etc/hosts"}, ["head.arpa"], False),
    ],
)
def test_classes_are_not_merged_with_files_that_only_the_model_names(
    changed: dict[str, Any], keys: list[str], refused: bool
) -> None:
    head = {"name": "ctc", "corpus": "/etc/passwd", "lexicon": "/etc/group", **changed}
    cfg: Any = SimpleNamespace(head=head, init="model", init_classes="merge", resume="never")
    own = [key.removeprefix("head.") for key in keys]
    if refused:
        with pytest.raises(ConfigError, match="would read what the model model names"):
            _refuse_named_files(cfg, own)
    else:
        _refuse_named_files(cfg, own)


@pytest.fixture
def stranger(trained_ner: Path, tmp_path: Path) -> Path:
    """Return a bundle that names files as its data, copied from elsewhere."""
    bundle = shutil.copytree(trained_ner / "bundle", tmp_path / "model")
    path = bundle / "bundle.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    found["data"] = {"name": "conll", "test": URL, "val": str(tmp_path / "secret")}
    del found["data_component"], found["sha256"]
    path.write_text(json.dumps(found), encoding="utf-8")
    return bundle


def test_a_stranger_s_model_fetches_and_opens_nothing(
    stranger: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import seqloom.data.text_file as module

    opened: list[str] = []
    monkeypatch.setattr(module, "local_path", lambda path, **_: opened.append(path) or Path("none"))
    for words in ([], ["--split", "val"], ["--changed-data"]):
        with pytest.raises(ConfigError, match="which is read only on request"):
            run(["evaluate", str(stranger), *words])
    assert not opened
    new = tmp_path / "new.conll"
    new.write_text("Apple B-ORG\n\n", encoding="utf-8")
    monkeypatch.setattr(module, "local_path", lambda path, **_: opened.append(path) or Path(path))
    evaluate_model(stranger, f"data.test={new}", split="test", changed_data=True)
    assert {*opened} == {str(new)}


def test_on_request_it_is_read(stranger: Path) -> None:
    with pytest.raises(DataError, match="secret: no such file"):
        evaluate_model(stranger, split="val", its_data=True)


def test_a_model_without_the_optional_parts_still_predicts(
    stranger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stranger / "bundle.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    for key in ("data", "metrics", "versions", "splits", "sha256"):
        found.pop(key, None)
    path.write_text(json.dumps(found), encoding="utf-8")
    text = tmp_path / "in.txt"
    text.write_text("Apple is here\n", encoding="utf-8")
    assert run(["predict", str(stranger), str(text)]) == 0
    assert '"tokens"' in capsys.readouterr().out
