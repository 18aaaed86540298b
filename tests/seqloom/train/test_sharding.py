"""Ranks that share the weights train what ranks do that have them whole, and resume as they do."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from pytorch_lightning.callbacks import StochasticWeightAveraging
from safetensors.torch import load_file
from small_lines import SMALL_LINES
from torch import distributed
from torch.distributed.tensor import DTensor
from torch.optim import SGD

import seqloom
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError
from seqloom.train import preemption
from seqloom.train.averaging import AverageWeights
from seqloom.train.checkpoints.files import read_checkpoint
from seqloom.train.folder import RunFolder, read_metrics
from seqloom.train.preemption import Preempted
from seqloom.train.prepare import load_encoded, prepare_data, store_encoded
from seqloom.train.process import restored_process
from seqloom.train.ranks.distributed import barrier, rank, world_size
from seqloom.train.ranks.launch import ranks_per_node
from seqloom.train.row_adam import RowAdam
from seqloom.train.run import work
from seqloom.train.sharding import ShardedStrategy, parts_of_state, refuse

OnRanks = Callable[..., dict[int, list[Any]]]

WORDS = (
    "encoder.hidden_size=7",  # of which no part is as large as the other
    "frontend.dropout=0.3",
    "batch.max_examples=8",
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "trainer.max_epochs=2",
    "trainer.log_every_n_steps=1",
    "trainer.gradient_clip_val=5",
    "trainer.accumulate_grad_batches=2",
    "callbacks=none",
    "baseline=false",
    "cache=off",
)
APPLES = ("data.train_size=60", "data.val_size=20", "data.test_size=4", "frontend.size=8")
LINES = (
    *SMALL_LINES,
    "data.train=64",
    "data.val=8",
    "data.test=4",
    "head=ctc",
    "head.ngram_order=2",
)
"""Two steps an epoch, each of two batches on each rank."""


class Stop(pl.Callback):
    """Sends the second rank a signal in the third step, or in a validation after it."""

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def on_train_batch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
        if self.moment == "step" and trainer.global_step == 2:
            self._stop()

    def on_validation_batch_start(self, trainer: pl.Trainer, *rest: Any) -> None:
        if self.moment == "validation" and trainer.global_step == 2:
            self._stop()

    def _stop(self) -> None:
        if rank() == 1:
            os.kill(os.getpid(), signal.SIGTERM)


def _stop(moment: str) -> str:
    return f"+callbacks={{stop: {{_target_: {__name__}.Stop, moment: {moment}}}}}"


def _train(path: Path, *words: str) -> str:
    """Take part in a run as its launcher and ranks do; return how it ended if not well."""
    data = () if "data=digit_lines" in words else APPLES
    folder, cfg = RunFolder(path), compose_run([*WORDS, *data, *words, f"run_dir={path}"])
    with restored_process(), preemption.handled():
        if not rank():
            path.mkdir(exist_ok=True)
            folder.open(cfg)
            store_encoded(prepare_data(cfg, folder), folder)
        barrier()
        try:
            work(folder, load_encoded(cfg, folder), several=world_size() > 1)
        except (Preempted, ConfigError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            barrier()
    return ""


def _both(place: str, *words: str) -> None:
    """Train with whole weights, and with parts of them."""
    for strategy in ("ddp", "fsdp"):
        assert not _train(Path(place, strategy), f"+trainer.strategy={strategy}", *words)


def _stopped(place: str, first: str, moment: str, then: str, *words: str) -> None:
    """Train until a signal comes, and resume the run."""
    path = Path(place, f"{first} {moment} {then}")
    found = _train(path, f"+trainer.strategy={first}", _stop(moment))
    assert found.startswith("Preempted"), found
    assert not _train(path, f"+trainer.strategy={then}", "resume=auto", *words)


class Small(torch.nn.Module):
    """As much of a module as the strategy looks at, around a model."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model, self.make_optimizer = model, SGD
        self.trainer = SimpleNamespace(callbacks=[])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.model(values))


def _gradient() -> float:
    """Return the gradient of a weight by which each rank multiplies its number, from 1."""
    strategy, module = _strategy(torch.nn.Linear(1, 1, bias=False))
    strategy.configure_ddp()
    module(torch.tensor([rank() + 1.0])).backward()
    (weight,) = module.parameters()
    return float(cast(DTensor, weight.grad).full_tensor())


def _strategy(model: torch.nn.Module) -> tuple[ShardedStrategy, Small]:
    strategy, module = ShardedStrategy(), Small(model)
    strategy.parallel_devices = [torch.device("cpu")] * world_size()
    strategy.cluster_environment = TorchElasticEnvironment()
    strategy._lightning_module = cast(pl.LightningModule, module)
    strategy.set_world_ranks()
    return strategy, module


def _both_and_stopped(place: str) -> float:
    gradient = _gradient()
    _both(place)
    _stopped(place, "fsdp", "validation", "fsdp")
    return gradient


def _assert_alike(found: Path, expected: Path, tolerance: float = 1e-5) -> None:
    """Compare what two runs logged and trained, up to rounding."""
    ours, theirs = (read_metrics(one / "metrics.jsonl") for one in (found, expected))
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, rel=tolerance, abs=tolerance / 10)
    weights, others = (load_file(one / "bundle" / "model.safetensors") for one in (found, expected))
    assert _kinds(weights) == _kinds(others)
    for name, one in weights.items():
        torch.testing.assert_close(one, others[name], rtol=0, atol=tolerance)


def _kinds(value: Any) -> Any:
    """Return a state with types in place of its values."""
    if isinstance(value, dict):
        return {name: _kinds(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_kinds(one) for one in value]
    return (value.shape, value.dtype) if isinstance(value, torch.Tensor) else type(value)


def _assert_same(found: Path, expected: Path) -> None:
    """Require that two runs logged and trained the same bits."""
    ours, theirs = (one / "bundle" / "model.safetensors" for one in (found, expected))
    assert ours.read_bytes() == theirs.read_bytes()
    assert read_metrics(found / "metrics.jsonl") == read_metrics(expected / "metrics.jsonl")


def test_they_train_like_ranks_with_whole_weights_and_resume_exactly(
    on_ranks: OnRanks, tmp_path: Path
) -> None:
    # Adam, and clipping, would not tell a mean from a sum.
    assert on_ranks(_both_and_stopped, str(tmp_path), sizes=(2,)) == {2: [1.5, 1.5]}
    ddp, fsdp = tmp_path / "ddp", tmp_path / "fsdp"
    _assert_alike(fsdp, ddp)
    _assert_same(tmp_path / "fsdp validation fsdp", fsdp)
    state, other = (read_checkpoint(one / "checkpoints" / "last.ckpt") for one in (fsdp, ddp))
    assert state.keys() == other.keys()
    for key in ("state_dict", "optimizer_states"):
        assert _kinds(state[key]) == _kinds(other[key])
    assert seqloom.load(fsdp / "bundle")("Apple is cheap .")["entities"] is not None


def _every_way(place: str) -> None:
    _both(place)
    for moment in ("step", "validation"):
        for first, then in (("fsdp", "fsdp"), ("ddp", "fsdp"), ("fsdp", "ddp")):
            _stopped(place, first, moment, then)


@pytest.mark.slow
def test_a_run_is_resumed_with_whole_weights_or_parts(on_ranks: OnRanks, tmp_path: Path) -> None:
    on_ranks(_every_way, str(tmp_path), sizes=(2,))
    for moment in ("step", "validation"):
        _assert_same(tmp_path / f"fsdp {moment} fsdp", tmp_path / "fsdp")
        for mixed in (f"fsdp {moment} ddp", f"ddp {moment} fsdp"):
            _assert_alike(tmp_path / mixed, tmp_path / "ddp")


def _on_other_ranks(place: str) -> None:
    if world_size() == 2:
        _both(place)
        for number in (1, 3):
            _train(Path(place, str(number)), "+trainer.strategy=fsdp", _stop("step"))
    else:
        words = ["resume=auto", f"trainer.devices={world_size()}"]
        strategy = ["+trainer.strategy=fsdp"] if world_size() > 1 else []
        assert not _train(Path(place, str(world_size())), *words, *strategy)


@pytest.mark.slow
def test_a_run_is_resumed_on_other_ranks(on_ranks: OnRanks, tmp_path: Path) -> None:
    for size in (2, 1, 3):
        on_ranks(_on_other_ranks, str(tmp_path), sizes=(size,))
    for number in (1, 3):
        # Dropout draws other numbers on each rank, so only the data of the steps is the same.
        found = read_metrics(tmp_path / str(number) / "metrics.jsonl")
        expected = read_metrics(tmp_path / "fsdp" / "metrics.jsonl")
        assert [row["step"] for row in found] == [row["step"] for row in expected]
        assert found[:3] == expected[:3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "tolerance"),
    [
        (["trainer.gradient_clip_val=0.1", "+trainer.gradient_clip_algorithm=value"], 1e-5),
        (["optimizer=sgd", "scheduler=plateau", "trainer.gradient_clip_val=null"], 1e-5),
        (["trainer.precision=bf16-mixed"], 1e-2),
        (["freeze=[frontend]", "optimizer=adam", "optimizer.fused=false"], 1e-5),
        (["head=classification", "encoder=gru", "trainer.accumulate_grad_batches=1"], 1e-5),
    ],
    ids=str,
)
def test_what_else_works(
    on_ranks: OnRanks, tmp_path: Path, words: list[str], tolerance: float
) -> None:
    on_ranks(_both, str(tmp_path), *words, sizes=(2,))
    _assert_alike(tmp_path / "fsdp", tmp_path / "ddp", tolerance)


def _init(place: str) -> None:
    model = Path(place, "model")
    assert not _train(model, "+trainer.strategy=fsdp")
    _both(place, f"init={model}")


@pytest.mark.slow
def test_a_run_starts_from_a_model(on_ranks: OnRanks, tmp_path: Path) -> None:
    on_ranks(_init, str(tmp_path), sizes=(2,))
    _assert_alike(tmp_path / "fsdp", tmp_path / "ddp")


def _with_statistics(place: str) -> None:
    _both(place, *LINES)
    path = Path(place, "resumed")
    assert _train(path, "+trainer.strategy=fsdp", *LINES, _stop("step"))
    assert not _train(path, "+trainer.strategy=fsdp", *LINES, "resume=auto")


@pytest.mark.slow
def test_statistics_of_normalization_are_those_of_the_first_rank(
    on_ranks: OnRanks, tmp_path: Path
) -> None:
    on_ranks(_with_statistics, str(tmp_path), sizes=(2,))
    _assert_alike(tmp_path / "fsdp", tmp_path / "ddp")
    _assert_same(tmp_path / "resumed", tmp_path / "fsdp")


def test_one_device_has_nobody_to_share_with() -> None:
    words = ["trainer=cpu", "trainer.devices=1", "+trainer.strategy=fsdp", "run_dir=x"]
    with pytest.raises(ConfigError, match=r"has one\. Set trainer\.devices, or .*=auto"):
        ranks_per_node(compose_run(words).trainer)


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-true", "64"])
def test_other_precisions_are_refused(precision: str) -> None:
    with pytest.raises(ConfigError, match=f"={precision}: expected 32-true or bf16-mixed"):
        refuse({"precision": precision}, 2)


@pytest.mark.parametrize(
    ("make", "callback", "sentence"),
    [
        (partial(RowAdam, lr=0.1), None, "optimizer=row_adam updates whole rows.*=adamw, or"),
        (partial(SGD, lr=0.1), AverageWeights(), "AverageWeights averages whole weights"),
        (SGD, StochasticWeightAveraging(0.1), "StochasticWeightAveraging averages whole"),
    ],
    ids=["row_adam", "average", "lightning's average"],
)
def test_what_needs_whole_weights_is_refused(
    make: Any, callback: pl.Callback | None, sentence: str
) -> None:
    strategy = ShardedStrategy()
    trainer = SimpleNamespace(callbacks=[callback] if callback else [])
    module = SimpleNamespace(make_optimizer=make, trainer=trainer)
    strategy._lightning_module = cast(pl.LightningModule, module)
    with pytest.raises(ConfigError, match=sentence):
        strategy.configure_ddp()


def test_a_weight_that_cannot_be_parted_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "LOCAL_RANK", "GROUP_RANK"):
        monkeypatch.setenv(name, "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    model = torch.nn.Module()
    model.scale = torch.nn.Parameter(torch.tensor(1.0))
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    try:
        with pytest.raises(ConfigError, match=r"cannot share the weights: .*scalar.*=ddp"):
            _strategy(model)[0].configure_ddp()
    finally:
        distributed.destroy_process_group()


def test_a_state_of_another_shape_cannot_be_parted() -> None:
    weight = torch.nn.Parameter(torch.zeros(3, 2))
    state = {"state": {0: {"rows": torch.zeros(3)}}, "param_groups": []}
    with pytest.raises(ConfigError, match=r"'rows', \(3,\).*\(3, 2\).*=ddp"):
        parts_of_state(state, SGD([weight], lr=0.1))
