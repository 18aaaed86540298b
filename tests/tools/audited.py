"""Run commands of seqloom in one process, and report what they opened, contacted and executed.

So do the Python processes that they start: these find ``audited_child/sitecustomize.py`` in their
path, and write what they do to a file, as forks of this process do.

``python audited.py REQUEST``: the request is a JSON file with ``commands``, lists of words, and
``allowed``, paths that may be opened, by the number of the command. The answer is JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

EXECUTED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
CONTACTED = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/lib64", "/bin", "/var/lib")
PROGRAMS = ("('uname', ['uname', '-p']", "('fc-list', ['fc-list', ")
PYTHON = f"({sys.executable!r}, [{sys.executable!r}, '-P', "
"""How a process of Python starts another one that takes nothing from the current folder."""

LOCAL = re.compile(r"'(127\.0\.0\.1|localhost|::1)'|family=1, ")  # 1: a socket of this machine
LOG_VARIABLE = "AUDITED_LOG"

events: list[tuple[str, str]] = []
log = -1
"""File of the events of other processes."""

first = 0
"""Number of the process that runs the commands; 0 in those that it starts."""


def begin() -> None:
    """Note the events of this process from now on."""
    global log  # noqa: PLW0603
    log = os.open(os.environ[LOG_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    sys.addaudithook(hook)


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note an event."""
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        note(event, os.path.abspath(os.fsdecode(arguments[0])))  # noqa: PTH100
    elif event in EXECUTED or event in CONTACTED:
        note(event, repr(arguments)[:500])
    elif event == "import" and arguments[1]:
        note(event, str(arguments[1]))


def note(event: str, what: str) -> None:
    """Keep an event, or write it down for the process that runs the commands."""
    if os.getpid() == first:
        events.append((event, what))
    else:
        os.write(log, (json.dumps([event, what]) + "\n").encode())


def of_children() -> list[tuple[str, str]]:
    """Return the events of other processes, and forget them."""
    path = Path(os.environ[LOG_VARIABLE])
    lines = path.read_text(encoding="utf-8").splitlines()
    os.truncate(path, 0)
    return [(event, what) for event, what in map(json.loads, lines)]


def is_below(path: str, roots: list[str]) -> bool:
    """Return whether a path is one of some, or below it; links are followed."""
    real = os.path.realpath(path)
    return any(real == root or real.startswith(root + os.sep) for root in roots)


def is_known(event: str, what: str, starts: Sequence[str]) -> bool:
    """Return whether a library asks a program of the system, from anywhere, about the machine.

    A command that starts others may start those, and its processes may talk to one another.
    """
    if event == "subprocess.Popen":
        return what.startswith((*PROGRAMS, *([PYTHON] if starts else []), *starts))
    return bool(starts) and event in CONTACTED and LOCAL.search(what) is not None


def main() -> None:
    """Run the commands and print what each did that it must not do."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    here = Path(__file__).parent
    python = [str(here), sys.prefix, sys.base_prefix, *SYSTEM, *filter(None, sys.path)]
    own = [os.path.realpath(one) for one in (*python, *request["own"])]
    global first  # noqa: PLW0603
    first = os.getpid()
    os.environ[LOG_VARIABLE] = request["log"]
    begin()
    places = [str(here / "audited_child"), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, places))
    from seqloom.cli.main import run
    from seqloom.safe_path import protect_children

    protect_children()

    answers, seconds = [], []
    names = ("commands", "allowed", "starts")
    for words, allowed, starts in zip(*map(request.get, names), strict=True):
        events.clear()
        of_children()
        events.clear()
        start = time.process_time()
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                status: object = run(words)
            except SystemExit as end:
                status = end.code
            except Exception as error:
                ours = type(error).__module__ == "seqloom.errors"
                status = f"{type(error).__name__}: {error}" if ours else traceback.format_exc()
        done = [*events, *of_children()]
        may = [*own, *map(os.path.realpath, allowed)]
        found = [
            f"{event} {what}"
            for event, what in dict.fromkeys(done)
            if not (
                is_below(what, may)
                if event in {"open", "import"}
                else is_known(event, what, starts or [])
            )
        ]
        seconds.append(round(time.process_time() - start, 1))
        answers.append({"status": status, "output": output.getvalue(), "found": found})
    print(seconds, file=sys.stderr)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
