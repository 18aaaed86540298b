"""End with the parent process, as soon as the kernel notices its end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel kill this process (SIGKILL) when its parent ends, where that is supported."""
    parent = os.getppid()
    if sys.platform != "linux" or not _was_started_by_main_thread(parent):
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        kill_this_process()


def kill_this_process() -> None:
    """End at once, without tidying up."""
    os.kill(os.getpid(), signal.SIGKILL)
    os._exit(128 + signal.SIGKILL)  # a container's first process ignores its own signals


def _was_started_by_main_thread(parent: int) -> bool:
    """Return whether this is a child of its parent's main thread.

    The kernel watches the thread that started us, and another may end long before its process.
    """
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
    except OSError:
        return False
    return str(os.getpid()) in children.split()
