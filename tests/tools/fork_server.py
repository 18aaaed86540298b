"""Start Python programs as forks of a process that has already imported what they need.

A cold start of seqloom imports torch and Lightning, which takes seconds; a fork takes
milliseconds. ``python fork_server.py SOCKET`` is the server; imported, this module is its client.

A forked program has the arguments, environment, folder, streams, exit status and traceback that
``python -c SOURCE ARGUMENTS`` would have. What differs: modules are imported already, so a test of
what is imported, or of the interpreter's own start, needs a cold start.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import without_plots

HERE = Path(__file__).parent
LIBRARIES = (
    "hydra.main",
    "hydra._internal.hydra",
    "safetensors.torch",
)
"""Libraries that seqloom imports only when they are needed."""

MAIN = "from seqloom.cli.main import main; main()"
MODULES = (
    "seqloom.train.rank",
    "submitit.core._submit",
    "joblib.externals.loky.backend.popen_loky_posix",  # the workers of joblib
)
"""Modules that programs run by ``python -m``, and that start as forks as well."""

MOST_FILES = 32
"""Maximum number of open files that a program is given."""

SOCKET, LOG = "fork", "fork.log"
"""Names of a server's socket and log in its folder."""

RELAYED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
OPTIONAL = ("joblib.externals.loky", "matplotlib.backends.backend_svg", "optuna")

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
                [sys.executable, __file__, str(path)],
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
            if "Error" in log:
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
    return connection, struct.unpack("i", _receive(connection, 4))[0]


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
    status = struct.unpack("i", _receive(connection, 4))[0]
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


def _receive(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            raise ConnectionError("the fork server has ended; see its fork.log")
        found += more
    return found


def _preload() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in OPTIONAL:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    own = {
        one.module for one in entry_points(group="seqloom.plugins") if one.dist.name == "seqloom"
    }
    for name in ("seqloom", "hydra_plugins", *sorted(own)):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}.", onerror=lambda _: None):
            if ".templates." not in module.name:
                with contextlib.suppress(ImportError):  # needs a library that is not installed
                    importlib.import_module(module.name)
    _warm_up()


def _warm_up() -> None:
    """Fill the tables that a first use fills: of Hydra's parser, and of matplotlib's fonts."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    OverridesParser.create().parse_overrides(["a.b=1", "+a={b: [1, x], c: 'd'}", "~e", "f=1,2"])
    if "matplotlib" in sys.modules:
        from matplotlib.figure import Figure

        Figure().text(0, 0, "a").figure.savefig(io.BytesIO(), format="svg")


def _serve(path: str) -> dict[str, Any] | None:
    """Start programs until standard input ends; in each of them, return what it is to be."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{path}.new")
    listener.listen()
    ended, wake = socket.socketpair()
    for one in (ended, wake):
        one.setblocking(False)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which ends this process
    selector = selectors.DefaultSelector()
    for one in (sys.stdin, listener, ended):
        selector.register(one, selectors.EVENT_READ)
    running: dict[int, socket.socket] = {}
    Path(f"{path}.new").rename(path)  # now it can be reached
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                return None
            if key.fileobj is listener:
                connection, request = _accept(listener)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    for one in (selector, listener, ended, wake, connection, *running.values()):
                        one.close()
                    return request
                for number in request["given"]:
                    os.close(number)
                running[pid] = connection
                if request.get("relayed"):
                    selector.register(connection, selectors.EVENT_READ, pid)
                with contextlib.suppress(OSError):
                    connection.sendall(struct.pack("i", pid))
            elif key.data:
                selector.unregister(key.fileobj)
                _kill(key.data, running)  # whoever relays for it has ended
            else:
                with contextlib.suppress(BlockingIOError):
                    ended.recv(4096)
                _reap(running, selector)


def _accept(listener: socket.socket) -> tuple[socket.socket, dict[str, Any]]:
    """Return the next connection, and what is asked for with the open files that came along."""
    connection = listener.accept()[0]
    head, files, _, _ = socket.recv_fds(connection, 4, MOST_FILES)
    request = json.loads(_receive(connection, struct.unpack("i", head)[0]))
    return connection, {**request, "given": files}


def _kill(pid: int, running: dict[int, socket.socket]) -> None:
    """Kill a program, unless it has ended."""
    if pid in running:
        os.kill(pid, signal.SIGKILL)


def _reap(running: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Tell those who wait what became of the programs that have ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        with running.pop(pid) as connection, contextlib.suppress(OSError):
            if connection in selector.get_map():
                selector.unregister(connection)
            connection.sendall(struct.pack("i", status))


def _become(request: dict[str, Any], path: str) -> None:
    """Make this fork the process that ``python -c`` would have been, and run its source."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["session"]:
        os.setsid()
    _number(request["given"], [0, 1, 2, *request.get("files", [])])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # TMPDIR may be another
    sys.argv[:] = request["arguments"]
    sys.executable = str(Path(path).with_name("python"))
    sites = request["environment"].get("PYTHONPATH", "")
    sys.path[:1] = [*request.get("home", [""]), *filter(None, sites.split(os.pathsep))]
    importlib.invalidate_caches()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # else each fork would draw the same
    if without_plots.VARIABLE in os.environ:
        without_plots.replace_plots()
    os.fsync = lambda file: None  # no test has its machine lose power
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    _exit(_run(request["source"], main.__dict__))


def _number(files: list[int], numbers: list[int]) -> None:
    """Give open files the numbers that they had where they come from."""
    above = max([*files, *numbers]) + 1
    moved = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, above) for one in files]
    for one in files:
        os.close(one)
    for one, number in zip(moved, numbers, strict=True):
        os.dup2(one, number)
        os.close(one)


def _run(source: str, names: dict[str, Any]) -> int:
    """Run a program and return its exit status, as the interpreter would."""
    try:
        exec(compile(source, "<string>", "exec"), names)
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        below = error.__traceback__.tb_next if error.__traceback__ else None  # without this frame
        traceback.print_exception(type(error), error, below)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _exit(status: int) -> None:
    """End as the interpreter does, but leave it to the system to free hundreds of modules."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = 120
    if status == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    _preload()
    gc.collect()
    gc.freeze()  # a fork's collector need not touch, and so copy, what was there before it
    if (found := _serve(sys.argv[1])) is not None:
        _become(found, sys.argv[1])
