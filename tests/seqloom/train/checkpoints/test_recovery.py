"""Damaged checkpoints are noticed and named, and a run goes on exactly from whole ones."""

from __future__ import annotations

import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqloom.errors import ConfigError, RunError
from seqloom.files import sha256
from seqloom.train.checkpoints.files import (
    BEST_COPY,
    DamagedCheckpointError,
    read_best,
    read_checkpoint,
    verified,
    write_checkpoint,
)
from seqloom.train.checkpoints.recovery import _best_step
from seqloom.train.checkpoints.writer import CheckpointWriter, copied_state
from seqloom.train.folder import Result

Fit = Callable[..., Result]
SETTINGS = ("frontend.dropout=0.4", "scheduler=constant", "callbacks=none")


def flip(path: Path, bit: int | None = None) -> None:
    """Change one bit of a file, in its middle if none is named."""
    content = bytearray(path.read_bytes())
    bit = len(content) * 4 if bit is None else bit
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def small_checkpoint(folder: Path, *, sealed: bool) -> Path:
    state, path = {"weights": torch.arange(50.0), "step": 3}, folder / "last.ckpt"
    if sealed:
        write_checkpoint(path, state)
    else:
        torch.save(state, path)
    return path


def test_no_bit_and_no_cut_of_a_checkpoint_is_silent(tmp_path: Path) -> None:
    path = small_checkpoint(tmp_path, sealed=True)
    assert read_checkpoint(path)["step"] == 3
    content = path.read_bytes()
    bits = random.Random(1).sample(range(len(content) * 8), 200)
    for bit in [*bits, *range(len(content) * 8 - 800, len(content) * 8, 5)]:  # its comment too
        flip(path, bit)
        with pytest.raises(DamagedCheckpointError, match=r"last\.ckpt cannot be read: it is dam"):
            verified(path)
        path.write_bytes(content)
    for length in range(0, len(content), 61):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedCheckpointError):
            verified(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(DamagedCheckpointError):
        verified(path)


def test_a_checkpoint_without_its_end_is_not_read_whatever_its_size(tmp_path: Path) -> None:
    path = small_checkpoint(tmp_path, sealed=True)
    os.truncate(path, 1 << 42)  # a hole, of more bytes than any memory has
    with pytest.raises(DamagedCheckpointError, match="it was cut short, or is not a checkpoint"):
        verified(path)


def test_a_damaged_best_checkpoint_is_read_from_its_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    best = tmp_path / "best.ckpt"
    write_checkpoint(best, {"step": 3})
    copy = tmp_path / BEST_COPY
    assert copy.exists()
    flip(best)
    assert read_best(best)["step"] == 3
    assert "best.ckpt cannot be read" in caplog.text
    assert str(copy) in caplog.text
    flip(copy)
    with pytest.raises(DamagedCheckpointError, match=BEST_COPY):
        read_best(best)
    copy.unlink()
    with pytest.raises(DamagedCheckpointError, match=r"best\.ckpt"):
        read_best(best)


def test_a_checkpoint_of_an_older_version_has_the_checksums_of_its_archive(tmp_path: Path) -> None:
    path = small_checkpoint(tmp_path, sealed=False)
    assert read_checkpoint(path)["step"] == 3
    content = path.read_bytes()
    flip(path, content.index(torch.arange(50.0).numpy().tobytes()) * 8 + 100)
    with pytest.raises(DamagedCheckpointError, match=r"checksum|CRC"):
        read_checkpoint(path)


def test_a_checkpoint_that_may_be_whole_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.mkdir()
    with pytest.raises(RunError, match=r"last\.ckpt is a folder; expected a reg") as found:
        read_checkpoint(path)
    assert not isinstance(found.value, DamagedCheckpointError)


class Program:
    """What a checkpoint must not run."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("touched"),)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({}, "it is not a checkpoint of a run of seqloom"),
        ([1], "it is not a checkpoint of a run of seqloom"),
        (torch.zeros(3), "it is not a checkpoint of a run of seqloom"),
        ({"state_dict": {"weight": torch.zeros(3)}}, "it is not a checkpoint of a run"),
        (Program(), "it contains more than plain data, which is not loaded"),
    ],
    ids=["object", "list", "tensor", "weights", "program"],
)
@pytest.mark.parametrize("name", ["last", "best"])
def test_whole_files_that_are_no_checkpoints_are_told_and_kept(
    fit: Fit, ran: Path, content: object, why: str, name: str
) -> None:
    path = ran / "checkpoints" / f"{name}.ckpt"
    torch.save(content, path)
    before = path.read_bytes()
    with pytest.raises(RunError, match=rf"{name}\.ckpt cannot be used: {why}.* Put the right file"):
        fit("trainer.max_epochs=2", "resume=auto")
    assert path.read_bytes() == before
    assert not Path("touched").exists()


@pytest.mark.parametrize("name", ["last", "best"])
def test_a_checkpoint_of_a_run_with_other_settings_is_told(
    fit: Fit, ran: Path, tmp_path: Path, name: str
) -> None:
    other = fit("trainer.max_epochs=1", "optimizer.lr=0.01", run_dir=tmp_path / "other").run_dir
    place = f"checkpoints/{name}.ckpt"
    shutil.copyfile(other / place, ran / place)
    with pytest.raises(
        RunError,
        match=rf"{name}\.ckpt cannot be used: it belongs to another run: optimizer\.lr \(was",
    ):
        fit("trainer.max_epochs=2", "resume=auto")
    (ran / place).unlink()
    fit("trainer.max_epochs=2", "resume=auto")


def test_a_checkpoint_that_lacks_a_setting_of_today_is_used(fit: Fit, ran: Path) -> None:
    for name in ("last", "best"):
        path = ran / "checkpoints" / f"{name}.ckpt"
        state = read_checkpoint(path)
        settings = state["seqloom"]["settings"]
        del settings["batch"]["on_long"]
        settings["of_tomorrow"] = True
        write_checkpoint(path, state)
    fit("trainer.max_epochs=2", "resume=auto")


def test_of_two_checkpoints_the_newer_is_used_whatever_its_name(
    fit: Fit, tmp_path: Path, runs: Callable[[Fit, int], Path], caplog: pytest.LogCaptureFixture
) -> None:
    expected = runs(fit, 4)
    folder = fit(*SETTINGS, "trainer.max_epochs=3").run_dir / "checkpoints"
    (folder / "last.ckpt").rename(folder / "x")
    (folder / "previous.ckpt").rename(folder / "last.ckpt")
    (folder / "x").rename(folder / "previous.ckpt")
    fit(*SETTINGS, "trainer.max_epochs=4", "resume=auto")
    assert "resumed from the previous checkpoint: after epoch 3, step 12" in caplog.text
    weights = "bundle/model.safetensors"
    assert (tmp_path / "run" / weights).read_bytes() == (expected / weights).read_bytes()


def test_a_run_that_has_lost_its_checkpoints_says_that_it_starts_again(
    fit: Fit, ran: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(ran / "checkpoints")
    fit("trainer.max_epochs=2", "resume=auto")
    assert "No checkpoint is left: the run starts from the beginning. Steps 1 to 4" in caplog.text


def test_an_archive_that_grows_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 24))
    with pytest.raises(DamagedCheckpointError, match="its parts are larger than the whole"):
        read_checkpoint(path)


def test_the_former_checkpoint_and_a_copy_of_the_best_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path / "last.ckpt", {"step": step})
        write_checkpoint(tmp_path / "best.ckpt", {"step": step})
    steps = {path.name: read_checkpoint(path)["step"] for path in tmp_path.iterdir()}
    assert steps == {"last.ckpt": 3, "previous.ckpt": 2, "best.ckpt": 3, "best_copy.ckpt": 3}


def test_what_is_written_is_the_state_of_the_moment(tmp_path: Path) -> None:
    weights, writer = torch.zeros(3), CheckpointWriter()
    state = {"weights": weights, "tied": weights, "list": [weights[1:]]}
    with writer.finished():
        writer.save_checkpoint(state, tmp_path / "last.ckpt")
        weights += 1
    assert read_checkpoint(tmp_path / "last.ckpt")["weights"].tolist() == [0, 0, 0]
    copy = copied_state(state)
    assert copy["weights"] is copy["tied"]


def test_a_state_without_a_best_checkpoint_has_no_best_step() -> None:
    assert _best_step({"callbacks": {"Other": {}, "BestCheckpoint": {"best_step": 7}}}) == 7
    assert _best_step({"callbacks": {"Other": {"best_step": 3}}}) is None
    assert _best_step({}) is None


def test_tensors_of_a_class_of_their_own_keep_it() -> None:
    class Own(torch.Tensor):
        pass

    own = torch.zeros(3).as_subclass(Own)
    found = copied_state({"own": own, "plain": torch.ones(2)})
    own += 1
    assert type(found["own"]) is Own
    assert found["own"].tolist() == [0, 0, 0]


def test_an_error_of_the_thread_is_raised_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqloom.train.checkpoints.files.os.fsync", full)
    writer = CheckpointWriter()
    writer.save_checkpoint({}, tmp_path / "last.ckpt")
    with pytest.raises(RunError, match=r"Cannot write .*last\.ckpt: No space left"):
        writer.save_checkpoint({}, tmp_path / "last.ckpt")
    writer.wait()
    with pytest.raises(RunError, match="Cannot write"), writer.finished():
        writer.save_checkpoint({}, tmp_path / "last.ckpt")
    with pytest.raises(KeyError):
        _fail_while_writing(writer, tmp_path / "last.ckpt")


def _fail_while_writing(writer: CheckpointWriter, path: Path) -> None:
    with writer.finished():
        writer.save_checkpoint({}, path)
        raise KeyError  # the error that counts


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Fit, int], Path]:
    """Return the folder of a run of so many epochs; not to be changed."""
    known: dict[int, Path] = {}

    def _run(fit: Fit, epochs: int) -> Path:
        if epochs not in known:
            folder = tmp_path_factory.mktemp("runs") / f"{epochs}"
            settings = (*SETTINGS, f"trainer.max_epochs={epochs}")
            known[epochs] = fit(*settings, run_dir=folder).run_dir
        return known[epochs]

    return _run


@pytest.mark.parametrize(
    ("damage", "sentences"),
    [
        (
            {"last": flip},
            ["last.ckpt", "resumed from the previous checkpoint: after epoch 2, step"],
        ),
        ({"previous": cut}, ["previous.ckpt cannot be read"]),
        ({"last": Path.unlink}, ["resumed from the previous checkpoint"]),
        ({"best": flip}, ["best.ckpt cannot be read"]),
        ({"best": cut, "last": cut}, ["last.ckpt", "best.ckpt", "Steps 9 to 12, at least"]),
        ({"last": cut, "previous": flip}, ["previous.ckpt", "starts from the beginning. Steps 1"]),
        ({"best": flip, "best_copy": flip}, ["has to be trained again"]),
    ],
)
def test_a_run_with_a_damaged_checkpoint_ends_like_any_other(
    fit: Fit,
    tmp_path: Path,
    runs: Callable[[Fit, int], Path],
    caplog: pytest.LogCaptureFixture,
    *,
    damage: dict[str, Callable[[Path], None]],
    sentences: list[str],
) -> None:
    expected, started = runs(fit, 4), runs(fit, 3)
    folder = tmp_path / "run"
    shutil.copytree(started, folder)
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    (folder / "config.yaml").write_text(config.replace(str(started), str(folder)))
    for name, change in damage.items():
        change(folder / "checkpoints" / f"{name}.ckpt")
    caplog.clear()
    fit(*SETTINGS, "trainer.max_epochs=4", "resume=auto")
    for name in ("bundle/model.safetensors", "metrics.jsonl"):
        assert (folder / name).read_bytes() == (expected / name).read_bytes(), name
    for sentence in sentences:
        assert sentence in caplog.text
    for path in (folder / "checkpoints").iterdir():
        verified(path)


def test_damaged_metrics_do_not_keep_a_run_from_going_on(
    fit: Fit, ran: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = (ran / "metrics.jsonl").read_bytes()
    (ran / "metrics.jsonl").write_bytes(b'\xff\xfe{\n[1]\n{"x": 1}\n' + lines)
    fit("trainer.max_epochs=2", "resume=auto")
    assert "metrics.jsonl is damaged: line 1, 2 cannot be read and is left out" in caplog.text
    assert (ran / "metrics.jsonl").read_bytes().startswith(lines)


def test_a_changed_value_of_the_metrics_is_told(
    fit: Fit, ran: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = ran / "metrics.jsonl"
    assert json.loads((ran / "run.json").read_bytes())["metrics_log_sha256"] == sha256(path)
    lines = path.read_bytes()
    path.write_bytes(lines.replace(b'"val/f1": 0.', b'"val/f1": 0.9', 1))
    assert path.read_bytes() != lines
    fit("trainer.max_epochs=2", "resume=auto")
    assert "metrics.jsonl was changed after the checkpoint was written" in caplog.text
    assert json.loads((ran / "run.json").read_bytes())["metrics_log_sha256"] == sha256(path)


def test_lost_lines_of_the_metrics_are_told(
    fit: Fit, ran: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (ran / "metrics.jsonl").write_bytes(b"{\n" * 30)
    fit("trainer.max_epochs=2", "resume=auto")
    assert "metrics.jsonl has lost lines since the checkpoint was written" in caplog.text
    assert "line 1, 2, 3, 4, 5 and 25 more cannot be read and is left out" in caplog.text


@pytest.mark.parametrize("value", ["0", "-5", "10 minutes", "0m", "1e3", "5d"])
def test_an_interval_that_is_none_is_refused(fit: Fit, tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"save_every=.*: expected a positive number of steps"):
        fit(f"save_every={value}")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_is_written_every_so_many_steps(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def note(path: Path, state: dict[str, int]) -> None:
        if path.name == "last.ckpt":
            steps.append(state["global_step"])
        write_checkpoint(path, state)

    monkeypatch.setattr("seqloom.train.checkpoints.writer.write_checkpoint", note)
    fit("trainer.max_epochs=2", "save_every=3")
    assert steps == [3, 4, 6, 8]
    steps.clear()
    fit("trainer.max_epochs=3", "save_every=0.000001s", "resume=auto")
    assert steps == [9, 10, 11, 12, 12]
