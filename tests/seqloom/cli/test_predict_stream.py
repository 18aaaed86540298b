"""``seqloom predict`` on a pipe: each line is answered while the input is open."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import pytest

APPLE = "Apple opens a shop in Paris."


@dataclass
class Child:
    """A running ``seqloom predict`` with its three streams."""

    process: subprocess.Popen[str]
    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]


@pytest.fixture
def child(trained_ner: Path, start: Callable[..., subprocess.Popen[str]]) -> Iterator[Child]:
    """Start the program, and end it with the test."""
    process = start("predict", trained_ner)
    streams = [cast("IO[str]", one) for one in (process.stdin, process.stdout, process.stderr)]
    with process:
        yield Child(process, *streams)


def test_each_line_is_answered_while_the_input_is_open(child: Child) -> None:
    for number in (1, 2, 3):
        child.stdin.write(f"{APPLE}\n")
        child.stdin.flush()
        assert json.loads(child.stdout.readline())["id"] == f"stdin:{number}"
    # An error while the input is still open: one sentence, and no abort of the interpreter.
    child.stdin.write("\n")
    child.stdin.flush()
    errors = child.stderr.read()
    assert child.process.wait(timeout=600) == 1
    assert errors.startswith("Error: <stdin>:4: ")
    assert errors.count("\n") == 1


def test_a_broken_pipe_ends_it_quietly(child: Child) -> None:
    child.stdin.write(f"{APPLE}\n")
    child.stdin.flush()
    child.stdout.readline()
    child.stdout.close()
    child.stdin.write(f"{APPLE}\n" * 50)
    child.stdin.flush()
    assert child.stderr.read() == ""
    assert child.process.wait(timeout=600) == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_leaves_no_part_of_the_output(
    trained_ner: Path, start: Callable[..., subprocess.Popen[str]], tmp_path: Path, name: str
) -> None:
    number = getattr(signal, name)
    with start("predict", trained_ner, "--out", tmp_path / "out.jsonl") as process:
        assert process.stdin is not None
        process.stdin.write(f"{APPLE}\n")
        process.stdin.flush()
        for _ in range(6000):
            if any(one.stat().st_size for one in tmp_path.iterdir()):
                break
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(timeout=600) == 128 + number
    assert not list(tmp_path.iterdir())
