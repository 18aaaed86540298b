"""Ctrl-C while a run trains: the first one lets a step end and be saved, a second one does not."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 5.0
"""Seconds that a step may take to end after Ctrl-C."""

NOTICE = b"Interrupted: writing a checkpoint after this step. Ctrl-C again stops at once.\n"

_asked = threading.Event()


def asked() -> bool:
    """Return whether the user wants to stop after this step."""
    return _asked.is_set()


@contextmanager
def deferred() -> Iterator[None]:
    """Let Ctrl-C set a flag in the block; a second one, or the end of `PATIENCE`, raises as usual.

    A handler that is not Python's own stays as it is.

    Raises:
        KeyboardInterrupt: As said; or the block raised it.
    """
    main = threading.main_thread()
    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if threading.current_thread() is not main or not own or main.ident is None:
        yield
        return
    _asked.clear()
    timer = threading.Timer(PATIENCE, _again, (main.ident,))
    timer.daemon = True

    def handle(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _asked.set()
        timer.start()
        os.write(2, NOTICE)

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        timer.cancel()
        if signal.getsignal(signal.SIGINT) is handle:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _asked.clear()


def _again(main: int) -> None:
    if asked():
        signal.pthread_kill(main, signal.SIGINT)
