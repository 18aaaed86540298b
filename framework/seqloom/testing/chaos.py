"""Train a run whole and once more with failures, and compare the two."""

from __future__ import annotations

import random
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqloom.errors import RunError
from seqloom.files import sha256
from seqloom.testing.failures import Attempt, cut_file, flip_bit, lose_machine, python_program
from seqloom.testing.seen import PATTERN
from seqloom.train.folder import RunFolder

DAMAGES = {"flips": flip_bit, "cuts": cut_file, "leases": lose_machine}
"""What is done to the files between two attempts, by the name of its number."""

SEEN = "seqloom.testing.seen.SeenExamples"
"""The callback that logs the batches of a run."""

COMPARED = ("bundle/model.safetensors", "metrics.json", "metrics.jsonl")
"""Files of the run that must be equal to the byte."""


@dataclass(frozen=True)
class Numbers:
    """How many failures of each kind a run gets.

    Attributes:
        kills: Times that a random process of the run is killed.
        flips: Times that a bit of the last checkpoint is flipped.
        cuts: Times that the last checkpoint is cut short.
        leases: Times that the folder is left by a machine that is lost.
        disks: Times that the disk is full when a checkpoint is written.
    """

    kills: int = 10
    flips: int = 2
    cuts: int = 1
    leases: int = 1
    disks: int = 1


@dataclass(frozen=True)
class Event:
    """A failure, and how the run went on.

    Attributes:
        failure: What was done.
        batches: Number of batches that the first rank had trained by then.
        orphans: Number of processes that had to be ended afterwards.
    """

    failure: str
    batches: int
    orphans: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a run with failures has in common with the whole one.

    Attributes:
        different: Names of files that differ.
        batches: Number of batches that the whole run trained on, over all ranks.
        unlike: Number of batches that differ: lost, repeated or changed.
        orphans: Number of processes that lived on.
    """

    different: Sequence[str]
    batches: int
    unlike: int
    orphans: int

    @property
    def passed(self) -> bool:
        """Whether the failures left no trace."""
        return not (self.different or self.unlike or self.orphans)


class Chaos:
    """The same training twice below a folder: in ``whole``, and with failures in ``failures``.

    Args:
        overrides: Overrides of ``seqloom train``.
        folder: Folder for both runs, and the output of each attempt.
        seed: Seed of the moments and the places of the failures.
    """

    def __init__(self, overrides: Sequence[str], folder: Path, seed: int) -> None:
        self.overrides, self.folder = list(overrides), folder.absolute()
        self.rng = random.Random(seed)
        self.run = RunFolder(self.folder / "failures")
        self.whole = RunFolder(self.folder / "whole")

    def train_whole(self) -> float:
        """Train without failures, and return the seconds.

        Raises:
            RunError: It failed.
        """
        start = time.perf_counter()
        self._finish(self.whole)
        return time.perf_counter() - start

    def train_with_failures(self, numbers: Numbers) -> Iterator[Event]:
        """Train with failures, one after the other; the last attempt goes on to the end.

        Yields:
            Each failure, when the processes of its attempt have ended.

        Raises:
            RunError: An attempt failed by itself.
        """
        damages = [name for name in DAMAGES for _ in range(getattr(numbers, name))]
        self.rng.shuffle(damages)
        kills = max(numbers.kills, len(damages))
        total = batches_of(self.whole)
        # One kill in each part of the run, so that they come at any moment of it.
        moments = [int((index + self.rng.random()) * total / kills) for index in range(kills)]
        full = set(self.rng.sample(range(1, kills), min(numbers.disks, max(kills - 1, 0))))
        for index, moment in enumerate(moments):
            if index in full:
                yield self._fill_disk()
            yield self._kill_at(moment)
            if damages and self.run.last.exists():
                yield Event(DAMAGES[damages.pop()](self.run, self.rng), batches_of(self.run))
        self._finish(self.run)

    def verdict(self, events: Sequence[Event]) -> Verdict:
        """Compare the two runs."""
        different = [
            name
            for name in COMPARED
            if sha256(self.run.path / name) != sha256(self.whole.path / name)
        ]
        batches = unlike = 0
        for path in sorted(_logs(self.whole).glob(PATTERN)):
            expected = path.read_text("utf-8").splitlines()
            other = _logs(self.run) / path.name
            found = other.read_text("utf-8").splitlines() if other.exists() else []
            batches += len(expected)
            unlike += abs(len(expected) - len(found))
            unlike += sum(one != two for one, two in zip(expected, found, strict=False))
        return Verdict(different, batches, unlike, sum(event.orphans for event in events))

    def _kill_at(self, moment: int) -> Event:
        """Start the run or resume it, and kill one of its processes after some batches."""
        attempt = self._attempt(self.run)
        delay = time.monotonic() + self.rng.random()  # a moment may come before the first batch

        def reached() -> bool:
            return batches_of(self.run) >= moment and time.monotonic() >= delay

        if not attempt.wait_until(reached):
            self._require_success(attempt, self.run)
            return Event("the run had ended before", batches_of(self.run), attempt.orphans())
        failure = attempt.kill_one(self.rng)
        return Event(failure, batches_of(self.run), attempt.orphans())

    def _fill_disk(self) -> Event:
        """Resume the run where no file as large as a checkpoint can be written."""
        largest = max((path.stat().st_size for path in self.whole.checkpoints.iterdir()), default=1)
        attempt = self._attempt(self.run, max(1, largest // 2))
        attempt.process.wait()
        failure = "full disk" if attempt.process.returncode else "full disk, without need of it"
        return Event(failure, batches_of(self.run), attempt.orphans())

    def _finish(self, run: RunFolder) -> None:
        """Train a run to its end."""
        attempt = self._attempt(run)
        attempt.process.wait()
        self._require_success(attempt, run)

    def _attempt(self, run: RunFolder, file_bytes: int | None = None) -> Attempt:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = f"++callbacks.seen={{_target_: {SEEN}, folder: '{_logs(run)}'}}"
        own = [f"run_dir='{run.path}'", "resume=auto", log]
        command = [*python_program(), "train", *self.overrides, *own]
        return Attempt(command, self.folder / f"{run.path.name}.log", file_bytes)

    def _require_success(self, attempt: Attempt, run: RunFolder) -> None:
        if attempt.process.returncode == 0:
            return
        lines = attempt.log.read_text("utf-8", "replace").splitlines()
        raise RunError(
            f"An attempt failed by itself: it ended with the status {attempt.process.returncode}: "
            f"{lines[-1] if lines else 'no output'} Its output is in {attempt.log}, the command "
            f"was: seqloom train {shlex.join(self.overrides)}"
        )


def _logs(run: RunFolder) -> Path:
    return run.path.with_name(f"{run.path.name}-seen")


def batches_of(run: RunFolder) -> int:
    """Return the number of batches that the first rank of a run has trained on."""
    path = _logs(run) / PATTERN.replace("*", "0")
    return path.read_bytes().count(b"\n") if path.exists() else 0
