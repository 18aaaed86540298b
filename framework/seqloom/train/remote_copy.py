"""A copy of a run's folder at any URL that fsspec knows, made during the run."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from seqloom.errors import ConfigError, RunError, plural
from seqloom.files import atomic_file, sha256
from seqloom.train.checkpoints.writer import CheckpointWriter, writer_of
from seqloom.train.ranks.distributed import is_first

log = logging.getLogger("seqloom")

ATTEMPTS = 5
"""How often a transfer is tried."""

PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""

LEFT_OUT = ("lease.json", "ranks")
"""What only has a meaning for the processes of this machine."""

T = TypeVar("T")


class RemoteCopy:
    """A copy of a run's folder, which at any time is that of one moment.

    A file is stored under the SHA-256 of its content, and ``manifest-N.json`` says which files the
    folder has. The manifest is written last, so that a process that dies while it copies leaves the
    copy of the last time. Each file is read back and compared.

    Args:
        folder: Folder of the run.
        url: Folder for the copy, such as ``s3://bucket/run``, ``gs://…`` or ``file:///…``.

    Raises:
        ConfigError: There is no such protocol, or the package that provides it is not installed.
    """

    def __init__(self, folder: Path, url: str) -> None:
        import fsspec  # takes a tenth of a second

        self.folder, self.url = folder, url
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"copy_to={url}: {error}") from error
        self._root = str(root).rstrip("/")

    def update(self) -> int:
        """Copy what has changed since the last time, and return the number of files sent.

        Raises:
            RunError: A transfer failed in every attempt; the former copy is whole.
        """
        names = list(self._local_names())
        if not names:  # a folder that was removed must not empty its copy
            return 0
        former, number = self._retried(self._newest_manifest)
        stored = set(former.values())
        manifest, sent = {}, 0
        for name in names:
            digest = self._digest(name)
            if digest is not None and digest not in stored:
                digest = self._retried(partial(self._send, name))
                sent += digest is not None
            if digest is not None:
                manifest[name] = digest
        if manifest != former:
            text = json.dumps(manifest, indent=2).encode()
            self._retried(lambda: self._write(self._manifest(number + 1), text))
            self._retried(lambda: self._remove_older(number + 1, stored - set(manifest.values())))
        return sent

    def holds_run(self) -> bool:
        """Return whether there is a copy at the URL.

        Raises:
            RunError: It cannot be read.
        """
        return bool(self._retried(self._newest_manifest)[0])

    def restore(self) -> int:
        """Write the copy's files into the folder, and return their number; 0 if there is no copy.

        A file whose copy is damaged is left out, with a warning.

        Raises:
            RunError: The copy cannot be read.
        """
        manifest, _ = self._retried(self._newest_manifest)
        restored = 0
        for name, digest in manifest.items():
            content = self._retried(partial(self._stored, digest))
            if hashlib.sha256(content).hexdigest() != digest:
                log.warning("The copy of %s in %s is damaged; it is left out.", name, self.url)
                continue
            with atomic_file(self.folder / name) as draft:
                draft.write_bytes(content)
            restored += 1
        return restored

    def _local_names(self) -> Iterator[str]:
        for path in sorted(self.folder.rglob("*")):
            parts = path.relative_to(self.folder).parts
            hidden = any(part.startswith(".") for part in parts)
            if path.is_file() and not hidden and parts[0] not in LEFT_OUT:
                yield "/".join(parts)

    def _digest(self, name: str) -> str | None:
        """Return the digest of a local file; None if it was removed since it was listed."""
        try:
            return sha256(self.folder / name)
        except FileNotFoundError:
            return None

    def _blob(self, digest: str) -> str:
        return f"{self._root}/content/{digest}"

    def _manifest(self, number: int) -> str:
        return f"{self._root}/manifest-{number}.json"

    def _manifests(self) -> dict[int, str]:
        """Return the paths of the manifests by number, the newest first."""
        self._files.invalidate_cache()
        found = {}
        for path in map(str, self._files.glob(f"{self._root}/manifest-*.json")):
            number = PurePosixPath(path).stem.removeprefix("manifest-")
            if number.isdecimal():
                found[int(number)] = path
        return dict(sorted(found.items(), reverse=True))

    def _newest_manifest(self) -> tuple[dict[str, str], int]:
        """Return the digests by name of the newest whole manifest, and the greatest number."""
        manifests = self._manifests()
        for path in manifests.values():
            manifest = _checked(self._files.cat_file(path))
            if manifest is not None:
                return manifest, max(manifests)
        return {}, max(manifests, default=0)

    def _stored(self, digest: str) -> bytes:
        try:
            content: bytes = self._files.cat_file(self._blob(digest))
        except FileNotFoundError:
            return b""
        return content

    def _send(self, name: str) -> str | None:
        """Store a file under the digest of its content, compare it, and return the digest.

        None if the file was removed since it was listed.
        """
        digest = self._digest(name)
        if digest is None:
            return None
        blob = self._blob(digest)
        self._files.makedirs(f"{self._root}/content", exist_ok=True)
        self._files.put_file(str(self.folder / name), blob)
        with self._files.open(blob, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:  # a file that has just grown, or a damaged transfer
            self._files.rm_file(blob)
            raise OSError(f"{name} does not match what was sent")
        return digest

    def _write(self, path: str, content: bytes) -> None:
        self._files.makedirs(self._root, exist_ok=True)
        self._files.pipe_file(path, content)
        if self._files.cat_file(path) != content:
            raise OSError(f"{path} does not match what was sent")

    def _remove_older(self, number: int, digests: set[str]) -> None:
        for older, path in self._manifests().items():
            if older < number:
                self._files.rm_file(path)
        for digest in digests:
            if self._files.exists(self._blob(digest)):
                self._files.rm_file(self._blob(digest))

    def _retried(self, transfer: Callable[[], T]) -> T:
        """Return what a transfer returns; repeat it after an error, which may be anything.

        File systems of fsspec raise the errors of the libraries that they are built on. A local
        file that is removed during the transfer is noticed when it is repeated.
        """
        attempt = 0
        while True:
            try:
                return transfer()
            except Exception as error:
                attempt += 1
                if attempt == ATTEMPTS:
                    raise RunError(
                        f"copy_to={self.url}: cannot be read or written after {ATTEMPTS} attempts: "
                        f"{type(error).__name__}: {error}."
                    ) from error
                time.sleep(PAUSE * 2 ** (attempt - 1))


class CopyFolder(Checkpoint):
    """Updates the copy of a run's folder after each epoch, in a thread of the first rank.

    An update that fails is a warning: the next one tries again. It is a `Checkpoint` because
    Lightning moves these behind all other callbacks, and it has to come after `LastCheckpoint`.

    Args:
        folder: Folder of the run.
        url: URL of the copy.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._changed, self._ended = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._writer: CheckpointWriter | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the thread."""
        if is_first():
            self._writer = writer_of(trainer)
            self._thread = threading.Thread(target=self._work, name="seqloom-copy", daemon=True)
            self._thread.start()

    def on_epoch_complete(self, trainer: pl.Trainer) -> None:
        """Ask for an update; `LastCheckpoint` has just given the writer the epoch's checkpoint."""
        self._changed.set()

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Wait for the update at work; the run itself makes the last one."""
        if self._thread:
            self._ended = True
            self._changed.set()
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        copy = RemoteCopy(self.folder, self.url)
        while self._changed.wait() and not self._ended:
            self._changed.clear()
            if self._writer:
                self._writer.join()  # the checkpoint of this epoch may not be on the disk yet
            try:
                copy.update()
            except RunError as error:
                log.warning("%s Training continues; the next epoch tries again.", error)


@contextmanager
def copied(folder: Path, url: str | None, *, fresh: bool, resume: bool) -> Iterator[None]:
    """Keep the copy of a run's folder up to date when the block ends, however it ends.

    Args:
        folder: Folder of the run.
        url: URL of the copy; None: there is none, and nothing is done.
        fresh: Whether the folder holds no run.
        resume: Whether a run is to be resumed: a fresh folder is filled from the copy first.

    Raises:
        RunError: The copy cannot be read, is that of another run, or, of a run that succeeded,
            cannot be written.
    """
    if url is None:
        yield
        return
    copy = RemoteCopy(folder, url)
    if fresh and not resume and copy.holds_run():
        raise RunError(
            f"copy_to={url} already holds a run. Use another URL, or resume that run: resume=auto"
        )
    if fresh and resume and (count := copy.restore()):
        log.info("Restored %d %s of the run from %s.", count, plural(count, "file"), url)
    try:
        yield
    except BaseException:
        try:
            copy.update()
        except RunError as error:
            log.warning("%s", error)
        raise
    copy.update()


def _checked(content: bytes) -> dict[str, str] | None:
    """Return a manifest; None if it is damaged or names a file outside of the folder."""
    try:
        manifest: Any = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict):
        return None
    for name, digest in manifest.items():
        path = PurePosixPath(name)
        inside = not path.is_absolute() and ".." not in path.parts and "\\" not in name
        if not inside or not isinstance(digest, str) or len(digest) != 64 or not digest.isalnum():
            return None
    return manifest
