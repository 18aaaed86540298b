"""Notice that the machine wants this process to end soon, and end in time, to be resumed later.

A signal sets a flag. What is to be done then depends on the moment: training writes a checkpoint
at the end of a step; where nothing is lost, the process leaves at once. Nothing but the standard
library is needed here, so that a program can notice signals before it imports anything heavy.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqloom.train.clock import uptime

EXIT_CODE = 75
"""Exit status of a preempted run, ``EX_TEMPFAIL``: run the same command again."""

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGUSR1", "SIGUSR2", "SIGHUP")
    if hasattr(signal, name)
)
"""Signals that announce the end of a job."""

POLL = 0.25
"""Seconds between two looks at a flag or a file, which may be on a shared file system."""


class Preempted(SystemExit):
    """A run that was told to end, and has left everything that is needed to resume it.

    Not caught, it ends the program with the status `EXIT_CODE`.

    Attributes:
        reason: The signal's name, or what else told the run to end.
        said: Whether the user was told.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = False
        self.code = EXIT_CODE


class _Flag:
    """What has been asked of this process."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.reason: str | None = None
        self.installed = False
        self.since = uptime()
        self.leave_at_once = 0  # depth of the blocks that may be left anywhere
        self.error: Exception | None = None  # to be raised in the main thread


_flag = _Flag()


def requested() -> signal.Signals | None:
    """Return the signal that asked this process to end soon; None if none did."""
    return _flag.received


def reason() -> str:
    """Return why this process is to end, in a few words: ``SIGTERM``, ``its time limit``."""
    return _flag.reason or (_flag.received.name if _flag.received else "")


def elapsed() -> float:
    """Return the seconds since this program started, as far as this module knows."""
    return uptime() - _flag.since


def check() -> None:
    """Leave now if that was asked for.

    Raises:
        Preempted: It was.
    """
    if _flag.received is not None:
        raise Preempted(reason())


def request(why: str) -> None:
    """Ask this process to end soon for another reason than a signal from outside; thread-safe."""
    if _flag.received is not None or not _flag.installed:
        return
    _flag.reason = why
    main = threading.main_thread().ident
    if main is not None:  # which a signal to the process need not wake
        signal.pthread_kill(main, signal.SIGTERM)


def raise_in_main_thread(error: Exception) -> bool:
    """Raise an error in the main thread as soon as it runs Python, even if it waits; thread-safe.

    Returns:
        Whether it will be raised: not where signals are not handled.
    """
    main = threading.main_thread().ident
    if not _flag.installed or main is None or signal.getsignal(signal.SIGTERM) is not _notice:
        return False
    _flag.error = error
    signal.pthread_kill(main, signal.SIGTERM)
    return True


@contextmanager
def at_once() -> Iterator[None]:
    """Leave the block anywhere if a signal comes: nothing in it is worth finishing.

    What it writes, it must write atomically.

    Raises:
        Preempted: A signal came, before the block or in it.
    """
    _flag.leave_at_once += 1
    try:
        check()
        yield
        check()  # code that swallows every exception may have swallowed this one
    finally:
        _flag.leave_at_once -= 1


def install() -> None:
    """Notice signals from now on, until this process ends, and leave instead of importing more.

    A signal that is ignored, as ``nohup`` does with SIGHUP, stays ignored.
    """
    if _flag.installed or threading.current_thread() is not threading.main_thread():
        return
    _install()
    sys.meta_path.insert(0, _importing)


def let_imports_pass() -> None:
    """Let imports pass again, also where a signal came: a run has started, or the program ends."""
    if _importing in sys.meta_path:
        sys.meta_path.remove(_importing)


@contextmanager
def handled() -> Iterator[None]:
    """Notice signals within the block; afterwards, the handlers are those from before.

    A signal for which the program has a handler of its own is left to that, except for SIGTERM.
    Nothing changes in a program that called `install`, or outside of the main thread.
    """
    if _flag.installed or threading.current_thread() is not threading.main_thread():
        yield
        return
    _flag.since = uptime()
    before = _install(but=_handled_by_program())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _flag.installed, _flag.received, _flag.reason = False, None, None


@contextmanager
def following(path: Path) -> Iterator[None]:
    """Pass on to this process the signal that another one writes to a file, before or in the block.

    Signals to a program that launched this one reach it thus, whatever it is doing.

    Raises:
        Preempted: The file is there already.
    """
    over = threading.Event()
    _look_at(path)
    check()
    threading.Thread(
        target=_wait_for, args=(path, over), name="seqloom-follow", daemon=True
    ).start()
    try:
        yield
    finally:
        over.set()


@contextmanager
def passing_on(path: Path) -> Iterator[None]:
    """Pass on the signal that this process gets in the block to those that follow the file."""
    path.unlink(missing_ok=True)
    over = threading.Event()
    thread = threading.Thread(target=_pass_on, args=(path, over), name="seqloom-lead", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        path.unlink(missing_ok=True)


def _pass_on(path: Path, over: threading.Event) -> None:
    while not over.wait(POLL):
        if requested() is not None:
            with suppress(OSError):
                path.write_text(reason(), encoding="utf-8")
            return


def _wait_for(path: Path, over: threading.Event) -> None:
    while _flag.received is None and not over.wait(POLL):
        _look_at(path)


def _look_at(path: Path) -> None:
    with suppress(OSError):
        if why := path.read_text(encoding="utf-8"):
            request(why)


def _handled_by_program() -> set[signal.Signals]:
    """Return the signals, except SIGTERM, for which the program has a handler of its own."""
    return {
        number
        for number in SIGNALS
        if number != signal.SIGTERM and callable(signal.getsignal(number))
    }


def _install(but: Collection[signal.Signals] = ()) -> dict[signal.Signals, Any]:
    """Set the handlers, except of some signals; return those from before."""
    _flag.installed = True
    before = {}
    for number in set(SIGNALS) - set(but):
        handler = signal.getsignal(number)
        # None: it was set outside of Python, and cannot be restored.
        if handler not in (signal.SIG_IGN, None):
            before[number] = handler
            signal.signal(number, _notice)
    return before


def _notice(number: int, frame: Any) -> None:
    error, _flag.error = _flag.error, None
    if error is not None:
        raise error
    if _flag.received is not None:
        return  # a second signal changes nothing
    _flag.received = signal.Signals(number)
    if _flag.leave_at_once:
        raise Preempted(reason())


def _forget_in_child() -> None:
    """Restore the default reactions in a fork, which is not asked, and must end when killed."""
    if _flag.installed:
        for number in SIGNALS:
            if signal.getsignal(number) is _notice:
                signal.signal(number, signal.SIG_DFL)
        _flag.installed, _flag.received, _flag.leave_at_once = False, None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


class _Importing:
    """Leaves before the next import: that of torch and Lightning takes seconds."""

    def find_spec(self, *_: Any) -> None:
        if requested() is not None:
            let_imports_pass()  # what tidies up may import
            check()


_importing = _Importing()
