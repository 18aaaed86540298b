"""The commands of the README and the docs do what they say, run as they stand, in their order."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
NOT_RUN = {"docs/results.md": "its commands are what scripts/reproduce runs"}
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, tmp_path: Path) -> None:
    if page in NOT_RUN:
        pytest.skip(NOT_RUN[page])
    text = (ROOT / page).read_text(encoding="utf-8")
    own_files(tmp_path)
    for language, block in BLOCK.findall(text):
        shell = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
        done = subprocess.run(
            [*shell, block],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "OMP_NUM_THREADS": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def own_files(folder: Path) -> None:
    """Make the files that the pages suppose a reader has."""
    rng = random.Random(0)
    good, bad = ("fine", "great", "lovely"), ("poor", "awful", "broken")
    reviews, names = ["review,verdict"], []
    for _ in range(80):
        words = good if rng.random() < 0.5 else bad
        thing = rng.choice(["lamp", "chair", "kettle", "phone"])
        verdict = "yes" if words is good else "no"
        reviews.append(
            f'"A {rng.choice(words)}, {rng.choice(words)} {thing} no {rng.random()}",{verdict}'
        )
        person = rng.choice(["Ada", "Grace", "Alan"])
        names.append(f"{person} B-PER\nbought O\na O\n{thing} O\n{rng.randint(1, 10**6)} O\n\n")
    (folder / "reviews.csv").write_text("\n".join(reviews) + "\n", encoding="utf-8")
    (folder / "names.conll").write_text("".join(names), encoding="utf-8")
    (folder / "more.conll").write_text("".join(names[:9]), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}, which is not there"
