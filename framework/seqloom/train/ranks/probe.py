"""One task of ``seqloom cluster test``: try what a run on several nodes needs, and report it.

``python -P -m seqloom.train.ranks.probe FOLDER TOKEN`` prints a line of JSON. Each part is tried by
itself, so that one report tells all that is wrong.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
import time
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from seqloom.errors import SeqloomError
from seqloom.train.ranks.group import Group, current_group

PREFIX = "seqloom-probe "
"""Start of the line that a task prints."""

PACKAGES = ("seqloom", "torch", "pytorch-lightning", "hydra-core", "numpy")

SECONDS = 20.0
"""Seconds within which the first task must be reached."""


def main() -> None:
    """Print the report of this task."""
    report: dict[str, Any] = {
        "host": platform.node(),
        "node": os.environ.get("SLURMD_NODENAME") or platform.node(),
        "time": time.time(),
        "versions": _versions(),
        "gpus": _gpus(),
    }
    _say({**report, "started": True})
    folder, token = Path(sys.argv[1]), sys.argv[2]
    try:
        own = current_group()
    except SeqloomError as error:
        _say({**report, "problem": str(error)})
        return
    report["rank"] = own.rank if own else 0
    report["folder"] = _shared(folder, token, report["rank"])
    if own is not None:
        report["address"] = f"{own.address}:{own.port}"
        report["reached"] = _reach(own)
        if not report["reached"]:
            report["reduced"] = _reduce(own)
    _say(report)
    sys.stdout.flush()
    os._exit(0)  # in Python's own exit, a group that failed would be waited for


def _say(report: dict[str, Any]) -> None:
    print(PREFIX + json.dumps(report), flush=True)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _gpus() -> int:
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return len([one for one in named.split(",") if one.strip() not in ("", "-1", "NoDevFiles")])
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def _shared(folder: Path, token: str, rank: int) -> str:
    """Return why the folder is not shared; empty if it is."""
    try:
        if (folder / "token").read_text(encoding="ascii") != token:
            return "holds other files there"
        (folder / f"task{rank}").write_text(token, encoding="ascii")
    except OSError as error:
        return str(error.strerror or error)
    return ""


def _reach(own: Group) -> str:
    """Return why the first task cannot be reached at its address; empty if it can."""
    try:
        socket.getaddrinfo(own.address, own.port)
    except OSError as error:
        return f"address: {error.strerror or error}"
    try:
        return _listen(own) if own.rank == 0 else _connect(own)
    except OSError as error:
        return f"port: {error.strerror or error}"


def _listen(own: Group) -> str:
    """Accept the others; they hang up when all are there."""
    accepted: list[socket.socket] = []
    end = time.monotonic() + SECONDS
    with socket.create_server(("", own.port), backlog=own.size) as server:
        while len(accepted) < own.size - 1 and time.monotonic() < end:
            server.settimeout(max(0.1, end - time.monotonic()))
            with suppress(TimeoutError):
                accepted.append(server.accept()[0])
    for one in accepted:
        with one, suppress(OSError):
            one.sendall(b"seqloom")
    missing = own.size - 1 - len(accepted)
    return f"port: {missing} of {own.size - 1} tasks did not connect" if missing else ""


def _connect(own: Group) -> str:
    end = time.monotonic() + SECONDS
    while True:
        try:
            with socket.create_connection((own.address, own.port), timeout=5) as one:
                one.settimeout(SECONDS)
                return "" if one.recv(7) == b"seqloom" else "port: another program listens there"
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _reduce(own: Group) -> str:
    """Return why the tasks cannot compute together; empty if they can."""
    try:
        import torch
        from torch import distributed

        os.environ.update(own.environment)
        distributed.init_process_group("gloo", timeout=timedelta(seconds=60))
        total = torch.tensor([float(own.rank)])
        distributed.all_reduce(total)
        expected = own.size * (own.size - 1) / 2
        return "" if float(total) == expected else f"a sum is {float(total)}, not {expected}"
    except Exception as error:  # whatever keeps them apart is the result
        return (str(error).strip().splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    main()
