"""What is installed, what it brings, and that the README tells the truth of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from seqloom.plugins import registry

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = Path(sys.executable).with_name("seqloom")


def test_what_it_brings() -> None:
    assert {"protein_table", "flip_residues"} <= set(registry().names("data"))
    assert "secondary_structure" in registry().names("head")


@pytest.mark.parametrize("module", ["torch", "numpy", "pytorch_lightning"])
def test_the_entry_module_is_light(module: str) -> None:
    source = f"import sys, seqloom_protein; sys.exit('{module}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == 0


@pytest.mark.parametrize("block", BLOCK.findall(README.read_text(encoding="utf-8")))
def test_code_of_the_readme(block: str) -> None:
    exec(block, {"__name__": "readme"})


def commands() -> list[str]:
    """Return the trainings of the README, each in one line."""
    text = README.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^seqloom train (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_readme_compose(command: str) -> None:
    words = [word for word in command.split() if word != "-m"]
    points = [re.sub(r",.*", "", word) for word in words]  # the first of what a sweep tries
    done = subprocess.run(
        [PROGRAM, "train", "--cfg", "job", *points], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "name: secondary_structure" in done.stdout
