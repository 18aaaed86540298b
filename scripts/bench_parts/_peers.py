"""Other libraries, each in an environment of its own, that take steps when they are told to.

A peer is ``baselines/NAME.py``. It prints ``ready``; then for each line that it reads it takes a
step, and prints the number of its tokens or examples and its seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent
LONGEST = 200
"""Characters of what a peer said that are shown."""

ENVIRONMENTS = "SEQLOOM_BENCH_PEERS"
"""Environment variable: folder of the environments, by default ``.bench`` of the checkout."""


@dataclass(frozen=True)
class Library:
    """A library to compare with.

    Attributes:
        name: Name of its package.
        version: Version.
        program: File in ``baselines``.
        needs: What its environment needs besides.
        arguments: Arguments of the program before those of a comparison.
    """

    name: str
    version: str
    program: str
    needs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def python(self) -> Path | None:
        """Its interpreter; None if there is no environment with it."""
        folder = Path(os.environ.get(ENVIRONMENTS) or HERE.parents[1] / ".bench")
        own = folder / self.name / "bin" / "python"
        if own.exists():
            return own
        missing = [one for one in (self.name, *self.needs) if not find_spec(one)]
        return None if missing else Path(sys.executable)

    def opened(self, *arguments: str) -> tuple[Peer | None, str]:
        """Return the running peer, or None with the reason."""
        if self.python is None:
            return None, f"{self.name} is not installed: scripts/bench --setup {self.name}"
        try:
            return Peer(self.python, self.program, (*self.arguments, *arguments)), ""
        except (OSError, RuntimeError) as error:
            return None, f"{self.name} {self.version} cannot be run: {error}"


class Peer:
    """A program that takes steps.

    Args:
        python: Interpreter.
        program: File in ``baselines``.
        arguments: Its arguments.

    Raises:
        RuntimeError: It is not ready.
    """

    def __init__(self, python: Path, program: str, arguments: tuple[str, ...]) -> None:
        command = [str(python), str(HERE / "baselines" / program), *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        said = self._line()
        if said != "ready":
            self.close()
            raise RuntimeError(f"it said {said[:LONGEST]!r}")

    def step(self) -> tuple[int, float]:
        """Let it take a step; return its size and its seconds."""
        assert self.process.stdin
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        size, seconds = self._line().split()
        return int(size), float(seconds)

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def set_up(name: str, folder: Path) -> None:
    """Make the environment of a library; what it needs and is installed here, it shares.

    So it computes with the same build of torch, which is not downloaded again.
    """
    place = folder / name
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    known = [one for one in LIBRARIES if one.name == name]
    needs = dict.fromkeys(need for one in known for need in one.needs)
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, f"{name}=={known[0].version}", *needs], check=True)


FLAIR = Library("flair", "0.15.1", "flair_tagger.py")
FLAIR_CRF = Library("flair", "0.15.1", "flair_crf.py")
KERAS_TORCH = Library("keras", "3.15.1", "keras_classifier.py", ("torch",), ("torch",))
KERAS_JAX = Library("keras", "3.15.1", "keras_classifier.py", ("jax",), ("jax",))
LIBRARIES = (FLAIR, FLAIR_CRF, KERAS_TORCH, KERAS_JAX)
