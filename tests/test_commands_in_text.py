"""Trainings that pages name in a sentence, a table or a console can start; what is run can run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from seqloom.config.compatibility import check_compatible
from seqloom.config.compose import compose_run

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
INLINE = re.compile(r"(?<!`)`seqloom train ([^`]*)`(?!`)")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
BASH = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"(?<![\w$-])(FILE|FOLDER|MODEL|RUN|DATA|NAME|COLUMN)(?![\w-])")
TRAIN = re.compile(r"^(?:\$ )?seqloom train (.*)$", re.MULTILINE)
BEYOND = re.compile(r"…|--|(^| )-m( |$)|protein|bilstn")
"""Sweeps and options, the plugin that is not installed here, and a mistake that is shown."""


def trainings(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = INLINE.findall(text)
    for block in CONSOLE.findall(text):
        found += TRAIN.findall(block.replace("\\\n", " "))
    return [words for words in found if not BEYOND.search(words)]


@pytest.mark.parametrize(
    ("page", "words"), [(page.relative_to(ROOT), one) for page in PAGES for one in trainings(page)]
)
def test_a_training_composes_and_its_components_are_compatible(page: Path, words: str) -> None:
    check_compatible(compose_run(shlex.split(words, comments=True)).components)


def test_there_are_some() -> None:
    assert sum(len(trainings(page)) for page in PAGES) > 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_that_are_run_have_no_placeholders(page: Path) -> None:
    """Those with a placeholder belong into a ``console`` block; most pages run rarely."""
    for block in BASH.findall(page.read_text(encoding="utf-8")):
        assert not PLACEHOLDER.search(block), block
