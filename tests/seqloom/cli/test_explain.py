"""``seqloom explain`` says what components and keys mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.cli.explain import known_names
from seqloom.cli.main import run
from seqloom.errors import ConfigError


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.setenv("COLUMNS", "100")

    def get(*arguments: str) -> str:
        assert run(["explain", *arguments]) == 0
        return capsys.readouterr().out

    return get


def test_a_component_with_its_keys(said: Callable[..., str]) -> None:
    text = said("encoder=bilstm")
    assert text.startswith("encoder=bilstm: LSTMs in both directions, merged at each step.\n")
    assert (
        "  encoder.hidden_size    default: 128 (a whole number)\n"
        "      Units of a layer, per direction.\n"
        "      encoder.hidden_size=256\n"
    ) in text
    assert "      multiply  f * b, element by element\n" in text


def test_a_group_with_its_options_and_whose_keys_are_whose(said: Callable[..., str]) -> None:
    text = " ".join(said("encoder").split())
    assert "bilstm LSTMs in both directions, merged at each step." in text
    assert "encoder.hidden_size Units of a layer, per direction. encoder.num_layers" in text
    assert "merged at each step. (bigru, bilstm, birnn)" in text


def test_keys_of_a_component_of_the_trainer_and_of_a_run(said: Callable[..., str]) -> None:
    assert said("encoder.merge").startswith("encoder.merge, a key of encoder=bigru, bilstm, birnn:")
    assert "default: 5.0 (a number)" in said("trainer.gradient_clip_val")
    assert "Whether higher (max) or lower" in said("callbacks.early_stopping.mode")
    assert "10m   (since 0.2)" in said("save_every")
    assert "a key of a run:" in said("batch.max_cost")
    assert said("seed", "budget").count("default: ") == 4


def test_the_last_part_of_a_key_is_enough(said: Callable[..., str]) -> None:
    assert said("hidden_size").startswith("encoder.hidden_size, a key of encoder=bigru,")
    assert "data.split.stratify=label" in said("stratify")


def test_presets_say_what_they_are_a_preset_of(said: Callable[..., str]) -> None:
    text = said("data=snips")
    assert "A preset of data=parallel." in text
    assert "data.train    default: {tokens: …, tags: …, label: …}" in text
    assert "data.train.tokens" not in text


def test_recipes_list_what_they_set(said: Callable[..., str]) -> None:
    lines = [line.split() for line in said("experiment=snips_slots").splitlines()]
    assert ["It", "sets:"] in lines
    assert ["optimizer.lr", "0.003"] in lines
    group = said("experiment")
    assert "snips_slots" in group
    assert "Keys:" not in group  # they set keys of others


def test_what_there_is(said: Callable[..., str]) -> None:
    text = said()
    assert "  encoder         combines each vector with its context\n" in text
    assert "  budget          How long a run trains" in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("encoder=bilstn", "There is no encoder=bilstn. Did you mean 'bilstm'? There are: bigru, "),
        ("encoder.mrege", "There is no component, group or key 'encoder.mrege'. Did you mean enc"),
        ("optimiser", "group or key 'optimiser'. Did you mean optimizer"),
        ("hiden_size", "Did you mean hidden_size"),
    ],
)
def test_wrong_names_get_the_nearest(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run(["explain", name])
    assert message in str(caught.value)


def test_every_option_and_group_can_be_explained(said: Callable[..., str]) -> None:
    names = known_names()
    assert len(names) > 300
    options = [one for one in names if "=" in one]
    assert said(*options, "run", "data").count("default: ") > 500


def test_the_help_of_train_explains_the_chosen_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["train", "encoder=gru,lstm", "seed=2", "trainer=gpu", "--help"]) == 0
    text = capsys.readouterr().out
    assert "encoder=gru: " in text
    assert "encoder.forget_bias=0.5" in text
    assert "trainer.precision    default: bf16-mixed" in text
    assert "Usage:" not in text
    assert run(["train", "logger=[csv,tensorboard]", "scheduler=null", "--help"]) == 0
    text = capsys.readouterr().out
    assert "logger=csv: " in text
    assert "logger=tensorboard: " in text
    with pytest.raises(ConfigError, match="There is no encoder=bilstn"):
        run(["train", "encoder=bilstn", "--help"])


def test_components_and_presets_of_a_stranger(stranger: None, said: Callable[..., str]) -> None:
    assert "encoder.width" in said("encoder=stranger")
    assert "A preset of encoder=stranger." in said("encoder=stranger_wide")


UNTOLD = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Bare:
    width: int = 3

@hookimpl
def seqloom_components():
    return [Component("encoder", "untold", Bare, "stranger_untold:Bare")]
"""


def test_a_component_without_texts(install: Callable[..., Path], said: Callable[..., str]) -> None:
    install("stranger_untold", UNTOLD)
    text = said("encoder=untold")
    assert "encoder=untold: no description." in text
    assert "No description.\n      encoder.width=6" in text
