"""A data worker's process: it ends with the process that started it, and at its word only."""

from __future__ import annotations

import os
import signal
import threading

from seqloom.parent import end_with_parent


def begin_worker(number: int) -> None:
    """Set up the process of a data worker.

    Torch's own check takes up to five seconds to notice that the parent was killed. And signals
    that go to all processes of a job, such as Ctrl-C or those of a preemption, concern the parent:
    it still needs batches until it ends its workers.

    Args:
        number: Number of the worker, which torch passes.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not hasattr(signal, "sigwaitinfo"):
        return
    names = ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP")
    blocked = {getattr(signal, name) for name in names}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)  # before there is another thread
    threading.Thread(target=_obey, args=(os.getppid(), blocked), daemon=True).start()


def _obey(parent: int, blocked: set[signal.Signals]) -> None:
    """End when the parent sends SIGTERM; ignore what comes from others."""
    while True:
        found = signal.sigwaitinfo(blocked)
        if found.si_signo == signal.SIGTERM and found.si_pid == parent:
            os._exit(0)
