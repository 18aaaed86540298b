"""A run leaves its process as it found it."""

from __future__ import annotations

import os

import pytest
import torch

from seqloom.train.process import isolated_process


def test_all_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_KEPT", "before")
    threads = torch.get_num_threads()
    with isolated_process():
        os.environ["SEQLOOM_KEPT"] = "after"
        os.environ["SEQLOOM_NEW"] = "new"
        torch.set_num_threads(threads + 1)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = True
    assert os.environ["SEQLOOM_KEPT"] == "before"
    assert "SEQLOOM_NEW" not in os.environ
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
