"""Control characters of data and models are escaped where they are printed."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import types
from pathlib import Path

import pytest

from seqloom.cli.evaluate import plain
from seqloom.cli.main import main
from seqloom.interfaces import Table
from seqloom.sweep.columns import aligned
from seqloom.terminal import EscapingStream, escaped, protect_terminal

HOSTILE = "a\x1b[2J\x07\x9b31m\u202eb\x7f\rc\0"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminals(monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, Terminal]:
    """Return standard output and error, both a terminal; they are restored after the test."""
    streams = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    return streams


def test_only_lines_tabs_and_letters_are_left() -> None:
    assert escaped("a\tb\r\nä€𝄞é\u200d") == "a\tb\r\nä€𝄞é\u200d"
    found = escaped(HOSTILE)
    assert found == r"a\x1b[2J\x07\u009b31m\u202eb\x7f\x0dc\x00"
    assert escaped(found) == found
    hostile = json.dumps({"a": "\x9b\u202e\x85"}, ensure_ascii=False)
    assert json.loads(escaped(hostile)) == json.loads(hostile)


def test_whoever_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminals(monkeypatch)
    protect_terminal(data=False)
    protect_terminal(data=False)
    print(HOSTILE)
    sys.stdout.writelines([HOSTILE])
    logging.StreamHandler().emit(logging.makeLogRecord({"msg": HOSTILE}))
    assert isinstance(sys.stdout, EscapingStream)
    assert sys.stdout.isatty()
    for stream in terminal:
        assert stream.getvalue().replace("\n", "").isprintable()
        assert r"\x1b[2J" in stream.getvalue()


def test_progress_bars_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminals(monkeypatch)
    protect_terminal(data=False)
    module = types.ModuleType("tqdm.std")
    exec("import sys\nsys.stderr.write('\\rbar\\x1b[A')", module.__dict__)
    assert terminal[1].getvalue() == "\rbar\x1b[A"


def test_the_interpreter_prints_the_traceback_of_what_nobody_caught() -> None:
    source = "from seqloom.terminal import protect_terminal as p; p(data=False); raise KeyError(7)"
    command = [sys.executable, "-c", source]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert told.startswith("Traceback (most recent call last):")
    assert told.endswith("KeyError: 7\n")


def test_data_that_goes_to_a_file_or_program_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        protect_terminal(data=True)
        print(HOSTILE, end="")
        assert (stream.getvalue() == HOSTILE) == (not stream.isatty())


def test_tables_have_a_line_a_row() -> None:
    name = "x\ny\x1b[2J"
    assert aligned([["key", "n"], [name, "1"]]).splitlines()[1:] == [r"x\ny\x1b[2J  1"]
    assert r"x\ny\x1b[2J" in plain(Table("classes", ["class"], [[name]]))


@pytest.mark.parametrize(
    "text", ["{bad\x1b", '{"best":"x\\u001b[2Jy"}', '{"trials": ["\\u009b\\u001b[2J"]}']
)
@pytest.mark.parametrize("command", [["inspect"], ["sweep", "show"], ["sweep", "list"]])
def test_damaged_sweeps(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    text: str,
    command: list[str],
) -> None:
    folder = tmp_path / "s\x1b[2Jweep"
    folder.mkdir()
    (folder / "sweep.json").write_text(text, encoding="utf-8")
    where = tmp_path if command[-1] == "list" else folder
    monkeypatch.setattr(sys, "argv", ["seqloom", *command, str(where)])
    terminal = terminals(monkeypatch)
    with pytest.raises(SystemExit):
        main()
    printed = "".join(stream.getvalue() for stream in terminal)
    assert printed.replace("\n", "").isprintable()
    assert printed
    assert "Traceback" not in printed
