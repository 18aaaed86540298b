"""What every run adds to Lightning."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from seqloom.errors import RunError
from seqloom.train.callbacks import EpochLines, TrainingTime
from seqloom.train.checkpoints.callbacks import BestCheckpoint
from seqloom.train.checkpoints.files import read_checkpoint, write_checkpoint
from seqloom.train.checkpoints.state import RandomState
from seqloom.train.metrics_log import JsonLines
from seqloom.train.process import explained_errors
from seqloom.train.ranks.distributed import rank, world_size


def test_the_random_state_comes_back_at_the_first_batch() -> None:
    before = RandomState()
    torch.manual_seed(3)
    stored = before.state_dict()
    expected = torch.rand(4)
    after = RandomState()
    after.load_state_dict(stored)
    torch.rand(9)
    after.on_resume(Mock())
    assert torch.equal(torch.rand(4), expected)
    after.on_resume(Mock())  # the state is restored once
    assert not torch.equal(torch.rand(4), expected)


def test_the_random_state_of_an_older_checkpoint() -> None:
    stored = {"cpu": torch.get_rng_state(), "cuda": []}
    expected = torch.rand(4)
    callback = RandomState()
    callback.load_state_dict(stored)
    callback.on_resume(Mock())
    assert torch.equal(torch.rand(4), expected)


def _on_rank(folder: str) -> tuple[tuple[list[float], ...], str]:
    return _draws(folder), _written(folder)


def _draws(folder: str) -> tuple[list[float], ...]:
    """Return what follows a stored state, what follows it restored, and with that of 2 ranks."""
    torch.manual_seed(rank())
    stored, path = RandomState().state_dict(), Path(folder) / "of-2"
    if (rank(), world_size()) == (0, 2):
        torch.save(stored, path)
    expected = torch.rand(3).tolist()
    found = []
    for state in (stored, torch.load(path, weights_only=True) if world_size() > 2 else stored):
        torch.manual_seed(99)
        callback = RandomState()
        callback.load_state_dict(state)
        callback.on_resume(Mock())
        found.append(torch.rand(3).tolist())
    return expected, found[0], found[1]


def _written(folder: str) -> str:
    """Return what two lines and the dropping of the second leave in the file."""
    lines = JsonLines(Path(folder) / f"of-{world_size()}.jsonl")
    for step in (1, 2):
        lines.log_metrics({"rank": rank()}, step)
    lines.forget_after(2 if rank() == 0 else 0)
    return lines.path.read_text(encoding="utf-8") if rank() == 0 else ""


def test_ranks_keep_their_own_random_states_and_the_first_one_writes(
    on_ranks: Any, tmp_path: Path
) -> None:
    ran = on_ranks(_on_rank, str(tmp_path), sizes=(2, 3))
    for size, each in ran.items():
        text = (tmp_path / f"of-{size}.jsonl").read_text(encoding="utf-8")
        assert text == each[0][1] == '{"step": 1, "rank": 0.0}\n'
    found = {size: [draws for draws, _ in each] for size, each in ran.items()}
    for each in found.values():
        assert all(restored == expected for expected, restored, _ in each)
        assert len({tuple(expected) for expected, _, _ in each}) == len(each)
    torch.manual_seed(99)
    untouched = torch.rand(3).tolist()
    assert [with_two for _, _, with_two in found[3]] == [
        *(expected for expected, _, _ in found[2]),
        untouched,  # two ranks stored nothing for a third
    ]


def test_paths_of_a_moved_folder_are_those_of_here(tmp_path: Path) -> None:
    old = BestCheckpoint(dirpath=tmp_path / "old", filename="best", monitor="val/f1")
    old.best_model_path = str(tmp_path / "old" / "best.ckpt")
    old.best_k_models = {old.best_model_path: torch.tensor(0.5)}
    new = BestCheckpoint(dirpath=tmp_path / "new", filename="best", monitor="val/f1")
    new.load_state_dict(old.state_dict())
    assert new.best_model_path == str(tmp_path / "new" / "best.ckpt")
    assert list(new.best_k_models) == [new.best_model_path]
    assert new.last_model_path == ""


def test_a_checkpoint_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    write_checkpoint(path, {"step": 1})
    assert torch.load(path, weights_only=True) == {"step": 1}

    def full(*args: object) -> int:
        path.with_name("half").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqloom.train.checkpoints.files.os.fsync", full)
    with pytest.raises(RunError, match=r"Cannot write .*last\.ckpt: No space left on device"):
        write_checkpoint(path, {"step": 2})
    monkeypatch.undo()
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert sorted(one.name for one in path.parent.iterdir()) == ["half", "last.ckpt"]


def test_writing_a_checkpoint_takes_no_second_copy_of_it_in_memory(tmp_path: Path) -> None:
    state = {"weights": torch.arange(4e6), "step": 1}  # 16 MB
    for name in ("last.ckpt", "best.ckpt"):
        tracemalloc.start()
        write_checkpoint(tmp_path / name, state)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 2e6
    assert torch.equal(read_checkpoint(tmp_path / "best.ckpt")["weights"], state["weights"])
    copy, best = (tmp_path / f"{name}.ckpt" for name in ("best_copy", "best"))
    assert copy.read_bytes() == best.read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_an_error_of_the_disk_is_not_replaced_by_one_of_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def full(path: Path, *, parents: bool) -> Iterator[Path]:
        yield Path("/dev/full")

    monkeypatch.setattr("seqloom.train.checkpoints.files.atomic_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_checkpoint(tmp_path / "last.ckpt", {"weights": torch.arange(1e5)})


class Measured(pl.LightningModule):
    """Logs given measures, one an epoch, and trains nothing."""

    def __init__(self, measures: list[tuple[float, float]]) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.measures = measures

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self.weight * 0.0

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        score, loss = self.measures[self.current_epoch]
        self.log_dict({"val/cer": score, "val/loss": loss})
        self.weight.data.fill_(self.current_epoch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.0)


def train(
    measures: list[tuple[float, float]], folder: Path, *more: pl.Callback, every: int = 1
) -> BestCheckpoint:
    keeper = BestCheckpoint(
        dirpath=folder,
        filename="best",
        monitor="val/cer",
        mode="min",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    loader = DataLoader([0])  # type: ignore[arg-type]
    trainer = pl.Trainer(
        max_epochs=len(measures),
        accelerator="cpu",
        logger=False,
        callbacks=[*more, keeper],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=every,
    )
    with explained_errors(folder):
        trainer.fit(Measured(measures), loader, loader)
    return keeper


@pytest.mark.parametrize(
    ("measures", "epoch"),
    [
        ([(1.0, 4.0), (1.0, 3.0), (1.0, 3.5)], 1),  # equal: the smaller loss
        ([(1.0, 1.0), (0.5, 2.0), (0.5, 3.0)], 1),
        ([(0.5, 2.0), (1.0, 1.0), (0.5, 1.9)], 2),
    ],
)
def test_of_equal_epochs_that_with_the_smaller_loss_is_kept(
    measures: list[tuple[float, float]], epoch: int, tmp_path: Path
) -> None:
    keeper = train(measures, tmp_path)
    kept = torch.load(keeper.best_model_path, weights_only=True)["state_dict"]["weight"]
    assert int(kept) == epoch
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]


def test_each_epoch_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        train([(1.0, 4.0), (0.25, 3.0)], tmp_path, EpochLines("val/cer"))
    told = [record.getMessage() for record in caplog.records if record.name == "seqloom"]
    assert told[1].startswith("Epoch 2 of 2: val/loss 3.0000, val/cer 0.2500 (")


def test_an_epoch_without_a_validation_is_told_of_without_the_values_of_an_earlier_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        train([(1.0, 4.0), (0.5, 3.0), (0.25, 2.0)], tmp_path, EpochLines("val/cer"), every=2)
    told = [record.getMessage() for record in caplog.records if record.name == "seqloom"]
    assert ["val/" in line for line in told] == [False, True, False]
    assert "val/loss 3.0000, val/cer 0.5000 (" in told[1]


def test_a_run_that_is_resumed_knows_whether_its_epoch_had_a_validation(tmp_path: Path) -> None:
    first, second = EpochLines("val/cer"), EpochLines("val/cer")
    train([(1.0, 4.0)], tmp_path, first)
    second.load_state_dict(first.state_dict())
    assert second.state_dict() == {"validated": True}


def test_the_time_of_a_resumed_run_is_that_of_all_its_parts(tmp_path: Path) -> None:
    first, second = TrainingTime(), TrainingTime()
    train([(1.0, 1.0), (0.5, 1.0)], tmp_path, first)
    assert first.passes == 2
    assert first.seconds > 0
    kept = torch.load(tmp_path / "best.ckpt", weights_only=True)["callbacks"]["TrainingTime"]
    assert kept == first.state_dict()  # read before the checkpoint of the same epoch is written
    second.load_state_dict(kept)
    train([(1.0, 1.0)], tmp_path / "other", second)
    assert second.passes == 3
    assert second.seconds > first.seconds
