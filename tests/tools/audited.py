"""Run commands of seqloom in one process, and report what they opened, contacted and executed.

``python audited.py REQUEST``: the request is a JSON file with ``commands``, lists of words, and
``allowed``, paths that may be opened, by the number of the command. The answer is JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

EXECUTED = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn")
CONTACTED = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/lib64", "/bin", "/var/lib")
PROGRAMS = ("('uname', ['uname', '-p']", "('fc-list', ['fc-list', ")

events: list[tuple[str, str]] = []


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note an event."""
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        events.append((event, os.path.abspath(os.fsdecode(arguments[0]))))  # noqa: PTH100
    elif event in EXECUTED or event in CONTACTED:
        events.append((event, repr(arguments)[:500]))
    elif event == "import" and arguments[1]:
        events.append((event, str(arguments[1])))


def is_below(path: str, roots: list[str]) -> bool:
    """Return whether a path is one of some, or below it; links are followed."""
    real = os.path.realpath(path)
    return any(real == root or real.startswith(root + os.sep) for root in roots)


def is_known(event: str, what: str) -> bool:
    """Return whether a library asks a program of the system, from anywhere, about the machine."""
    return event == "subprocess.Popen" and what.startswith(PROGRAMS)


def main() -> None:
    """Run the commands and print what each did that it must not do."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    python = [
        str(Path(__file__).parent),
        sys.prefix,
        sys.base_prefix,
        *SYSTEM,
        *(one for one in sys.path if one),
    ]
    own = [os.path.realpath(one) for one in (*python, *request["own"])]
    sys.addaudithook(hook)
    from seqloom.cli.main import run
    from seqloom.safe_path import protect_children

    protect_children()

    answers, seconds = [], []
    for words, allowed in zip(request["commands"], request["allowed"], strict=True):
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
        may = [*own, *map(os.path.realpath, allowed)]
        found = [
            f"{event} {what}"
            for event, what in dict.fromkeys(events)
            if not (is_below(what, may) if event in {"open", "import"} else is_known(event, what))
        ]
        seconds.append(round(time.process_time() - start, 1))
        answers.append({"status": status, "output": output.getvalue(), "found": found})
    print(seconds, file=sys.stderr)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
