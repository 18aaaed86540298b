"""The process whose forks are programs of tests: it has imported all of seqloom.

``fork_server.py`` is its client. ``python forking.py SOCKET`` starts it; it ends with its input.
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
import sys
import tempfile
import threading
import traceback
import types
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import without_plots
from fork_server import receive
from read_once import read_once

LIBRARIES = (
    "hydra.main",
    "hydra._internal.hydra",
    "safetensors.torch",
)
"""Libraries that seqloom imports only when they are needed."""

OPTIONAL = ("joblib.externals.loky", "matplotlib.backends.backend_svg", "optuna")
"""Libraries that may not be installed."""

MOST_FILES = 32
"""Maximum number of open files that a program is given."""


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
    """Fill the tables that a first use fills: of Hydra's parser, configs and matplotlib's fonts."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    import seqloom_conf

    read_once()
    for path in Path(seqloom_conf.__file__).parent.rglob("*.yaml"):
        with path.open(encoding="utf-8") as file:
            OmegaConf.load(file)
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
    request = json.loads(receive(connection, struct.unpack("i", head)[0]))
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
