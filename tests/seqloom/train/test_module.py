"""What a step trains and logs: the same on any number of ranks; no loss that is not a number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.optim import SGD

from seqloom.config.compose import compose_run
from seqloom.config.run_config import BatchConfig
from seqloom.errors import RunError
from seqloom.interfaces import Inputs, SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.nn.dropout import Dropout
from seqloom.train.callbacks import TrainingTime
from seqloom.train.checkpoints.callbacks import BestCheckpoint
from seqloom.train.checkpoints.state import RandomState
from seqloom.train.data import SequenceData
from seqloom.train.folder import read_metrics
from seqloom.train.metrics_log import JsonLines
from seqloom.train.module import SequenceModule, _rename_weights, refuse_non_finite
from seqloom.train.prepare import encoded_data
from seqloom.train.ranks.distributed import rank, world_size

Fit = Callable[..., Any]


def _refuse(losses: list[float]) -> None:
    values = torch.tensor(losses)
    refuse_non_finite(values.mean(), values, SequenceBatch(Inputs({}, {}), ids=["a", "b", "c"]))


def test_finite_losses_pass() -> None:
    _refuse([1.0, 2.0, 3.0])


def test_examples_with_such_a_loss_are_named() -> None:
    with pytest.raises(
        RunError, match=r"not finite for: b \(nan\), c \(inf\)\. Lower optimizer\.lr"
    ):
        _refuse([1.0, float("nan"), float("inf")])


def test_an_overflow_of_the_mean_names_all() -> None:
    with pytest.raises(RunError, match=r"for: a \(3e\+38\), b"):
        _refuse([3e38, 3e38, 3e38])


def test_weights_of_0_1_get_their_names_of_today() -> None:
    state = {"pipeline.head.weight": 1, "model.head.bias": 2, "other": 3}
    _rename_weights(torch.nn.Module(), state)
    assert state == {"model.head.weight": 1, "model.head.bias": 2, "other": 3}


def test_a_run_whose_rate_is_far_too_high_is_ended(fit: Fit, parts: Callable[..., str]) -> None:
    class Wild(SGD):
        def __init__(self, params: Any) -> None:
            super().__init__(params, lr=1e30)

    with pytest.raises(RunError, match=r"not finite for: apples-train-\d+ \(nan\)"):
        fit("optimizer=adam", "~optimizer.lr", f"optimizer._target_={parts(Wild)}")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_only_batches_for_a_gpu_are_pinned(device: str) -> None:
    config = compose_run(["data.train_size=8", "data.val_size=2", "data.test_size=2"])
    data = SequenceData(encoded_data(config), config.batch, seed=0)
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.trainer = SimpleNamespace(strategy=strategy)  # type: ignore[assignment]
    assert data.train_dataloader().pin_memory == (device == "cuda")


def _first_step(folder: str, accumulate: int) -> dict[str, Any]:
    """Train for one step, in which the ranks share all 13 examples, and validate."""
    size = world_size()
    folder = f"{folder}/{accumulate}"
    sizes = ["data.train_size=60", "data.val_size=20", "data.test_size=2"]
    config = compose_run([*sizes, "encoder.hidden_size=8"])
    data = encoded_data(config)
    data.splits["train"], data.splits["val"] = data.splits["train"][:13], data.splits["val"][:5]
    torch.manual_seed(0)
    pipeline = build_pipeline(config.components, data.codecs)
    for part in pipeline.model.modules():
        if isinstance(part, Dropout | torch.nn.Dropout):
            part.p = 0.0
    before = {name: value.clone() for name, value in pipeline.model.state_dict().items()}
    batch = BatchConfig(-(-13 // (size * accumulate)), None, 0)
    Path(folder).mkdir(exist_ok=True)
    steps = JsonLines(Path(folder) / f"{size}-{rank()}.jsonl")
    keeper = BestCheckpoint(dirpath=Path(folder) / str(size), filename="best", monitor="val/f1")
    spent = TrainingTime()
    trainer = pl.Trainer(
        max_epochs=1,
        accumulate_grad_batches=accumulate,
        accelerator="cpu",
        devices=size,
        strategy="ddp" if size > 1 else "auto",
        logger=[steps],
        callbacks=[RandomState(), spent, keeper],
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    module = SequenceModule(pipeline, partial(SGD, lr=1.0, fused=True), None, total_steps=1)
    trainer.fit(module, datamodule=SequenceData(data, batch, seed=0, accumulate=accumulate))
    kept = torch.load(keeper.best_model_path, weights_only=True)["callbacks"]
    return {
        "gradient": {
            name: before[name] - value for name, value in pipeline.model.state_dict().items()
        },
        "logged": {name: float(value) for name, value in trainer.callback_metrics.items()},
        "steps": trainer.global_step,
        "lines": read_metrics(steps.path),
        "states": len(kept["RandomState"]["ranks"]),
        "batches": spent.passes,
        "seconds": kept["TrainingTime"]["seconds"],
    }


def _assert_rounded_apart(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Require equality up to float32's rounding of the largest value, which sums of it share."""
    atol = 16 * torch.finfo(torch.float32).eps * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_first_step_is_the_same_on_any_number_of_ranks(on_ranks: Any, tmp_path: Path) -> None:
    found = on_ranks(_first_step, str(tmp_path), 1)
    (alone,) = found[1]
    assert alone["logged"].keys() >= {"train/loss", "val/loss", "val/f1"}
    for size, each in found.items():
        for number, one in enumerate(each):
            assert one["steps"] == one["batches"] == 1
            assert one["states"] == size
            assert one["seconds"] > 0
            assert one["logged"] == each[0]["logged"]
            assert one["logged"] == pytest.approx(alone["logged"], rel=1e-5, abs=1e-6)
            assert bool(one["lines"]) == (number == 0)
            for name, gradient in one["gradient"].items():
                _assert_rounded_apart(gradient, alone["gradient"][name])
    assert any(gradient.abs().max() > 1e-3 for gradient in alone["gradient"].values())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_several_batches_to_a_step_weigh_their_examples_alike(
    on_ranks: Any, tmp_path: Path
) -> None:
    ((alone,),) = on_ranks(_first_step, str(tmp_path), 1, sizes=(1,)).values()
    for each in on_ranks(_first_step, str(tmp_path), 2, sizes=(1, 2)).values():
        for one in each:
            assert (one["steps"], one["batches"]) == (1, 2)
            for name, gradient in one["gradient"].items():
                _assert_rounded_apart(gradient, alone["gradient"][name])
