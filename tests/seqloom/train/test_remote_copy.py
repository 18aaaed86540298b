"""The copy of a run's folder at a URL: whole at any time, verified, and enough to resume from."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
import pytorch_lightning as pl
from fsspec.implementations.memory import MemoryFileSystem

from seqloom.errors import ConfigError, RunError
from seqloom.files import sha256
from seqloom.train import remote_copy
from seqloom.train.checkpoints.callbacks import LastCheckpoint
from seqloom.train.checkpoints.writer import CheckpointWriter
from seqloom.train.folder import Result
from seqloom.train.remote_copy import CopyFolder, RemoteCopy, copied

Fit = Callable[..., Result]


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a folder that does not exist yet."""
    if request.param == "memory":
        return f"memory://{tmp_path.name}/copy"
    return (tmp_path / "copy").as_uri()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files at two levels."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("seed: 1\n")
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"weights " * 1000)
    return folder


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_copy, "PAUSE", 0.0)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def blob(url: str, path: Path) -> tuple[Any, str]:
    """Return the file system of a copy and the path at which it stores a file's content."""
    system, root = fsspec.core.url_to_fs(url)
    return system, f"{root}/content/{sha256(path)}"


def test_what_is_copied_is_restored(folder: Path, url: str, tmp_path: Path) -> None:
    expected = files(folder)
    (folder / "lease.json").write_text("{}")
    (folder / ".config.yaml.1.part").write_text("half")
    (folder / "ranks").mkdir()
    (folder / "ranks" / "summary.json").write_text("{}")
    assert RemoteCopy(folder, url).update() == 2
    assert RemoteCopy(tmp_path / "other", url).restore() == 2
    assert files(tmp_path / "other") == expected


def test_only_changes_are_sent_and_nothing_old_is_kept(
    folder: Path, url: str, tmp_path: Path
) -> None:
    copy = RemoteCopy(folder, url)
    copy.update()
    assert copy.update() == 0
    system, old = blob(url, folder / "config.yaml")
    (folder / "config.yaml").write_text("seed: 2\n")
    assert copy.update() == 1
    assert not system.exists(old)
    assert RemoteCopy(tmp_path / "other", url).restore() == 2
    assert files(tmp_path / "other") == files(folder)


def test_a_process_that_dies_while_it_copies_leaves_the_former_copy(
    folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RemoteCopy(folder, url).update()
    expected = files(folder)
    (folder / "config.yaml").write_text("seed: 2\n")
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"other")

    class Killed(BaseException):
        pass

    def killed(*args: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RemoteCopy, "_write", killed)
        with pytest.raises(Killed):
            RemoteCopy(folder, url).update()
    RemoteCopy(tmp_path / "other", url).restore()
    assert files(tmp_path / "other") == expected


def test_a_folder_that_was_removed_does_not_empty_its_copy(
    folder: Path, url: str, tmp_path: Path
) -> None:
    copy = RemoteCopy(folder, url)
    copy.update()
    expected = files(folder)
    shutil.rmtree(folder)
    assert copy.update() == 0
    RemoteCopy(tmp_path / "other", url).restore()
    assert files(tmp_path / "other") == expected


def test_a_file_that_is_removed_while_it_is_copied_is_left_out(
    folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = RemoteCopy(folder, url)
    put = copy._files.put_file

    def remove_and_put(local: str, *rest: Any) -> None:
        if local.endswith("last.ckpt"):
            Path(local).unlink()
        put(local, *rest)

    monkeypatch.setattr(copy._files, "put_file", remove_and_put)
    assert copy.update() == 1
    assert RemoteCopy(tmp_path / "other", url).restore() == 1


def test_what_the_other_side_does_not_find_is_not_taken_for_a_local_file(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = RemoteCopy(folder, url)

    def put(*_: Any) -> None:
        raise FileNotFoundError("The bucket does not exist")

    monkeypatch.setattr(copy._files, "put_file", put)
    with pytest.raises(RunError, match=r"after 5 attempts: FileNotFoundError: The bucket"):
        copy.update()


def test_half_a_manifest_is_passed_over(folder: Path, url: str, tmp_path: Path) -> None:
    RemoteCopy(folder, url).update()
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root}/manifest-2.json", b'{"config.yaml": "12')
    assert RemoteCopy(tmp_path / "other", url).restore() == 2
    (folder / "config.yaml").write_text("seed: 2\n")
    RemoteCopy(folder, url).update()
    RemoteCopy(tmp_path / "third", url).restore()
    assert files(tmp_path / "third") == files(folder)


@pytest.mark.parametrize("damage", [b"other bytes", None], ids=["changed", "lost"])
def test_a_damaged_file_is_left_out_and_named(
    folder: Path, url: str, tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    RemoteCopy(folder, url).update()
    system, stored = blob(url, folder / "config.yaml")
    system.rm_file(stored)
    if damage is not None:
        system.pipe_file(stored, damage)
    assert RemoteCopy(tmp_path / "other", url).restore() == 1
    assert f"The copy of config.yaml in {url} is damaged" in caplog.text
    assert not (tmp_path / "other" / "config.yaml").exists()


def test_no_file_outside_of_the_folder_is_written(folder: Path, url: str, tmp_path: Path) -> None:
    RemoteCopy(folder, url).update()
    system, root = fsspec.core.url_to_fs(url)
    digest = sha256(folder / "config.yaml")
    system.pipe_file(f"{root}/manifest-9.json", f'{{"../evil": "{digest}"}}'.encode())
    RemoteCopy(tmp_path / "deep" / "other", url).restore()
    assert not list(tmp_path.rglob("evil"))


def test_a_manifest_that_is_no_mapping_and_other_files_are_passed_over(
    folder: Path, url: str, tmp_path: Path
) -> None:
    RemoteCopy(folder, url).update()
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root}/manifest-old.json", b"{}")
    system.pipe_file(f"{root}/manifest-7.json", b"[]")
    assert RemoteCopy(tmp_path / "other", url).restore() == 2


def test_a_file_that_goes_while_the_folder_is_copied_is_left_out(
    folder: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = RemoteCopy(folder, url)
    listed = [*copy._local_names()]
    monkeypatch.setattr(copy, "_local_names", lambda: iter(listed))
    (folder / "config.yaml").unlink()
    assert copy.update() == 1
    assert RemoteCopy(tmp_path / "other", url).restore() == 1


def test_a_run_that_fails_says_so_also_if_its_copy_cannot_be_written(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fsspec.register_implementation("unreliable", Unreliable, clobber=True)
    Unreliable.failures = 1000
    url = f"unreliable://{tmp_path.name}/failed"
    try:
        with pytest.raises(ZeroDivisionError), copied(folder, url, fresh=False, resume=False):
            raise ZeroDivisionError
    finally:
        Unreliable.failures = 0
    assert "cannot be read or written after 5 attempts" in caplog.text


class Unreliable(MemoryFileSystem):
    """Loses some of what is put, as a network does."""

    protocol = "unreliable"
    cachable = False
    failures = 0

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        if Unreliable.failures > 0:
            Unreliable.failures -= 1
            if Unreliable.failures % 2:
                raise ConnectionError("reset by peer")
            self.pipe_file(rpath, Path(lpath).read_bytes()[:-3])
        else:
            super().put_file(lpath, rpath, **options)


@pytest.mark.parametrize("failures", [3, 1000])
def test_transfers_are_tried_again(folder: Path, tmp_path: Path, failures: int) -> None:
    fsspec.register_implementation("unreliable", Unreliable, clobber=True)
    copy = RemoteCopy(folder, f"unreliable://{tmp_path.name}")
    Unreliable.failures = failures
    if failures > 100:
        with pytest.raises(RunError, match="cannot be read or written after 5 attempts"):
            copy.update()
        Unreliable.failures = 0
    copy.update()
    assert RemoteCopy(tmp_path / "other", f"unreliable://{tmp_path.name}").restore() == 2
    assert files(tmp_path / "other") == files(folder)


def test_an_unknown_protocol(fit: Fit) -> None:
    with pytest.raises(ConfigError, match=r"copy_to=nothing://x: .*nothing"):
        fit("copy_to=nothing://x")


def test_the_copy_of_another_run_is_not_replaced(fit: Fit, folder: Path, url: str) -> None:
    RemoteCopy(folder, url).update()
    with pytest.raises(RunError, match=r"already holds a run\. Use another URL"):
        fit(f"copy_to={url}", run_dir=folder.with_name("new"))
    assert files(folder)  # as it was
    RemoteCopy(folder.with_name("third"), url).restore()
    assert files(folder.with_name("third")) == files(folder)


def test_an_epoch_is_copied_with_its_checkpoint(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, trainer = CheckpointWriter(), pl.Trainer(logger=False, enable_checkpointing=False)
    trainer.strategy.checkpoint_io = writer
    last, copy = folder / "checkpoints" / "last.ckpt", CopyFolder(folder, url)
    last.unlink()

    def slowly(path: Path, state: dict[str, Any]) -> None:
        time.sleep(0.3)
        path.write_text(str(state))

    monkeypatch.setattr("seqloom.train.checkpoints.writer.write_checkpoint", slowly)
    copy.on_train_start(trainer, pl.LightningModule())
    writer.save_checkpoint({"step": 1}, last)
    copy.on_epoch_complete(trainer)
    time.sleep(0.1)  # so that the thread has noticed
    copy.teardown(trainer, pl.LightningModule(), "fit")
    RemoteCopy(folder.with_name("other"), url).restore()
    assert (folder.with_name("other") / "checkpoints" / "last.ckpt").read_text() == "{'step': 1}"
    with writer.finished():
        pass


def test_in_a_run_an_epoch_is_copied_after_its_checkpoint(
    fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[type] = []
    for kind in (LastCheckpoint, CopyFolder):
        monkeypatch.setattr(kind, "on_epoch_complete", lambda self, _: asked.append(type(self)))
    fit(f"copy_to=memory://{tmp_path.name}/order", run_dir=tmp_path / "run")
    assert len(asked) >= 4
    assert asked == [LastCheckpoint, CopyFolder] * (len(asked) // 2)


class Stop(pl.Callback):
    """Ends the run in its second epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.current_epoch == 2:
            raise RuntimeError("stopped by a test")


def test_a_run_whose_folder_is_lost_is_resumed_from_its_copy(
    fit: Fit, tmp_path: Path, parts: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqloom")
    whole = fit(run_dir=tmp_path / "whole")
    copy = f"copy_to=memory://{tmp_path.name}/lost"
    with pytest.raises(RuntimeError, match="stopped by a test"):
        fit(copy, f"+callbacks.stop._target_={parts(Stop)}", run_dir=tmp_path / "lost")
    shutil.rmtree(tmp_path / "lost")
    resumed = fit(copy, "resume=auto", run_dir=tmp_path / "elsewhere")
    assert "Restored " in caplog.text
    assert "Resuming after epoch 2" in caplog.text
    assert resumed.metrics == whole.metrics
    assert files(resumed.bundle)["model.safetensors"] == files(whole.bundle)["model.safetensors"]
    again = fit(copy, "resume=auto", run_dir=tmp_path / "third")
    assert files(again.bundle) == files(resumed.bundle)
