"""The commands of the README and the docs run in their order, with a small `budget.min_steps`."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import without_plots
from fork_server import ForkServer
from PIL import Image

from seqloom_handwriting.readers.digit_lines import DigitLineReader

ROOT = Path(__file__).parent.parent
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
PAGES = ["README.md", *(page for page in DOCS if "{include}" not in (ROOT / page).read_text())]
APART = "docs/tutorial.md"
"""It installs and uninstalls, which it does in an environment of its own."""
FAST = ("README.md", APART)
"""Pages that are no slow tests."""
SHORT = (*FAST, "docs/tasks/")
"""Pages, and folders of them, whose trainings end after ``STEPS``."""
STEPS = 8
PYTHON_BLOCK = """
import sys
def shorten():
    from seqloom.config import compose as module
    inner = module.compose
    def compose(name, overrides):
        short = ["trainer.max_steps={steps}"] if name == "train" else []
        return inner(name, overrides=short + overrides)
    module.compose = compose
shorten()
sys.path[0] = ""
exec(compile(sys.argv[1], "<string>", "exec"))
"""
"""Program that runs its argument, a block of Python on a page, with short trainings."""
NOT_RUN = {"docs/results.md": "its commands are what scripts/reproduce runs"}
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def pages() -> list[Any]:
    """Return the pages as parameters: each on a core of its own, all but two of them slow."""
    found = []
    for page in PAGES:
        marks = [pytest.mark.xdist_group(page)]
        if page in NOT_RUN:
            marks.append(pytest.mark.skip(NOT_RUN[page]))
        elif page not in FAST:
            marks.append(pytest.mark.slow)
        found.append(pytest.param(page, marks=marks))
    return found


@pytest.mark.parametrize("page", pages())
def test_page(page: str, tmp_path: Path, fork_server: ForkServer) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    own_files(tmp_path)
    steps = STEPS if page.startswith(SHORT) else -1
    if page == APART:
        path = [own_environment(tmp_path / "venv", fork_server)]
    else:
        path = [tmp_path / ".bin", Path(sys.executable).parent]
        path[0].mkdir()
        fork_server.write_program(path[0] / "seqloom")
    shorten_trainings(path[0], steps)
    fork_server.write_program(path[0] / "python-block", PYTHON_BLOCK.format(steps=steps))
    here = tmp_path / ".here"
    here.write_text(str(tmp_path))
    for language, block in BLOCK.findall(text):
        if language == "bash":  # a reader's shell stays where the last block went
            command = ["bash", "-euo", "pipefail", "-c", f"trap 'pwd >{here}' EXIT\n{block}"]
        else:
            command = [str(path[0] / "python-block"), block]
        done = subprocess.run(
            command,
            cwd=here.read_text().strip(),
            env={
                **{name: os.environ[name] for name in os.environ.keys() - {without_plots.VARIABLE}},
                "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
                "OMP_NUM_THREADS": "1",
                "MYPY_CACHE_DIR": str(ROOT / ".mypy_cache"),  # torch is known there
                "PIP_NO_BUILD_ISOLATION": "false",  # which is how pip spells that there is none
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def shorten_trainings(folder: Path, steps: int) -> None:
    """Replace a program by that of a machine whose own defaults keep trainings short."""
    (folder / "local").mkdir()
    defaults = f"budget: {{min_steps: 0}}\ntrainer: {{max_steps: {steps}}}\n"
    text = f"# @package _global_\n{defaults}"
    (folder / "local" / "default.yaml").write_text(text, encoding="utf-8")
    (folder / "whole").mkdir()
    program = folder / "seqloom"
    program.rename(whole := folder / "whole" / "seqloom")
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = train ]; then shift; set -- train --config-dir {folder} "$@"; fi\n'
        f'exec {whole} "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)


def own_environment(folder: Path, fork_server: ForkServer) -> Path:
    """Make an environment that has all that this one has, and return the folder of its programs.

    Those that import torch are forks, which look for packages here and start children from here.
    """
    venv.create(folder, symlinks=True)
    programs, python = folder / "bin", folder / "bin" / "python"
    (found,) = folder.glob("lib/python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (found / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    for point in entry_points(group="console_scripts"):
        if point.name in {"seqloom", "pip", "pytest", "mypy"}:
            module, _, function = point.value.partition(":")
            run = f"from {module} import {function} as run; import sys; sys.exit(run())"
            if point.name in {"seqloom", "pytest"}:
                here = f"import site, sys; site.addsitedir({str(found)!r})"
                here = f"{here}; sys.executable = {str(python)!r}; {run}"
                fork_server.write_program(programs / point.name, here)
                continue
            (programs / point.name).write_text(f"#!/bin/sh\nexec {python} -c '{run}' \"$@\"\n")
            (programs / point.name).chmod(0o755)
    (programs / "ruff").symlink_to(Path(sys.executable).with_name("ruff"))
    return programs


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
    (folder / "conf" / "sweep").mkdir(parents=True)
    preset = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    (space,) = re.findall(r"^```yaml\n(.*?)^```", preset, re.MULTILINE | re.DOTALL)
    (folder / "conf" / "sweep" / "sizes.yaml").write_text(space, encoding="utf-8")
    lines = own_lines(folder / "lines")
    own_page(folder / "pages", lines[:3])
    own_recordings(folder / "words")


def own_recordings(folder: Path) -> None:
    """Write recordings of two words: tones of two heights."""
    for label, hertz in (("yes", 400), ("no", 1500)):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            time = np.arange(2000 + 100 * number) / 8000
            samples = 0.3 * np.sin(2 * np.pi * hertz * time)
            soundfile.write(folder / label / f"{number:02}.wav", samples, 8000)


def own_lines(folder: Path) -> list[tuple[np.ndarray, str]]:
    """Make line images with their texts beside them; return them."""
    folder.mkdir()
    examples = DigitLineReader(train=48, val=1, test=1).examples("train")
    lines = [(example.fields["image"], example.fields["text"]) for example in examples]
    for number, (image, text) in enumerate(lines):
        Image.fromarray(image).save(folder / f"{number:04}.png")
        (folder / f"{number:04}.gt.txt").write_text(text + "\n", encoding="utf-8")
    return lines


def own_page(folder: Path, lines: list[tuple[np.ndarray, str]]) -> None:
    """Make a page of these lines with its ALTO XML."""
    folder.mkdir()
    page = np.full((100 * len(lines) + 50, 400), 255, np.uint8)
    found = []
    for number, (image, text) in enumerate(lines):
        (height, width), top = image.shape, 100 * number + 25
        page[top : top + height, 20 : 20 + width] = image
        right, bottom = 20 + width, top + height
        found.append(
            f'<TextLine ID="l{number}" BASELINE="20 {bottom - 4} {right} {bottom - 4}" HPOS="20" '
            f'VPOS="{top}" WIDTH="{width}" HEIGHT="{height}"><Shape><Polygon POINTS="20 {top} '
            f'{right} {top} {right} {bottom} 20 {bottom}"/></Shape><String CONTENT="{text}" '
            f'HPOS="20" VPOS="{top}" WIDTH="{width}" HEIGHT="{height}"/></TextLine>'
        )
    Image.fromarray(page).save(folder / "one.png")
    (folder / "one.xml").write_text(
        '<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><MeasurementUnit>pixel'
        "</MeasurementUnit><sourceImageInformation><fileName>one.png</fileName>"
        '</sourceImageInformation></Description><Layout><Page ID="p" WIDTH="400" '
        f'HEIGHT="{len(page)}" PHYSICAL_IMG_NR="1"><PrintSpace HPOS="0" VPOS="0" WIDTH="400" '
        f'HEIGHT="{len(page)}"><TextBlock ID="b" HPOS="0" VPOS="0" WIDTH="400" '
        f'HEIGHT="{len(page)}">{"".join(found)}</TextBlock></PrintSpace></Page></Layout></alto>',
        encoding="utf-8",
    )


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), f"{page} links to {link}, which is not there"


def test_pages_do_not_share_run_folders() -> None:
    """Readers who follow two pages in one folder are not refused; `mine` stands for their own."""
    where: dict[str, set[str]] = {}
    for page in PAGES:
        for name in re.findall(r"run_dir=(runs/[\w-]+)", (ROOT / page).read_text("utf-8")):
            where.setdefault(name, set()).add(page)
    del where["runs/mine"]
    assert where.pop("runs/first") == {"README.md", "docs/index.md"}  # the same command
    assert {name: pages for name, pages in where.items() if len(pages) > 1} == {}
