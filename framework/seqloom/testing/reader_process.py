"""Reading with a reader in another process, whose hashes differ from those here."""

from __future__ import annotations

import atexit
import os
import pickle
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from seqloom.interfaces import SPLITS, Example, Reader
from seqloom.testing.compare import ConformanceError, NotApplicable, pickled

LIMIT = 120
"""Seconds that another process may take to read a sample."""

SEED = "12"
"""Seed of the hashes there, on which the order of a set depends."""

# A server that has imported torch, which takes seconds, but neither the checks nor any reader, and
# that forks for each reader. It reads the path of a request from a line, and answers with the exit
# status in a line.
SERVER = """
import os, pickle, sys
import seqloom.interfaces


def read(request):
    with open(request, "rb") as stream:
        folder, splits, place, sys.path[:], environment, sent = pickle.load(stream)
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environment)
    reader = pickle.loads(sent)
    found = {split: list(reader.examples(split)) for split in splits}
    for error in [one for own in found.values() for one in own if isinstance(one, Exception)]:
        raise error
    with open(os.path.join(folder, "found"), "wb") as stream:
        pickle.dump(found, stream)


for line in sys.stdin:
    request = line.rstrip("\\n")
    child = os.fork()
    if not child:
        status = 1
        try:
            error = os.open(request + ".error", os.O_CREAT | os.O_WRONLY)
            os.dup2(error, 2)
            read(request)
            status = 0
        except BaseException as error:
            text = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
            os.write(2, text.removeprefix("builtins.").encode())
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""

_running: list[subprocess.Popen[str]] = []


def read_in_process(reader: Reader) -> dict[str, list[Example]]:
    """Return the examples of each split as another process reads them.

    Args:
        reader: Reader to send there.

    Raises:
        ConformanceError: The reader cannot be pickled, or does not read there in time.
        NotApplicable: Its class cannot be imported there.
    """
    if type(reader).__module__ == "__main__":
        raise NotApplicable("its class is in the script that runs; put it into a module")
    sent = pickled(reader)
    with tempfile.TemporaryDirectory() as folder:
        request = Path(folder) / "request"
        content = (folder, SPLITS, str(Path.cwd()), sys.path, dict(os.environ), sent)
        request.write_bytes(pickle.dumps(content))
        if _ask(request) != "0":
            error = Path(f"{request}.error")
            text = error.read_text(errors="replace").strip() if error.exists() else ""
            last = text.splitlines()[-1] if text else "it died without a message"
            raise ConformanceError(f"another process cannot read it: {last}")
        found: dict[str, list[Example]] = pickle.loads((Path(folder) / "found").read_bytes())
    return found


def _ask(request: Path) -> str:
    """Return the exit status of reading, from the server.

    Raises:
        ConformanceError: It does not answer in time.
    """
    server: Any = _server()
    server.stdin.write(f"{request}\n")
    server.stdin.flush()
    ready, _, _ = select.select([server.stdout], [], [], LIMIT)
    if not ready:
        _stop()
        raise ConformanceError(f"another process did not read it within {LIMIT} s")
    answer: str = server.stdout.readline()
    return answer.strip()


def _server() -> subprocess.Popen[str]:
    if _running and _running[0].poll() is None:
        return _running[0]
    _stop()
    server = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", SERVER],
        env={**os.environ, "PYTHONHASHSEED": SEED},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that a reader that hangs ends with it
    )
    _running.append(server)
    return server


@atexit.register
def _stop() -> None:
    while _running:
        server = _running.pop()
        with server:  # closes the pipes, at which the server ends
            if server.poll() is None:
                os.killpg(server.pid, 9)
