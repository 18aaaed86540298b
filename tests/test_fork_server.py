"""A program that the fork server starts cannot be told from one that an interpreter starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fork_server import Forked, ForkServer

LOOK = """
import json, os, signal, sys, threading, warnings
print(json.dumps({
    "arguments": sys.argv, "folder": os.getcwd(), "path": sys.path, "said": sys.stdin.read(),
    "mine": os.environ.get("MINE"), "main": __name__, "threads": len(threading.enumerate()),
    "signals": [str(signal.getsignal(n)) for n in (2, 13, 15, 17)], "open": os.listdir("/dev/fd"),
    "filters": [str(f) for f in warnings.filters if f[2] in (UserWarning, ResourceWarning)],
    "leader": os.getsid(0) == os.getpid(),
}))
"""
ENDS = (
    "print('out'); import sys; print('err', file=sys.stderr)",
    "1 / 0",
    "raise SystemExit(7)",
    "raise SystemExit('a sentence')",
    "raise KeyboardInterrupt",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "import atexit; atexit.register(print, 'the end')",
    "import threading, time\n"
    "threading.Thread(target=lambda: (time.sleep(0.2), print('waited'))).start()",
    "import sys; sys.exit(not sys.flags.utf8_mode and len(sys.argv))",
)


@pytest.mark.parametrize("source", ENDS)
def test_it_says_and_ends_the_same(fork_server: ForkServer, source: str) -> None:
    pipes: dict[str, Any] = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    found = []
    for process in (
        Forked(fork_server, source, "a", text=True, **pipes),
        subprocess.Popen([sys.executable, "-c", source, "a"], text=True, **pipes),
    ):
        with process:
            found.append((process.communicate(timeout=600), process.returncode))
    assert found[0] == found[1]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="lists its open files")
@pytest.mark.parametrize("session", [True, False])
def test_it_finds_the_same(fork_server: ForkServer, tmp_path: Path, session: bool) -> None:
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": {**fork_server.environment, "PYTHONPATH": str(tmp_path), "MINE": "1"},
        "start_new_session": session,
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    found = []
    for process in (
        Forked(fork_server, LOOK, "a", "b c", **options),
        subprocess.Popen([sys.executable, "-c", LOOK, "a", "b c"], **options),
    ):
        with process:
            found.append(json.loads(process.communicate("hello", timeout=600)[0]))
    assert found[0] == found[1]
    assert found[0]["leader"] == session


def test_it_can_be_waited_for_and_ended(fork_server: ForkServer) -> None:
    process = Forked(fork_server, "import time; time.sleep(60)", text=True)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.1)
    process.terminate()
    assert process.wait(timeout=600) == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_what_is_read_at_the_start_needs_a_cold_one(fork_server: ForkServer) -> None:
    given = fork_server.environment
    assert fork_server.can_start({**given, "PYTHONPATH": "x", "SLURM_JOB_ID": "3"})
    assert not fork_server.can_start({**given, "PYTHONWARNINGS": "error"})
    assert not fork_server.can_start({**given, "OMP_NUM_THREADS": "2"})


WORK = """
import os, sys
from joblib import Parallel, delayed
def work(): return os.getpid(), "seqloom.train.ranks.rank" in sys.modules
pids, imported = zip(*Parallel(n_jobs=2)(delayed(work)() for _ in range(4)))
print(os.getpid() in pids, {*imported})
"""


def test_workers_of_joblib_are_forks_too(fork_server: ForkServer) -> None:
    """They are given the pipes that they get their work from, under the same numbers."""
    pytest.importorskip("joblib")
    with Forked(fork_server, WORK, text=True, stdout=subprocess.PIPE) as process:
        said, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    assert said == "False {True}\n"  # what was imported is not what a new interpreter has
