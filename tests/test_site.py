"""The site of the docs builds without a warning, and leaves nothing public out."""

from __future__ import annotations

import inspect
import re
import runpy
import subprocess
import sys
import zlib
from importlib import import_module
from pathlib import Path

import pytest

from seqloom.plugins import component as hooks
from seqloom.public import PUBLIC
from seqloom.testing import ENCODER_CHECKS, FRONTEND_CHECKS, HEAD_CHECKS, READER_CHECKS
from seqloom.testing.checks import name_of, promise_of

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WITHOUT_ENTRY = {"seqloom.__version__", "seqloom.SeqloomError"}  # told of under another name
INTERFACES = ("Reader", "Writer", "Codec", "FrontendCodec", "HeadCodec", "Frontend", "Encoder")
HEADS = ("Head", "HeadMetric")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built as scripts/docs does, but without pages of sources."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-b"]
    extensions = runpy.run_path(str(DOCS / "conf.py"))["extensions"]
    quick = ",".join(name for name in extensions if name != "sphinx.ext.viewcode")
    options = ["-D", f"extensions={quick}", "-d", folder / "doctrees"]
    done = subprocess.run(
        [*command, "html", *options, DOCS, folder / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def entries(site: Path) -> set[str]:
    """Return the Python names that the reference has an entry for."""
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    lines = zlib.decompress(packed).decode().splitlines()
    return {line.split(" ")[0] for line in lines if " py:" in line}


def test_every_public_name_has_an_entry(entries: set[str]) -> None:
    names = {f"{module}.{name}" for module, names in PUBLIC.items() for name in names}
    assert sorted(names - entries - WITHOUT_ENTRY) == []


def test_every_method_of_the_interfaces_has_an_entry(entries: set[str]) -> None:
    module = import_module("seqloom.interfaces")
    methods = {
        f"seqloom.interfaces.{name}.{method}"
        for name in (*INTERFACES, *HEADS)
        for method, value in vars(getattr(module, name)).items()
        if inspect.isroutine(inspect.unwrap(getattr(value, "__func__", value)))
        and not method.startswith("_")
    }
    assert len(methods) > 30
    assert sorted(methods - entries) == []


def test_every_hook_has_an_entry_with_its_arguments(site: Path) -> None:
    page = (site / "reference" / "hooks.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    names = [name for name in vars(hooks) if name.startswith("seqloom_")]
    assert len(names) == 4
    for name in names:
        arguments = ", ".join(inspect.signature(getattr(hooks, name)).parameters)
        assert f"{name}({arguments})" in text


def test_every_check_is_told_of() -> None:
    page = (DOCS / "conformance.md").read_text(encoding="utf-8")
    for check in (*ENCODER_CHECKS, *FRONTEND_CHECKS, *HEAD_CHECKS, *READER_CHECKS):
        assert f"| `{name_of(check)}` | {promise_of(check)} |\n" in page


def test_every_page_is_reached(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert name == "index.html" or f'href="{name}"' in index, name
