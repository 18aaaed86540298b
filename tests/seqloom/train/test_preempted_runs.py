"""A run that is told to end leaves at a step's end, whenever and whomever a signal reaches.

The run that is resumed ends with the weights of one that nobody told anything.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fork_server import Forked, ForkServer

import seqloom
from seqloom.train.folder import read_metrics
from seqloom.train.preemption import EXIT_CODE, SIGNALS, Preempted

from .conftest import Fit

Record = Callable[[str, object], None]

WORDS = (
    "data.train_size=60",
    "data.val_size=20",
    "data.test_size=20",
    "encoder.hidden_size=8",
    "frontend.dropout=0.3",
    "batch.max_examples=16",
    "batch.workers=1",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=4",
    "trainer.log_every_n_steps=1",
    "callbacks=none",
    "seed=5",
)

HERE = (*WORDS, "batch.workers=0", "trainer.max_epochs=2")
"""Settings of a run in this process, of four steps an epoch."""

TELLER = '''
import os, signal, subprocess, time
from pathlib import Path
import pytorch_lightning as pl

class Teller(pl.Callback):
    """Sends a signal at some moment, once."""

    def __init__(self, moment, whom, number, twice=False):
        self.moment, self.whom, self.number, self.twice = moment, whom, number, twice
        self.told = False

    def tell(self, trainer, moment):
        if moment == self.moment and not self.told:
            self.told = True
            self.note(trainer)
            pids = list(map(str, self.pids(trainer.global_rank)))
            # From outside, as workers obey this process.
            for _ in range(1 + self.twice if pids else 0):
                subprocess.run(["kill", f"-{self.number}", *pids], check=True)
                time.sleep(0.05)

    def pids(self, rank):
        own, launcher = os.getpid(), int(os.environ.get("SEQLOOM_RUN_OWNER", "0").split("@")[0])
        if self.whom == "all":
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
            return [own, *map(int, children), *([launcher] if launcher and rank == 0 else [])]
        if self.whom == "launcher":
            return [launcher or own] if rank == 0 else []
        return [own] if self.whom == f"rank {rank}" else []

    def note(self, trainer):
        """Note the processes of this rank, which must all end."""
        own = os.getpid()
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        words = " ".join([str(own), *children])
        Path(trainer.default_root_dir, f"pids-{trainer.global_rank}").write_text(words)

    def on_fit_start(self, trainer, module):
        self.tell(trainer, "before step 1")

    def on_train_batch_start(self, trainer, *rest):
        if trainer.global_step == 5:
            self.tell(trainer, "step")

    def on_validation_batch_start(self, trainer, *rest):
        if trainer.global_step >= 4 and not trainer.sanity_checking:
            self.tell(trainer, "validation")

    def on_save_checkpoint(self, trainer, *rest):
        if trainer.global_step >= 4:
            self.tell(trainer, "save")

    def on_train_end(self, trainer, module):
        self.tell(trainer, "after the last epoch")
'''

PATCHED = """
import os, sys
from seqloom.cli import main
from seqloom.train import preemption, run
name, number = sys.argv[1:3]
module = {"run": main, "prepare_data": run}[name]
real = getattr(module, name)
def told(*args):
    os.kill(os.getpid(), int(number))
    return real(*args)
setattr(module, name, told)
sys.argv[1:3] = []
main.main()
"""
"""A program that gets a signal where it calls a function."""

INSIDE = ("before step 1", "step", "validation", "save", "after the last epoch")
RANKS = ("launcher", "rank 0", "rank 1", "all")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for PYTHONPATH with a callback that sends signals."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "teller.py").write_text(TELLER, encoding="utf-8")
    return folder


def teller(moment: str, whom: str, number: int, *, twice: bool = False) -> str:
    return (
        f"+callbacks={{teller: {{_target_: teller.Teller, moment: {moment}, whom: {whom}, "
        f"number: {int(number)}, twice: {str(twice).lower()}}}}}"
    )


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "bundle" / "model.safetensors").read_bytes()).hexdigest()


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return what was logged in each step."""
    return read_metrics(folder / "metrics.jsonl")


def state(folder: Path) -> str:
    path = folder / "run.json"
    return str(json.loads(path.read_text("utf-8"))["state"]) if path.exists() else "none"


def orphans(folder: Path, seconds: float = 60) -> int:
    """Return the number of the run's processes that are left after some seconds."""
    pids = [int(word) for path in folder.glob("pids-*") for word in path.read_text().split()]
    end = time.monotonic() + seconds
    while (left := [pid for pid in pids if exists(pid)]) and time.monotonic() < end:
        time.sleep(0.1)
    return len(left)


def exists(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, on: On) -> Callable[[int], Path]:
    """Return a run on one or two ranks that ended by itself, made once."""
    made: dict[int, Path] = {}

    def make(ranks: int) -> Path:
        if ranks not in made:
            made[ranks] = tmp_path_factory.mktemp("whole") / "run"
            assert on(made[ranks], ranks).returncode == 0
        return made[ranks]

    return make


class On:
    """Trains in a process of its own.

    Args:
        server: Server that starts it.
        site: Folder with the callback.
    """

    def __init__(self, server: ForkServer, site: Path) -> None:
        self.server, self.site = server, site

    def __call__(
        self, folder: Path, ranks: int, *words: str, patch: tuple[str, int] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Train on ranks until the end, or until a signal comes."""
        devices = ["trainer.devices=2"] if ranks == 2 else []
        command = ["train", *WORDS, *devices, f"run_dir={folder}", *words]
        source = PATCHED if patch else "from seqloom.cli.main import main; main()"
        given = [patch[0], str(int(patch[1]))] if patch else []
        process = Forked(
            self.server,
            source,
            *given,
            *command,
            env={**self.server.environment, "PYTHONPATH": str(self.site)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        said = process.communicate(timeout=1200)
        return subprocess.CompletedProcess([], process.returncode, *said)


@pytest.fixture(scope="module")
def on(fork_server: ForkServer, site: Path) -> On:
    """Return what trains in a process of its own."""
    return On(fork_server, site)


@pytest.fixture
def survives(
    tmp_path: Path, on: On, whole: Callable[[int], Path], record_property: Record
) -> Callable[..., None]:
    """Check a run that is told to end, and what becomes of it when it is resumed."""

    def check(ranks: int, *words: str, patch: tuple[str, int] | None = None) -> None:
        folder = tmp_path / "run"
        started = time.monotonic()
        done = on(folder, ranks, *words, patch=patch)
        seconds = time.monotonic() - started
        found = (done.returncode, state(folder), orphans(folder))
        again = on(folder, ranks, "resume=auto")
        same = again.returncode == 0 and weights(folder) == weights(whole(ranks))
        expected = [row["step"] for row in lines(whole(ranks)) if "train/loss" in row]
        steps = [row["step"] for row in lines(folder) if "train/loss" in row]
        said = f"{found}, {seconds:.1f} s, identical: {same}, steps as due: {steps == expected}"
        record_property("outcome", said)
        assert "Traceback" not in done.stderr
        assert found[0] == EXIT_CODE, done.stderr
        assert found[1] in {"preempted", "none"}
        assert found[2] == 0
        assert (again.returncode, state(folder)) == (0, "done"), again.stderr
        assert same
        assert steps == expected

    return check


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("moment", ["before run.json", "in preparation", *INSIDE, "twice"])
def test_one_process(survives: Callable[..., None], moment: str, number: int) -> None:
    patches = {"before run.json": "run", "in preparation": "prepare_data"}
    if moment in patches:
        survives(1, patch=(patches[moment], number))
    elif moment == "twice":
        survives(1, teller("step", "launcher", number, twice=True))
    else:
        survives(1, teller(moment, "all", number))


def grid() -> list[Any]:
    """Return moments and whom, each with another signal."""
    numbers = itertools.cycle(SIGNALS)
    return [
        pytest.param(moment, whom, number := next(numbers), id=f"{moment}-{whom}-{number.name}")
        for whom in RANKS
        for moment in ("before run.json", "in preparation", *INSIDE, "twice")
        if whom == "launcher" or moment in {*INSIDE, "twice"}
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "whom", "number"), grid())
def test_two_ranks(survives: Callable[..., None], moment: str, whom: str, number: int) -> None:
    patches = {"before run.json": "run", "in preparation": "prepare_data"}
    if moment in patches:
        survives(2, patch=(patches[moment], number))
    elif moment == "twice":
        survives(2, teller("step", whom, number, twice=True))
    else:
        survives(2, teller(moment, whom, number))


@pytest.fixture
def fit_here(
    fit: Fit, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Path]:
    """Train in this process, where the callback can be found."""
    monkeypatch.syspath_prepend(str(site))

    def run(*words: str) -> Path:
        return fit(*HERE, *words, run_dir=tmp_path / "run").run_dir

    return run


@pytest.mark.parametrize(("moment", "number"), list(zip(INSIDE[1:], SIGNALS, strict=True)))
def test_from_python(
    fit_here: Callable[..., Path],
    tmp_path: Path,
    one_from_python: Path,
    moment: str,
    number: int,
) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Preempted, match=signal.Signals(number).name):
        fit_here(teller(moment, "launcher", number))
    assert signal.getsignal(number) is before
    assert state(tmp_path / "run") == "preempted"
    again = fit_here("resume=auto")
    assert weights(again) == weights(one_from_python)
    assert lines(again) == lines(one_from_python)


@pytest.mark.parametrize("moment", ["step", "validation"])
def test_ctrl_c_saves_too(
    fit_here: Callable[..., Path],
    tmp_path: Path,
    one_from_python: Path,
    moment: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit_here(teller(moment, "launcher", signal.SIGINT))
    assert f"To resume: the same command with run_dir={tmp_path / 'run'} resume=auto" in caplog.text
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert state(tmp_path / "run") == "interrupted"
    again = fit_here("resume=auto")
    assert lines(again) == lines(one_from_python)
    assert weights(again) == weights(one_from_python)


@pytest.fixture(scope="module")
def one_from_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that ended by itself."""
    run_dir = tmp_path_factory.mktemp("python") / "run"
    return seqloom.fit(*HERE, run_dir=run_dir).run_dir
