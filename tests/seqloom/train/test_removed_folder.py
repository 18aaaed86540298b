"""A run whose folder is removed or renamed ends with a sentence, and does not make it again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl

from seqloom.errors import RunError
from seqloom.train.folder import Result

Fit = Callable[..., Result]


class Away(pl.Callback):
    """Moves the folder of the run away in its second epoch, or removes it."""

    folder: Path
    target: Path | None

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.current_epoch == 1 and self.folder.exists():
            trainer.strategy.checkpoint_io.wait()  # type: ignore[attr-defined]
            if self.target:
                self.folder.rename(self.target)
            else:
                shutil.rmtree(self.folder)


class InEvaluation(Away):
    """Does so when the training has ended."""

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        """Do nothing."""

    def on_fit_end(self, trainer: pl.Trainer, *args: Any) -> None:
        trainer.strategy.checkpoint_io.wait()  # type: ignore[attr-defined]
        self.folder.rename(self.target or self.folder)


@pytest.mark.parametrize("kind", [Away, InEvaluation])
def test_a_renamed_folder_is_resumed_under_its_new_name(
    fit: Fit, parts: Callable[..., str], tmp_path: Path, kind: type[Away]
) -> None:
    kind.folder, kind.target = tmp_path / "run", tmp_path / "renamed"
    whole = fit(run_dir=tmp_path / "whole")
    with pytest.raises(RunError, match=r"run was removed or renamed during its run"):
        fit(f"+callbacks.away._target_={parts(kind)}", run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (tmp_path / "renamed" / "lease.json").unlink()  # this process has not ended
    resumed = fit("resume=auto", run_dir=tmp_path / "renamed")
    assert resumed.metrics == whole.metrics


def test_a_removed_folder_stays_removed(
    fit: Fit, parts: Callable[..., str], tmp_path: Path
) -> None:
    Away.folder, Away.target = tmp_path / "run", None
    with pytest.raises(RunError, match="was removed or renamed"):
        fit(f"+callbacks.away._target_={parts(Away)}", run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
