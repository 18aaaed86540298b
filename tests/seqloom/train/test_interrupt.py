"""Ctrl-C is deferred to the end of a step, in the main thread only."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from seqloom.train import interrupt


def test_the_first_ctrl_c_sets_a_flag_and_the_second_interrupts() -> None:
    asked = []

    def press_twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            asked.append(interrupt.asked())

    with pytest.raises(KeyboardInterrupt), interrupt.deferred():
        press_twice()
    assert asked == [True]
    assert not interrupt.asked()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_somebody_else_stays() -> None:
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        with interrupt.deferred():
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupt.asked()
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught == [signal.SIGINT]


def test_another_thread_changes_no_handler() -> None:
    found: list[object] = []

    def look() -> None:
        with interrupt.deferred():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


def test_a_timer_that_ends_late_interrupts_nobody() -> None:
    main = threading.main_thread().ident
    assert main is not None
    interrupt._again(main)
