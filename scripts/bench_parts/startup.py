"""P12: how long the program takes to answer, as a whole process, against ``import torch``.

Ten plugins are installed: the bundled ones, and as many others as are lacking.

``python scripts/bench_parts/startup.py`` prints the rows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from _timing import rounds, row

ROUNDS = 9
SEQLOOM = Path(sys.executable).with_name("seqloom")
TORCH = (sys.executable, "-c", "import torch")


@dataclass(frozen=True)
class Case:
    """A command with what must come of it, so that a fast failure is not taken for speed."""

    id: str
    arguments: tuple[str, ...]
    target: float
    says: str
    fails: bool = False
    line: str = ""

    @property
    def what(self) -> str:
        """What is measured, in words."""
        shown = f"TAB after '{self.line}'" if self.line else f"seqloom {' '.join(self.arguments)}"
        return f"{shown}, against import torch"


PLUGINS = 10
BUNDLED = len(entry_points(group="seqloom.plugins"))
PLUGIN = """
from dataclasses import dataclass
from enum import StrEnum

from seqloom.plugins import Component, hookimpl


class Bound(StrEnum):
    tanh = "tanh"
    none = "none"


@dataclass
class Params:
    hidden_size: int = 64
    width: int = 3
    bound: Bound = Bound.tanh


@hookimpl
def seqloom_components():
    return [
        Component("encoder", f"{__name__}_encoder", Params, f"{__name__}.encoder:Encoder"),
        Component("head", f"{__name__}_head", Params, f"{__name__}.head:Head"),
    ]


@hookimpl
def seqloom_config_packages():
    return [f"{__name__}.conf"]
"""
PRESET = "defaults: [/schema/encoder/{0}_encoder@_here_, _self_]\nwidth: 7\n"

CASES = (
    Case("P12-help", ("--help",), 0.15, "train"),
    Case("P12-plugins", ("plugins",), 0.15, "recurrent"),
    Case("P12-error", ("train", "encoder=bilstn"), 0.30, "bilstm", fails=True),
    Case(
        "P12-tab-key", ("-sc", "query=bash"), 0.30, "encoder.merge=", line="seqloom train encoder."
    ),
    Case("P12-tab", ("-sc", "query=bash"), 0.30, "encoder=lstm", line="seqloom train encoder="),
)


def install(site: Path) -> None:
    """Put plugins into a folder as pip would: a package, a preset, an entry point each."""
    for number in range(BUNDLED, PLUGINS):
        name = f"bench_plugin_{number}"
        preset = site / name / "conf" / "encoder" / f"{name}_wide.yaml"
        preset.parent.mkdir(parents=True)
        preset.write_text(PRESET.format(name))
        (site / name / "conf" / "__init__.py").touch()
        (site / name / "__init__.py").write_text(PLUGIN)
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[seqloom.plugins]\n{name} = {name}\n")


def _environment(case: Case) -> dict[str, str]:
    if not case.line:
        return dict(os.environ)
    return os.environ | {"COMP_LINE": case.line, "COMP_POINT": str(len(case.line))}


def _run(case: Case, python: Sequence[str] = ()) -> str:
    """Run the case's command and return what it wrote.

    Raises:
        RuntimeError: it did not do what it is measured for.
    """
    command = [*python, str(SEQLOOM), *case.arguments]
    done = subprocess.run(
        command, env=_environment(case), capture_output=True, text=True, check=False
    )
    text = done.stdout + done.stderr
    if (done.returncode != 0) != case.fails or case.says not in text:
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}:\n{text[-2000:]}")
    return text


def imports_torch(case: Case) -> bool:
    """Return whether the command imports torch, by Python's own record of its imports."""
    lines = _run(case, (sys.executable, "-X", "importtime")).splitlines()
    names = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    if "seqloom" not in names:
        raise RuntimeError(f"{case.id}: there is no record of imports")
    return "torch" in names


def _seconds() -> dict[str, list[float]]:
    """Return the seconds of each case and of ``import torch`` by round, all run in turn."""
    times: dict[str, list[float]] = {}
    for turn in range(rounds(ROUNDS) + 1):
        for case in (None, *CASES):
            started = time.perf_counter()
            if case is None:
                subprocess.run(TORCH, check=True)
            else:
                _run(case)
            if turn:  # the first fills the page cache
                name = case.id if case else "torch"
                times.setdefault(name, []).append(time.perf_counter() - started)
    return times


def measure() -> list[dict[str, Any]]:
    """Return a row for each command, and one for how many of them import torch.

    Raises:
        RuntimeError: there are not as many plugins as are to be.
    """
    before = os.environ.get("PYTHONPATH")
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        os.environ["PYTHONPATH"] = folder
        try:
            return _rows()
        finally:
            os.environ.pop("PYTHONPATH")
            if before is not None:
                os.environ["PYTHONPATH"] = before


def _rows() -> list[dict[str, Any]]:
    listed = subprocess.run([SEQLOOM, "plugins"], capture_output=True, text=True, check=True).stdout
    if listed.count(": ok, ") != PLUGINS:
        raise RuntimeError(f"there should be {PLUGINS} plugins:\n{listed}")
    seconds = _seconds()
    rows = [
        row(case.id, case.what, seconds[case.id], seconds["torch"], case.target) for case in CASES
    ]
    heavy = sum(imports_torch(case) for case in CASES)
    rows.append(
        {
            "id": "P12-torch",
            "what": "number of these commands that import torch",
            "ratio": heavy,
            "target": 0.0,
        }
    )
    return rows


if __name__ == "__main__":
    for one in measure():
        print(one)
