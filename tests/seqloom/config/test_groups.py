"""Test that a mistyped component is answered without Hydra, as composing would answer it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.config.compose import compose_run
from seqloom.config.groups import refuse_unknown_component
from seqloom.errors import ConfigError


@pytest.mark.parametrize("word", ["encoder=bilstn", "head=nor", "frontend=word", "data=foo"])
def test_the_answer_is_that_of_composing(word: str) -> None:
    with pytest.raises(ConfigError) as composed:
        compose_run([word])
    with pytest.raises(ConfigError) as early:
        refuse_unknown_component(["seed=3", word])
    assert str(early.value) == str(composed.value)


def test_a_sweep_is_refused_for_any_of_its_values() -> None:
    with pytest.raises(ConfigError, match="no encoder=bilstn"):
        refuse_unknown_component(["-m", "encoder=lstm,bilstn"])


@pytest.mark.parametrize(
    "words",
    [
        ["encoder=lstm,bilstm", "-m"],
        ["data=snips", "encoder=null", "head='ner'"],
        ["data=x.csv"],  # a file in place of a reader
        ["encoder=[lstm]"],
        ["encoder=mine", "--config-dir=mine"],
        ["encoder=mine", "hydra.searchpath=[file://mine]"],
        ["+encoder=mine"],
        ["encoder=mine", "disable_plugins=[recurrent]"],
    ],
)
def test_what_only_hydra_can_judge_is_left_to_it(words: list[str]) -> None:
    refuse_unknown_component(words)


def test_a_file_in_place_of_a_reader_is_left_to_hydra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews").touch()
    refuse_unknown_component(["data=reviews"])


def test_a_contested_component_is_left_to_hydra(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (
        "from dataclasses import dataclass\n"
        "from seqloom.plugins import Component, hookimpl\n"
        "@dataclass\nclass Params:\n    pass\n"
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('encoder', 'lstm', Params, 'collections:Counter')]\n"
    )
    install("second_lstm", source)
    refuse_unknown_component(["encoder=lstm"])


def test_hydra_is_not_imported_to_answer() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "seqloom", "train", "encoder=bilstn"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "no encoder=bilstn" in told
    assert not [line for line in told.splitlines() if line.endswith((" hydra", " torch"))]
