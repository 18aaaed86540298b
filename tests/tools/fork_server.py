"""Start Python programs as forks of a process that has already imported what they need.

A cold start of seqloom imports torch and Lightning, which takes seconds; a fork takes
milliseconds. This module is the client; ``forking.py`` is the process of the server.

A forked program has the arguments, environment, folder, streams, exit status and traceback that
``python -c SOURCE ARGUMENTS`` would have. What differs: modules are imported already, so a test of
what is imported, or of the interpreter's own start, needs a cold start.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MAIN = "from seqloom.cli.main import main; main()"
MODULES = (
    "seqloom.train.ranks.rank",
    "submitit.core._submit",
    "joblib.externals.loky.backend.popen_loky_posix",  # the workers of joblib
)
"""Modules that programs run by ``python -m``, and that start as forks as well."""

SOCKET, LOG = "fork", "fork.log"
"""Names of a server's socket and log in its folder."""

RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

READ_AT_START = ("PYTHON", "LC_", "LANG", "OMP_", "MKL_", "OPENBLAS_", "TORCH_", "MPL")
"""Beginnings of variables that the interpreter or a library reads once, as it starts."""


@contextlib.contextmanager
def serving(environment: dict[str, str]) -> Iterator[Path]:
    """Run a server in the block; yields its folder, in which it is to be found once it is ready.

    Programs that it has started run on after the block.

    Args:
        environment: Variables of the server's own process.
    """
    with tempfile.TemporaryDirectory(prefix="fork") as name:  # a socket's path must be short
        folder = Path(name)
        path = folder / SOCKET
        _write_script(folder / "python", f"python_by_fork({str(path)!r})")
        _write_script(folder / "seqloom", f"main_by_fork({str(path)!r}, {MAIN!r})")
        with (folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(HERE / "forking.py"), str(path)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        assert process.stdin is not None
        try:
            yield folder
        finally:
            process.stdin.close()
            process.wait(timeout=30)


class ForkServer:
    """A running server, and the way to have it start programs.

    Args:
        folder: Folder of the server.
        environment: Variables that are those of the server's own process.

    Raises:
        RuntimeError: The server did not start.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.path = folder / SOCKET
        self.python = str(folder / "python")
        self.environment = environment
        while not self.path.exists():
            log = (folder / LOG).read_text(encoding="utf-8")
            if "Traceback" in log:
                raise RuntimeError(log)
            time.sleep(0.02)

    def can_start(self, environment: dict[str, str]) -> bool:
        """Return whether a program with these variables starts the same as a fork."""
        changed = dict(environment.items() ^ self.environment.items())
        changed.pop("PYTHONPATH", None)
        return not any(name.startswith(READ_AT_START) for name in changed)

    def write_program(self, path: Path, source: str = MAIN) -> None:
        """Write a program that runs a source by a fork, as a shell's command: ``seqloom``."""
        _write_script(path, f"main_by_fork({str(self.path)!r}, {source!r})")


def _write_script(path: Path, call: str) -> None:
    """Write a program that exits with what a function of this module returns."""
    function = call.partition("(")[0]
    path.write_text(
        f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {str(HERE)!r})\n"
        f"from fork_server import {function}\nsys.exit({call})\n",
        encoding="utf-8",
    )
    path.chmod(0o755)


class Forked(subprocess.Popen[str]):
    """A program that a server started, with the interface of any other process.

    Args:
        server: The server to fork.
        source: What ``python -c`` would run.
        arguments: Arguments of the program.
        options: Options of ``subprocess.Popen``: ``cwd``, ``env``, streams, ``text``,
            ``start_new_session``.
    """

    def __init__(self, server: ForkServer, source: str, *arguments: str, **options: Any) -> None:
        self._server, self._source = server, source
        self._own_session = options.get("start_new_session", False)
        super().__init__([sys.executable, "-c", source, *arguments], **options)

    # These three are all that Popen does to a process of the system.

    def _execute_child(self, args: list[str], *rest: Any) -> None:
        _, _, _, _, cwd, env, _, _, _, *pipes = rest[:15]
        request = {
            "source": self._source,
            "arguments": ["-c", *args[3:]],
            "environment": dict(os.environ if env is None else env),
            "folder": os.fspath(cwd or Path.cwd()),
            "session": self._own_session,
        }
        ends = (pipes[0], pipes[3], pipes[5])
        streams = [number if end == -1 else end for number, end in enumerate(ends)]
        self._connection, self.pid = ask(self._server.path, request, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)

    def _try_wait(self, flags: int) -> tuple[int, int]:
        self._connection.setblocking(not flags & os.WNOHANG)
        try:
            status = self._connection.recv(4)
        except BlockingIOError:
            return 0, 0
        self._connection.close()
        return self.pid, struct.unpack("i", status)[0] if status else signal.SIGKILL

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def ask(path: Path, request: dict[str, Any], files: list[int]) -> tuple[socket.socket, int]:
    """Have a server start a program; returns the connection that tells its end, and its number.

    Args:
        path: Path of the server's socket.
        request: What to start.
        files: The program's streams, then its other open files, see ``request["files"]``.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    words = json.dumps(request).encode()
    socket.send_fds(connection, [struct.pack("i", len(words))], files)
    connection.sendall(words)
    return connection, struct.unpack("i", receive(connection, 4))[0]


def relay(path: Path, request: dict[str, Any]) -> int:
    """Have a server run a program in place of this one, which only hands its signals on to it.

    Returns:
        The program's exit status.
    """
    files = _inherited_files()
    connection, pid = ask(path, {**request, "files": files}, [0, 1, 2, *files])
    for number in files:
        os.close(number)  # or whoever has the other end would not notice that the program ends
    for number in RELAYED:
        signal.signal(number, lambda number, _: os.kill(pid, number))
    status = struct.unpack("i", receive(connection, 4))[0]
    if os.WIFSIGNALED(status):
        with contextlib.suppress(OSError):  # SIGKILL has no handler
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def main_by_fork(path: str, source: str) -> int:
    """Be a program of a shell: a fork of the server at this path."""
    return _relay_source(path, source, sys.argv, [str(Path(sys.argv[0]).parent)])


def python_by_fork(path: str) -> int:
    """Be the interpreter that programs start: a fork if it runs ``MAIN`` or one of ``MODULES``."""
    words = [word for word in sys.argv[1:] if word not in {"-u", "-P"}]
    home = [] if {"-P"} & {*sys.argv} or "PYTHONSAFEPATH" in os.environ else [str(Path.cwd())]
    if words[:2] == ["-c", MAIN]:
        return _relay_source(path, MAIN, ["-c", *words[2:]], home)
    if words[:1] != ["-m"] or words[1] not in MODULES:
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    source = (
        f"import runpy, sys; sys.modules.pop({words[1]!r}, None)\n"
        f"runpy.run_module({words[1]!r}, run_name='__main__', alter_sys=True)"
    )
    return _relay_source(path, source, words[1:], home)


def _relay_source(path: str, source: str, arguments: list[str], home: list[str]) -> int:
    request = {
        "source": source,
        "arguments": arguments,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "session": False,
        "home": home,
        "relayed": True,
    }
    return relay(Path(path), request)


def _inherited_files() -> list[int]:
    """Return the numbers of the open files beside the three streams that this program was given."""
    numbers = sorted(int(path.name) for path in Path("/dev/fd").iterdir())
    return [number for number in numbers if number > 2 and _is_inheritable(number)]


def _is_inheritable(number: int) -> bool:
    """Return whether a file is open in the programs that this one starts: not one of its own."""
    try:
        return os.get_inheritable(number)
    except OSError:  # the list of files itself, which is closed
        return False


def receive(connection: socket.socket, size: int) -> bytes:
    """Return that many bytes from the other end of a connection."""
    found = b""
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            raise ConnectionError("the fork server has ended; see its fork.log")
        found += more
    return found
