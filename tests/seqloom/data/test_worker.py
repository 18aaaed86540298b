"""A data worker ends with its parent at once, and does not react to signals that concern it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable

from fork_server import Forked, ForkServer

SCRIPT = """
import os, signal, sys, time
from torch.utils.data import DataLoader
from seqloom.data.worker import begin_worker

class Numbers:
    def __len__(self):
        return 40
    def __getitem__(self, index):
        return index

loader = DataLoader(Numbers(), num_workers=2, worker_init_fn=begin_worker, persistent_workers=True)
batches = iter(loader)
next(batches)
workers = [one.pid for one in batches._workers]
if sys.argv[1] == "all":
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # here, not there
    print(flush=True)
    time.sleep(0.5)
    print(len(list(batches)), flush=True)
    print(*workers, flush=True)
else:
    print(*workers, flush=True)
    time.sleep(60)
"""


def start(fork_server: ForkServer, what: str) -> subprocess.Popen[str]:
    return Forked(fork_server, SCRIPT, what, stdout=subprocess.PIPE, text=True)


def say(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def gone(pids: list[int]) -> bool:
    return not any(map(exists, pids))


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait(until: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_workers_do_not_outlive_a_parent_that_is_killed(fork_server: ForkServer) -> None:
    process = start(fork_server, "wait")
    workers = [int(word) for word in say(process).split()]
    assert len(workers) == 2
    assert not gone(workers)
    process.kill()
    wait(lambda: gone(workers), 3)  # torch alone: up to five
    process.communicate()


def test_signals_to_all_processes_of_a_job_leave_it_its_batches(fork_server: ForkServer) -> None:
    process = start(fork_server, "all")
    say(process)
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=True
    )
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGINT):
        for pid in map(int, children.stdout.split()):
            os.kill(pid, number)
    assert say(process) == "39"
    workers = [int(word) for word in say(process).split()]
    started = time.monotonic()
    process.communicate(timeout=600)
    assert process.returncode == 0
    assert time.monotonic() - started < 4  # they end at the parent's word
    assert gone(workers)
