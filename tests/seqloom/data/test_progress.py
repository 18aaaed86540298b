"""What is logged of long work, and that nothing is of short work."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import pytest

from seqloom.config.compose import compose_run
from seqloom.data import progress as module
from seqloom.data.progress import progress, show_progress, waiting
from seqloom.train.prepare import encoded_data


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.set_level(logging.INFO, "seqloom")
    return caplog.messages


def test_nothing_is_said_of_little(messages: list[str]) -> None:
    assert list(progress(range(3), "Reading")) == [0, 1, 2]
    with waiting("Fitting"):
        pass
    assert not messages


def test_counts_and_totals(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    assert sum(progress([1, 2], "Encoding")) == 3
    assert sum(progress(iter([1]), "Reading")) == 1
    assert sum(progress(iter([1]), "Writing", total=2)) == 1
    assert sum(progress([1], "Evaluating", ("batch", "batches"))) == 1
    texts = [re.sub(r"\d+ s", "0 s", text) for text in caplog.messages]
    assert texts == [
        "Encoding: 1 of 2 examples (0 s)",
        "Encoding: 2 of 2 examples (0 s)",
        "Reading: 1 example (0 s)",
        "Writing: 1 of 2 examples (0 s)",
        "Evaluating: 1 of 1 batch (0 s)",
    ]


def test_a_long_block(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    with waiting("Fitting"):
        deadline = time.monotonic() + 600
        while not caplog.messages and time.monotonic() < deadline:
            time.sleep(0.01)
    assert caplog.messages[0].startswith("Fitting (")


def test_a_run_tells_each_step(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    table = tmp_path / "t.csv"
    rows = "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(20))
    table.write_text(f"text,label\n{rows}", encoding="utf-8")
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    encoded_data(compose_run(["data=csv", "head=classification", f"data.train={table}"]))
    for words in (
        "Reading data.train: 20 ex",
        "Reading the train split: 16 ex",
        "Encoding: 16 of 16",
    ):
        assert any(text.startswith(words) for text in caplog.messages)


def test_commands_print_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("seqloom.progress")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    try:
        show_progress()
        list(progress([1], "Reading"))
        assert capsys.readouterr().err.startswith("Reading: 1 of 1 example (")
    finally:
        logger.setLevel(logging.NOTSET)
