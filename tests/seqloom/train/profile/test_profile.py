"""What ``seqloom profile`` measures: parts that sum to the whole, on the path of a run."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from seqloom.cli.profile import page
from seqloom.cli.profile import profile as command
from seqloom.config.compose import compose_run
from seqloom.errors import DataError
from seqloom.interfaces import Features
from seqloom.model.pipeline import Pipeline
from seqloom.train.process import set_seed
from seqloom.train.profile.hooks import Hooks, layers_of, tensors_of
from seqloom.train.profile.picture import picture
from seqloom.train.profile.profile import _dtype, profile
from seqloom.train.profile.result import Profile, Steps
from seqloom.train.profile.stopwatch import CPUClock, Label, Stopwatch

SMALL = (
    "data.train_size=40",
    "data.val_size=10",
    "data.test_size=4",
    "batch.max_examples=8",
    "frontend.size=6",
    "encoder.hidden_size=8",
    "encoder.num_layers=2",
    "trainer=cpu",
)


@pytest.fixture(scope="module")
def found() -> Profile:
    none = "trainer.limit_train_batches=0"  # a limit of epochs, which does not count here
    return profile(compose_run([*SMALL, none]), steps=6)


@pytest.fixture
def training(found: Profile) -> Steps:
    return found.stages[0]


@pytest.fixture
def inference(found: Profile) -> Steps:
    return found.stages[1]


class Ticks:
    """A clock that goes on by one at each stamp."""

    def __init__(self) -> None:
        self.now = 0

    def stamp(self) -> int:
        self.now += 1
        return self.now

    def finish(self) -> None:
        pass

    def between(self, first: int, last: int) -> float:
        return last - first


def test_each_moment_of_a_step_is_charged_once() -> None:
    watch, outer, inner = Stopwatch(Ticks()), Label("outer"), Label("inner")
    with watch.part(outer):  # outside of a step
        pass
    for _ in range(2):
        watch.begin()  # a tick for the rest,
        with watch.part(outer):  # one for outer,
            watch.timed(lambda: None, inner)()  # one for inner, one for outer,
            watch.switch(Label("mine"))  # one for mine, and one for the rest
        watch.end()
    assert watch.steps == 2
    seconds = {label.part: count for label, count in watch.seconds().items()}
    assert seconds.pop("other") == 4
    assert seconds == {"outer": 4, "inner": 2, "mine": 2}


def test_the_parts_of_training(training: Steps) -> None:
    parts = {one.name: one for one in training.parts}
    assert list(parts) == [
        "waiting for data",
        "moving data to the device",
        "frontend",
        "encoder",
        "encoder: layer 1",
        "encoder: layer 2",
        "head",
        "clipping",
        "optimizer",
        "logging and callbacks",
        "other",
        "profiling",
    ]
    assert all(one.forward > 0 for one in parts.values())
    passed = {name for name, one in parts.items() if one.backward}
    assert passed >= {"frontend", "encoder: layer 1", "encoder: layer 2", "head"}
    assert passed <= {"frontend", "encoder", "encoder: layer 1", "encoder: layer 2", "head"}
    assert training.seconds == pytest.approx(sum(one.seconds for one in training.parts))


def test_what_training_read(training: Steps) -> None:
    assert (training.batches, training.examples) == (6, 48)
    assert 48 < training.steps <= training.padded
    weights = 4 * 8 * (56 + 8) * 2 + 4 * 8 * (16 + 8) * 2  # features of words and spellings
    assert training.flop == 2 * 3 * weights * training.steps
    assert training.dtype == "float32"
    assert training.product_rate > training.rates["encoder_flop_per_second"] > 0


def test_an_encoder_without_a_stack_has_the_layers_that_have_weights() -> None:
    encoder: Any = nn.Module()
    encoder.blocks = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    encoder.drop = nn.Dropout(0.1)
    encoder.out = nn.Linear(2, 2)
    found = layers_of(encoder)
    assert list(found) == ["blocks 0", "blocks 1", "out"]
    assert found["out"] is encoder.out


def test_tensors_are_found_in_nested_outputs() -> None:
    one, two, three = torch.zeros(3, 1).unbind()
    encoded = Features(two, torch.ones(1, dtype=torch.int64))
    found = [*tensors_of((one, [three, "a text"], encoded, None))]
    assert [id(tensor) for tensor in found] == [*map(id, (one, three, two, encoded.lengths))]


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("bf16-mixed", torch.bfloat16), ("16-true", torch.float16), ("64-true", torch.float64),
     ("32-true", torch.float32)],
)  # fmt: skip
def test_the_product_is_measured_in_the_type_of_the_precision(
    precision: str, expected: torch.dtype
) -> None:
    assert _dtype(precision) is expected


def test_the_paths_of_the_layers(training: Steps) -> None:
    layers = [one for one in training.parts if one.name.startswith("encoder: layer")]
    assert [sum(one.paths.values()) for one in layers] == [6, 6]
    assert all(set(one.paths) <= {"dense", "pieces", "packed"} for one in layers)


def test_the_parts_of_inference(inference: Steps) -> None:
    names = [one.name for one in inference.parts]
    assert names[:3] == ["encoding the inputs", "making batches", "frontend"]
    assert {"encoder: layer 2", "head", "writing predictions"} <= set(names)
    assert not any(one.backward for one in inference.parts)
    assert inference.examples == 10  # all of val


def test_hooks_change_no_value_and_leave_nothing(found: Profile) -> None:
    from seqloom.model.build import build_pipeline
    from seqloom.train.data import SequenceData
    from seqloom.train.prepare import encoded_data

    cfg = compose_run(SMALL)
    data = encoded_data(cfg)
    batch = next(iter(SequenceData(data, cfg.batch, seed=0).train_dataloader()))

    def gradients(pipeline: Pipeline, hooks: Hooks | None) -> Iterator[torch.Tensor]:
        set_seed(1)
        _, outputs = pipeline.outputs(batch)
        loss = pipeline.head.loss(outputs, batch.targets["ner"]).mean()
        if hooks:
            with hooks.backward():
                loss.backward()
            hooks.stopwatch.end()
        else:
            loss.backward()
        for one in pipeline.model.parameters():
            assert one.grad is not None
            yield one.grad
            one.grad = None

    set_seed(1)
    pipeline = build_pipeline(cfg.components, data.codecs)
    before = [one.clone() for one in gradients(pipeline, None)]
    hooks = Hooks(pipeline, Stopwatch(CPUClock()))
    with hooks.attached():
        hooks.stopwatch.begin()
        watched = [one.clone() for one in gradients(pipeline, hooks)]
    assert all(map(torch.equal, before, watched))
    assert hooks.seen.batches == 1
    assert "loss" not in vars(pipeline.head)
    assert not any(one._forward_hooks for one in pipeline.model.modules())


def test_the_page(found: Profile) -> None:
    lines = list(page(found))
    assert lines[0].startswith("bilstm · ner · apples on cpu, 1 thread, ")
    assert lines[2] == "training: 6 batches of 8.0 examples; ms per batch"
    assert any(line.startswith("encoder: layer 1 ") and "×" in line for line in lines)
    assert sum(line.endswith("100.0%") for line in lines) == 2
    assert sum("of a large float32 matrix product on this device" in line for line in lines) == 2


def test_the_picture_is_as_wide_as_the_whole(found: Profile) -> None:
    root = ET.fromstring(picture(found))
    name = "{http://www.w3.org/2000/svg}"
    bars = [one for one in root.iter(f"{name}rect") if one.find(f"{name}title") is not None]
    widths = [float(one.attrib["width"]) for one in bars]
    assert sum(widths) == pytest.approx(2 * 820, abs=0.1 * len(bars))
    assert "encoder: layer 2, backward: " in picture(found)


def test_the_command_leaves_what_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--steps", "2", "--json", "--picture", "step.svg"]
    assert command([*SMALL, "head=classification", "encoder=gru", *options]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["training"]["batches"] == 2
    assert facts["inference"]["steps_per_second"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["step.svg"]


def test_data_that_cannot_be_read_is_an_error_as_in_train(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv"):
        command(["data=csv", f"data.train={tmp_path}/none.csv", "head=classification"])


@pytest.mark.gpu
def test_a_step_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    found = profile(compose_run([*SMALL[:-1], "trainer=gpu"]), steps=6)
    assert found.device.startswith("cuda")
    for stage in found.stages:
        assert all(one.seconds >= 0 for one in stage.parts)
        assert stage.seconds > 0
        assert stage.peak
    assert {one.name for one in found.stages[0].parts if one.backward} >= {"head", "frontend"}
