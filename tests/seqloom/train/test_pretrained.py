"""A run that begins from a trained model goes on where that stopped."""

from __future__ import annotations

import json
import logging
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import seqloom
from seqloom.cli.composing import composed_config
from seqloom.config.compose import compose_run
from seqloom.errors import BundleError, ConfigError, DataError
from seqloom.files import sha256
from seqloom.model import bundle
from seqloom.model.description import read_description
from seqloom.train.folder import Result
from seqloom.train.pretrained import config_with_init, words_with_init

STILL = ("optimizer.lr=0.0", "scheduler=constant", "callbacks=none", "trainer=cpu")
"""Nothing moves but the statistics of batch norm."""
FEW = ("data=digit_lines", "data.train=3", "data.val=0", "data.test=0", "data.max_length=1")
"""Lines of one digit: a small alphabet."""

Begin = Callable[..., Result]


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Train for an epoch, beginning from a model."""

    def _begin(model: Path, *overrides: str) -> Result:
        given = (f"init={model}", *STILL, "trainer.max_epochs=1", *overrides)
        return seqloom.fit(*given, run_dir=tmp_path / "run")

    return _begin


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory: pytest.TempPathFactory, trained_reader: Path) -> Path:
    """Return the folder of a run whose model knows few digits."""
    words = (*FEW, "data.min_length=1", "data.height=16", "init_classes=replace", "trainer=cpu")
    run_dir = tmp_path_factory.mktemp("few") / "run"
    epochs = ("trainer.max_epochs=1", "callbacks=none")
    return seqloom.fit(f"init={trained_reader}", *words, *epochs, run_dir=run_dir).run_dir


def classes(model: Path) -> dict[str, torch.Tensor]:
    """Return the weights of each character's class by the character; the blank's by ""."""
    head: Any = seqloom.load(model).head
    return dict(zip(["", *head.codec.alphabet], head.linear.weight.detach(), strict=True))


def weights(model: Path, part: str) -> dict[str, torch.Tensor]:
    """Return the weights and statistics of a part of a model."""
    pipeline = seqloom.load(model)
    found: torch.nn.Module = getattr(pipeline if part == "head" else pipeline.model, part)
    return found.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether all tensors have the same bits."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_first_validation_is_the_models(
    begin: Begin, trained_reader: Path, lines: tuple[str, ...]
) -> None:
    result = begin(trained_reader, *lines, "freeze=[frontend]")
    before = json.loads((trained_reader / "metrics.json").read_text(encoding="utf-8"))
    for split, metrics in before.items():
        assert result.metrics[split] == pytest.approx(metrics, rel=1e-5)
    steps = (result.run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    (first, *_) = [json.loads(line)["val/loss"] for line in steps if "val/loss" in line]
    assert first == pytest.approx(before["val"]["loss"], rel=1e-5)
    assert same(weights(result.bundle, "head"), weights(trained_reader, "head"))


def test_from_the_command_line(
    trained_ner: Path, small: tuple[str, ...], tmp_path: Path, program: Callable[..., Any]
) -> None:
    words = [f"init={trained_ner}", *small, "optimizer.lr=0.0", "scheduler=constant"]
    done = program("train", *words, f"run_dir={tmp_path / 'run'}")
    assert done.returncode == 0, done.stderr
    assert same(weights(tmp_path / "run", "encoder"), weights(trained_ner, "encoder"))


def test_parts_and_parameters_are_the_models_unless_they_are_named(trained_reader: Path) -> None:
    model = {
        kind: part["section"]
        for kind, part in read_description(trained_reader / "bundle")["components"].items()
    }
    words = [f"init={trained_reader}", "data=digit_lines", "run_dir=x"]
    composed = compose_run(words_with_init(words), config_with_init)
    assert {kind: composed.components[kind] for kind in model} == model
    options = Namespace(overrides=words, config_dir=None)  # as other commands do it
    assert composed_config(options).components == composed.components
    more = ["head.decoder=beam", "++frontend.augment.slant=0.0", "encoder=bilstm"]
    changed = compose_run(words_with_init([*words, *more]), config_with_init)
    assert changed.head == {**model["head"], "decoder": "beam"}
    assert changed.frontend["augment"] == {**model["frontend"]["augment"], "slant": 0.0}


def test_kept_classes_refuse_what_they_do_not_have(
    begin: Begin, few_digits: Path, lines: tuple[str, ...]
) -> None:
    with pytest.raises(DataError, match=r"its text has characters that no training text has: '"):
        begin(few_digits, *lines)


def test_kept_classes_are_those_of_the_model(begin: Begin, trained_reader: Path) -> None:
    result = begin(trained_reader, *FEW, "data.min_length=1", "data.height=16")
    found, before = classes(result.bundle), classes(trained_reader)
    assert list(found) == list(before)
    assert same(found, before)


def test_united_classes_are_the_models_and_then_the_new(
    begin: Begin, few_digits: Path, lines: tuple[str, ...]
) -> None:
    before = classes(few_digits)
    result = begin(few_digits, *lines, "init_classes=merge")
    found = classes(result.bundle)
    added = sorted(set("0123456789") - set(before))
    assert len(before) > 1
    assert added
    assert list(found) == [*before, *added]
    assert same({name: found[name] for name in before}, before)
    assert result.metrics["val"].keys() >= {"cer", "loss"}


def test_replaced_classes_keep_the_weights_of_their_characters(
    trained_reader: Path, few_digits: Path, begin: Begin
) -> None:
    words = ("data.min_length=1", "data.height=16", "init_classes=replace")
    found, before = classes(begin(trained_reader, *FEW, *words).bundle), classes(trained_reader)
    assert list(found) == list(classes(few_digits))
    assert len(found) < len(before)
    assert same(found, {name: before[name] for name in found})


def test_another_head_begins_anew_on_the_trained_encoder(
    begin: Begin, trained_ner: Path, small: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        result = begin(trained_ner, *small, "head=classification")
    assert (
        f"head=classification starts untrained: the model {trained_ner} has another" in caplog.text
    )
    assert same(weights(result.bundle, "encoder"), weights(trained_ner, "encoder"))
    assert same(weights(result.bundle, "frontend"), weights(trained_ner, "frontend"))
    assert seqloom.load(result.bundle).head_name == "classification"


def test_a_head_of_other_classes_that_cannot_adopt_begins_anew(
    begin: Begin, trained_ner: Path, conll: Callable[..., list[str]], caplog: Any
) -> None:
    sentences = [[("Apple", "B-FRUIT"), ("pie", "O")], [("Sweet", "O")]]
    with caplog.at_level(logging.INFO, "seqloom"):
        begin(trained_ner, *conll(train=sentences, val=sentences), "init_classes=replace")
    assert "is initialized from scratch: its classes differ from those of the model." in caplog.text


def test_a_head_that_cannot_unite_says_so(
    begin: Begin, trained_ner: Path, small: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as found:
        begin(trained_ner, *small, "init_classes=merge")
    assert str(found.value).endswith(
        "cannot merge two sets of classes. Set init_classes=keep or init_classes=replace."
    )


def test_what_is_frozen_stays_as_it_is(
    begin: Begin, trained_reader: Path, lines: tuple[str, ...]
) -> None:
    result = begin(trained_reader, *lines, "optimizer.lr=0.05", "freeze=[frontend,encoder.stack]")
    frontend = weights(trained_reader, "frontend")
    assert any("running" in name or "mean" in name for name in frontend), "no statistics to freeze"
    assert same(weights(result.bundle, "frontend"), frontend)
    assert same(weights(result.bundle, "encoder"), weights(trained_reader, "encoder"))
    assert not same(weights(result.bundle, "head"), weights(trained_reader, "head"))


def test_what_is_not_frozen_moves(
    begin: Begin, trained_reader: Path, lines: tuple[str, ...]
) -> None:
    result = begin(trained_reader, *lines, "optimizer.lr=0.05", "freeze=[encoder]")
    found, before = weights(result.bundle, "frontend"), weights(trained_reader, "frontend")
    assert not any(torch.equal(found[name], before[name]) for name in before if before[name].ndim)
    assert same(weights(result.bundle, "encoder"), weights(trained_reader, "encoder"))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            "[frontent]",
            "freeze=frontent: no such module. Did you mean 'frontend'? There are: encod",
        ),
        (
            "[head]",
            "freeze=head: no such module. Did you mean 'heads'? There are: encoder, frontend",
        ),
        (
            "[encoder.stak]",
            "freeze=encoder.stak: no such module. Did you mean 'encoder.stack'? There",
        ),
        ("['']", "freeze=: no such module. There are: encoder, frontend, heads."),
        (
            "[frontend,encoder,heads]",
            "freeze=['frontend', 'encoder', 'heads'] leaves nothing to train.",
        ),
    ],
)
def test_parts_that_cannot_be_frozen(
    begin: Begin, trained_ner: Path, small: tuple[str, ...], names: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as found:
        begin(trained_ner, *small, f"freeze={names}")
    assert str(found.value).startswith(sentence)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("encoder=gru", r"^encoder=gru: the model .* has encoder=bilstm\.$"),
        ("frontend=characters", r"^frontend=characters: the model .* has frontend=words\.$"),
        (
            "encoder.hidden_size=5",
            r"^init=.*: its weights do not match encoder\.hidden_size=5 \(the model has "
            r"8\)\. Keep the values of the model\.$",
        ),
    ],
)
def test_other_parts_than_the_models(
    begin: Begin, trained_ner: Path, small: tuple[str, ...], override: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        begin(trained_ner, *small, override)


def test_a_run_begins_from_one_model(tmp_path: Path) -> None:
    for words in (["-m", "init=a,b"], ["init=a", "init=choice(a,b)"]):
        with pytest.raises(ConfigError) as found:
            words_with_init(words)
        assert str(found.value) == (
            f"{words[-1]}: a run starts from one model, so this cannot be swept over. If it is a "
            "path, add inner quotes: init='\"…\"'"
        )
    with pytest.raises(BundleError, match=r"^a,b does not exist\. Pass a bundle"):
        words_with_init(["-m", "init='a,b'"])
    with pytest.raises(ConfigError, match=r"^'init=\{' cannot be read"):
        words_with_init(["init={"])
    with pytest.raises(BundleError, match=r"has no bundle\.json"):
        words_with_init([f"init={tmp_path}"])


@pytest.mark.parametrize("words", [[], ["init="], ["init=null"], ["init=a", "init=null", "x=1"]])
def test_without_a_model_nothing_is_added(words: list[str]) -> None:
    assert words_with_init(words) == words


def test_a_path_with_odd_characters(trained_ner: Path, tmp_path: Path) -> None:
    odd = tmp_path / "it's, a {model}"
    odd.symlink_to(trained_ner)
    quoted = str(odd).replace("'", "\\'")
    words = [f"init='{quoted}'", "run_dir=x"]
    composed = compose_run(words_with_init(words), config_with_init)
    assert composed.init == str(odd)
    assert composed.encoder["hidden_size"] == 8


def test_the_names_of_parts_stand_behind_the_flags(trained_ner: Path) -> None:
    init = f"init={trained_ner}"
    names = ["frontend=words", "encoder=bilstm", "head=ner"]
    assert words_with_init(["-m", init, "seed=1,2"]) == ["-m", *names, init, "seed=1,2"]
    assert words_with_init(["--cfg", "job", "seed=1", init]) == [
        "--cfg",
        "job",
        *names,
        "seed=1",
        init,
    ]
    assert words_with_init([init, "head=classification", "-m"]) == [
        *names[:2],
        init,
        "head=classification",
        "-m",
    ]


def test_a_sweep_over_a_model(
    trained_ner: Path, small: tuple[str, ...], tmp_path: Path, program: Callable[..., Any]
) -> None:
    words = ["-m", f"init={trained_ner}", *small, "encoder.dropout=0.0,0.1", "scheduler=constant"]
    done = program("train", *words, f"run_dir={tmp_path / 'sweep'}")
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load((tmp_path / "sweep" / "1" / "config.yaml").read_text(encoding="utf-8"))
    assert (config["encoder"]["dropout"], config["encoder"]["hidden_size"]) == (0.1, 8)


def test_a_model_named_in_yaml_or_by_another_word(trained_reader: Path) -> None:
    """The parameters are the model's wherever ``init`` was set."""
    parts = ["data=digit_lines", "frontend=line_image", "head=ctc", "encoder=bilstm", "run_dir=x"]
    composed = compose_run([*parts, f"++init={trained_reader}"], config_with_init)
    description = read_description(trained_reader / "bundle")
    assert composed.frontend == description["components"]["frontend"]["section"]


def test_a_run_goes_on_without_its_model(
    trained_ner: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained_ner / "bundle", model)
    words = (f"init={model}", *small, "scheduler=constant", "callbacks=none")
    seqloom.fit(*words, run_dir=tmp_path / "run")
    shutil.rmtree(model)
    more = ("resume=auto", "trainer.max_epochs=2")
    assert seqloom.fit(*words, *more, run_dir=tmp_path / "run").bundle.exists()
    with pytest.raises(BundleError, match="does not exist"):
        seqloom.fit(*words, run_dir=tmp_path / "other")


def test_a_model_that_names_other_groups_is_refused(trained_ner: Path, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    shutil.copytree(trained_ner / "bundle", evil)
    description = json.loads((evil / "bundle.json").read_text(encoding="utf-8"))
    section = {"name": "none", "x": {"_target_": "os.system", "command": "true"}}
    description["components"]["callbacks"] = {
        **description["components"]["encoder"],
        "section": section,
    }
    (evil / "bundle.json").write_text(json.dumps(description), encoding="utf-8")
    for use in (seqloom.load, lambda path: words_with_init([f"init={path}"])):
        with pytest.raises(BundleError, match="components of other kinds: callbacks"):
            use(evil)


def test_a_resumed_run_does_not_begin_again(
    trained_ner: Path, small: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (f"init={trained_ner}", *small, "scheduler=constant", "callbacks=none")
    two = "trainer.max_epochs=2"
    whole = seqloom.fit(*words, two, run_dir=tmp_path / "whole")
    seqloom.fit(*words, run_dir=tmp_path / "cut")

    def load(*_: Any) -> None:
        raise AssertionError("the model is loaded again")

    monkeypatch.setattr(bundle, "load", load)
    resumed = seqloom.fit(*words, two, "resume=auto", run_dir=tmp_path / "cut")
    files = [one.run_dir / "bundle/model.safetensors" for one in (whole, resumed)]
    assert sha256(files[0]) == sha256(files[1])
