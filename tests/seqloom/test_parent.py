"""Where the kernel cannot watch the parent, nothing is asked of it."""

from __future__ import annotations

import ctypes
import os
import sys

import pytest

from seqloom import parent


def test_the_kernel_is_asked_only_where_it_can_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ctypes, "CDLL", asked.append)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "darwin")
        parent.end_with_parent()
    with monkeypatch.context() as patch:
        patch.setattr(parent, "_was_started_by_main_thread", lambda _: False)
        parent.end_with_parent()
    assert not asked


def test_a_parent_that_is_gone_did_not_start_this_process() -> None:
    assert not parent._was_started_by_main_thread(2**22 + 1)
    assert not parent._was_started_by_main_thread(os.getpid())
