"""The examples of the help texts can be pasted into a shell."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress

import pytest

from seqloom.cli.main import run
from seqloom.plugins import registry

COMMANDS = (
    "train",
    "check",
    "profile",
    "explain",
    "evaluate",
    "predict",
    "inspect",
    "sweep resume",
    "sweep list",
    "sweep show",
    "sweep diff",
    "plugins",
    "conformance",
    "chaos",
    "cache list",
    "cache clear",
    "cluster script",
    "cluster test",
    "new plugin",
    "tune",
    "demo",
    "prepare",
    "example",
)
GLOBS = re.compile(r"[\[{*?~!]")
"""What bash or zsh would take apart or look for among the files."""


def _help(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with suppress(SystemExit):  # by argparse
        run([*command.split(), "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize("width", ["60", "80", "120"])
@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_whole_lines(
    command: str, width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    text = _help(command, capsys)
    assert "Example: " not in text
    monkeypatch.setenv("COLUMNS", "1000")
    whole = [line for line in _help(command, capsys).splitlines() if line.startswith("  seqloom ")]
    assert set(whole) <= set(text.splitlines())
    for line in text.splitlines():
        words = line.strip()
        if not re.match(r"(seqloom|echo) ", words):
            continue
        # In the lexer, words in quotes keep them; others must have nothing that a shell expands.
        for word in shlex.shlex(words, posix=False, punctuation_chars=True):
            assert word[0] in "'\"" or not GLOBS.search(word), line
        assert shlex.split(words)[-1] != "predict", line


@pytest.mark.parametrize("command", ["evaluate", "predict", "tune", "demo", "sweep resume"])
def test_only_what_is_required_is_called_so(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(command.split())
    said = capsys.readouterr().err.strip()
    assert re.search(r"the following arguments are required: (MODEL|folder)$", said), said


def test_every_command_is_tried() -> None:
    from seqloom.cli.commands import COMMANDS as OWN

    assert {*OWN, *registry().commands()} <= {command.split()[0] for command in COMMANDS}
