"""What the commands of the page "Getting started" print, run in their order in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "start" / "getting-started.md"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HOME = "/home/ada"
"""What is shown in place of the folder in which the blocks ran."""

LONGEST = 16
"""Number of lines of an output that are shown."""


def output_of(language: str, block: str, folder: Path) -> str:
    """Run a block and return what a terminal would show of it."""
    programs = Path(sys.executable).parent
    command = (
        ["bash", "-euo", "pipefail", "-c", block]
        if language == "bash"
        else [sys.executable, "-c", block]
    )
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **os.environ,
            "COLUMNS": "100",
            "PATH": os.pathsep.join([str(programs), os.environ["PATH"]]),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{block}\n{done.stdout}")
    return shortened(done.stdout.replace(str(folder), HOME).rstrip())


def shortened(text: str) -> str:
    """Return a text without its middle lines if it is long."""
    lines = text.splitlines()
    if len(lines) <= LONGEST:
        return text
    return "\n".join([*lines[:5], "…", *lines[5 - LONGEST :]])


def measure() -> dict[str, Any]:
    """Return each block with what it prints."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        steps = [
            {"block": block.strip(), "output": output_of(language, block, folder)}
            for language, block in blocks
        ]
    return {"drawing": "transcript", "steps": steps}
