"""The program as a whole: its help, its commands, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import seqloom
import seqloom_conf
from seqloom.cli import main
from seqloom.cli.commands import COMMANDS
from seqloom.cli.main import run
from seqloom.errors import PluginError, SeqloomError
from seqloom.plugins import registry
from seqloom.plugins.checks import CORE_COMMANDS

Program = Callable[..., "subprocess.CompletedProcess[str]"]
CONFIGS = Path(seqloom_conf.__file__).parent
MAIN = [sys.executable, "-c", "from seqloom.cli.main import main; main()"]


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"], ["help"]], ids=str)
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    out = capsys.readouterr().out
    for name, (text, _) in COMMANDS.items():
        assert f"  {name:<11} {text}\n" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"seqloom {seqloom.__version__}\n"


@pytest.mark.parametrize("command", ["evaluate", "predict", "plugins"])
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run([command, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: seqloom {command}")


def test_help_of_train_lists_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--help"]) == 0
    out = capsys.readouterr().out
    assert "  encoder        bigru, bilstm, birnn, gru, lstm, rnn\n" in out
    names = sorted(path.stem for path in CONFIGS.joinpath("experiment").glob("*.yaml"))
    assert "snips_slots" in names
    assert f"  experiment     {', '.join(names)}\n" in out


def test_an_unknown_command() -> None:
    with pytest.raises(SeqloomError) as found:
        run(["trian"])
    names = sorted([*COMMANDS, *registry().commands()])
    assert str(found.value) == (
        f"There is no command 'trian'. Did you mean 'train'? There are: {', '.join(names)}."
    )


def test_plugins_cannot_take_the_names_of_the_core() -> None:
    assert set(COMMANDS) <= set(CORE_COMMANDS)


def test_user_errors_are_one_sentence_and_status_1(program: Program, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    sweep.mkdir()
    (sweep / "sweep.json").touch()
    cases = (
        (["trian"], "Error: There is no command 'trian'."),
        (["completion", "bsh"], "Error: There is no completion for 'bsh'. Did you mean 'bash'?"),
        (["train", "encoder=bilstn"], "Error: There is no encoder=bilstn."),
        (["train", "encoder=3"], "Error: A group of the config, such as encoder, takes the name"),
        (["predict", tmp_path], f"Error: {tmp_path} has no bundle.json. Pass"),
        (
            ["predict", "m", "--to", "jsnol"],
            "Error: --to jsnol: unknown format. Did you mean 'json",
        ),
        (["predict", sweep], f"Error: {sweep} is a sweep. Pass one of its trials;"),
        (["evaluate", tmp_path / "x"], f"Error: {tmp_path / 'x'} does not exist. Pass"),
    )
    for arguments, message in cases:
        done = program(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(message)
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict"],
        ["predict", "m", "--batch", "0"],
        ["plugins", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage: seqloom ")


def test_a_plugins_command_that_cannot_be_imported(install: Callable[..., Path]) -> None:
    source = (
        "from seqloom.plugins import Command, hookimpl\n"
        "@hookimpl\n"
        "def seqloom_commands(): return [Command('embroider', 'Embroider.', 'faulty_x:run')]\n"
    )
    install("faulty_command", source)
    with pytest.raises(PluginError) as found:
        run(["embroider"])
    assert str(found.value) == (
        "the command 'embroider' cannot be loaded: importing 'faulty_x:run', which its plugin "
        "names, failed: ModuleNotFoundError: No module named 'faulty_x'"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            PermissionError(13, "Permission denied", "/a/b"),
            "/a/b cannot be used: Permission denied",
        ),
        (OSError(28, "No space left on device", "/a/b"), "Cannot write /a/b: No space left"),
        (OSError(28, "No space left on device"), "Cannot write the output: No space left"),
        (OSError(5, "Input/output error"), "A file cannot be read or written: Input/output"),
        (OSError(5, "Input/output error", "/a"), "/a cannot be read or written: Input/output"),
    ],
)
def test_an_error_of_the_system_is_a_sentence(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(main, "run", fail)
    monkeypatch.setattr(main, "_discard_output", lambda: None)
    monkeypatch.setattr(sys, "argv", ["seqloom", "plugins"])
    with pytest.raises(SystemExit) as end:
        main.main()
    assert end.value.code == 1
    assert capfd.readouterr().err.startswith(f"Error: {said}")


def test_what_was_printed_before_an_error_of_the_system_is_not_lost() -> None:
    source = (
        "from seqloom.cli import main\n"
        "def run(_):\n"
        "    print('before')\n"
        "    raise PermissionError(13, 'Permission denied', '/a')\n"
        "main.run = run\n"
        "main.main()\n"
    )
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    words = [sys.executable, "-c", source]
    done = subprocess.run(words, env=buffered, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "before\n")
    assert done.stderr.startswith("Error: /a cannot be used: Permission denied")


def test_an_error_of_the_system_without_a_file_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(OSError, match="Invalid argument"):
        main.main()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_an_output_that_cannot_be_written_is_told() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*MAIN, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Cannot write the output: No space left on device.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["plugins"], ["--help"], ["plugins", "--json"]], ids=str)
def test_a_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    process = subprocess.Popen(
        [*MAIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before anything is written
    with process.stderr as errors:
        assert errors.read() == ""
    assert process.wait(timeout=600) == 0


def test_a_second_ctrl_c_while_the_program_exits_leaves_no_traceback() -> None:
    source = """
import atexit, logging, os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
atexit.register(os.kill, os.getpid(), signal.SIGINT)
atexit.register(logging.error, "torch, interrupted while it was imported")
from seqloom.cli import main
def run(arguments):
    raise KeyboardInterrupt
main.run = run
main.main()
"""
    command = [sys.executable, "-c", source]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.stderr == "Interrupted.\n"
    assert found.returncode == -signal.SIGINT


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_lead_nowhere(closed: str, tmp_path: Path) -> None:
    source = """
import os, sys
from seqloom.cli import main
def run(arguments):
    assert [os.fstat(n).st_rdev for n in NUMBERS] == [os.stat(os.devnull).st_rdev] * len(NUMBERS)
    print("hello", sys.stdin.fileno(), sys.stdout.fileno(), sys.stderr.fileno())
    open("there", "w").close()
    return 0
main.run = run
main.main()
"""
    numbers = [n for n, stream in enumerate(("<&-", " >&-", "2>&-")) if stream in f" {closed}"]
    source = source.replace("NUMBERS", str(numbers))
    command = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, source]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    assert (tmp_path / "there").exists()


@pytest.mark.parametrize("command", ["prepare", "tune", "sweep"])
def test_a_signal_leaves_nothing_incomplete_of_a_command_that_writes(
    command: str, tmp_path: Path
) -> None:
    source = """
import os, signal
from pathlib import Path
from seqloom.cli import main
from seqloom.files import atomic_file
def write(arguments):
    with atomic_file(Path("out")) as draft:
        draft.write_text("half of it")
        os.kill(os.getpid(), signal.SIGTERM)
main.find = lambda name: write
main.main()
"""
    found = subprocess.run(
        [sys.executable, "-c", source, command], cwd=tmp_path, capture_output=True, check=False
    )
    assert (found.returncode, found.stderr) == (128 + signal.SIGTERM, b"")
    assert not list(tmp_path.iterdir())
