"""Have a signal end a command that writes files by an exception, so that it removes its drafts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have signals that would kill the program raise SystemExit in the block.

    The status is that of shells: 128 and the signal's number. Signals that are ignored, or that the
    program notices already, stay so.
    """
    own = []
    if threading.current_thread() is threading.main_thread():
        own = [one for one in SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for number in own:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in own:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)
