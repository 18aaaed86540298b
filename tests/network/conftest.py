"""Two hosts: network namespaces of this machine, joined by a cable that can be cut."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import without_plots

PATIENCE = 600
"""Seconds that a process may take on a machine with a busy neighbor."""

PROGRAM = (
    "from seqloom.train.ranks import group; group.PATIENCE = {patience}; "
    "from seqloom.cli.main import main; main()"
)


@dataclass
class Hosts:
    """Two namespaces, and the processes that were started in them.

    Attributes:
        names: Names of the namespaces.
        folder: Folder that both see.
        started: Processes, with the files of their output.
    """

    names: tuple[str, str]
    folder: Path
    started: list[tuple[subprocess.Popen[bytes], Path]] = field(default_factory=list)

    @staticmethod
    def address(host: int) -> str:
        """Return the address of a host."""
        return f"10.213.77.{host + 1}"

    def python(self, host: int, words: Sequence[str], variables: Mapping[str, str]) -> None:
        """Start Python on a host with some words."""
        path = self.folder / f"said-{len(self.started)}"
        command = ["ip", "netns", "exec", self.names[host], sys.executable, "-P", *words]
        known = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "GLOO_SOCKET_IFNAME": "cable",
            "TORCHELASTIC_ERROR_FILE": "",
            without_plots.VARIABLE: "1",
            **variables,
        }
        with path.open("wb") as said:
            process = subprocess.Popen(command, env=known, stdout=said, stderr=subprocess.STDOUT)
        self.started.append((process, path))

    def train_by_hand(self, *words: str, patience: float = PATIENCE) -> None:
        """Start one command on both hosts."""
        program = PROGRAM.format(patience=patience)
        for host in range(2):
            variables = {"NODE_RANK": str(host), "MASTER_ADDR": self.address(0)}
            self.python(host, ["-c", program, "train", "trainer.num_nodes=2", *words], variables)

    def train_by_torchrun(self, *words: str) -> None:
        """Start torchrun on both hosts."""
        for host in range(2):
            options = [
                "--nnodes=2",
                "--nproc-per-node=1",
                f"--node-rank={host}",
                f"--master-addr={self.address(0)}",
                "--master-port=29400",
            ]
            command = ["-m", "seqloom", "train", "trainer.num_nodes=2", *words]
            self.python(host, ["-m", "torch.distributed.run", *options, *command], {})

    def cut(self) -> None:
        """Cut the cable."""
        ip("-n", self.names[0], "link", "set", "cable", "down")

    def join(self) -> None:
        """Join the ends of the cable."""
        ip("-n", self.names[0], "link", "set", "cable", "up")

    def ended(self, seconds: float = PATIENCE) -> list[tuple[int, str]]:
        """Wait for the processes of the last start; return their status and output."""
        found = []
        for process, path in self.started[-2:]:
            status = process.wait(seconds)
            found.append((status, path.read_text("utf-8", "replace")))
        return found


def ip(*words: str) -> None:
    """Change the network by ``ip``."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    """Join two hosts; tests are skipped where that is not possible."""
    if shutil.which("ip") is None:
        pytest.skip("ip is not installed (package iproute2)")
    names = (f"seqloom-{os.getpid()}-a", f"seqloom-{os.getpid()}-b")
    made = Hosts(names, tmp_path)
    try:
        try:
            for name in names:
                ip("netns", "add", name)
            ends = ["link", "add", "cable", "netns", names[0], "type", "veth"]
            ip(*ends, "peer", "name", "cable", "netns", names[1])
            for host, name in enumerate(names):
                ip("-n", name, "addr", "add", f"{made.address(host)}/24", "dev", "cable")
                for device in ("lo", "cable"):
                    ip("-n", name, "link", "set", device, "up")
        except subprocess.CalledProcessError as error:
            why = error.stderr.decode(errors="replace").strip()
            pytest.skip(f"namespaces of the network need root: {why}")
        yield made
    finally:
        for process, _ in made.started:
            process.kill()
            process.wait()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
