"""The site of the docs builds without a warning, and leaves nothing public out."""

from __future__ import annotations

import inspect
import json
import re
import runpy
import zlib
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from jinja2 import Template
from site_links import dead_links

from seqloom.plugins import component as hooks
from seqloom.public import PUBLIC
from seqloom.testing import ENCODER_CHECKS, FRONTEND_CHECKS, HEAD_CHECKS, READER_CHECKS
from seqloom.testing.checks import name_of, promise_of

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WITHOUT_ENTRY = {"seqloom.__version__", "seqloom.SeqloomError"}  # told of under another name
INTERFACES = ("Reader", "Writer", "Codec", "FrontendCodec", "HeadCodec", "Frontend", "Encoder")
HEADS = ("Head", "HeadMetric")

SEARCHED = (
    *("install", "class weights", "gpu", "confidence", "gate", "early stopping", "multi-label"),
    *("resume", "slurm", "hidden_size", "merge", "spacy", "csv", "conll"),
)

pytestmark = pytest.mark.xdist_group("site")


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


def test_no_signature_says_nothing(site: Path) -> None:
    for page in sorted((site / "reference").glob("*.html")):
        text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
        assert re.search(r"\(\*args(: Any)?, \*\*kwargs(: Any)?\)", text) is None, page.name


def test_every_check_is_told_of() -> None:
    page = (DOCS / "conformance.md").read_text(encoding="utf-8")
    for check in (*ENCODER_CHECKS, *FRONTEND_CHECKS, *HEAD_CHECKS, *READER_CHECKS):
        assert f"| `{name_of(check)}` | {promise_of(check)} |\n" in page


def test_every_page_is_reached(site: Path) -> None:
    index = (site / "index.html").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix(".html").as_posix()
        assert name == "index.html" or f'href="{name}"' in index, name


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    assert list(dead_links(site)) == []


def test_pages_have_a_title_a_picture_and_a_description_of_their_own(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    title = "seqloom: train and compare RNN, LSTM and BiLSTM models on your data"
    assert f"<title>{title}</title>" in front
    assert 'property="og:image" content="_static/card.png"' in front
    assert (site / "_static" / "card.png").is_file()
    install = (site / "start" / "install.html").read_text(encoding="utf-8")
    assert "<title>Install - seqloom" in install
    assert '<meta name="description" content="' in install


def test_the_table_of_the_readme_is_what_was_measured() -> None:
    stored = json.loads((DOCS / "measured" / "first_sweep.json").read_text("utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace("**", "")
    for name, val, test, weights in stored["values"]["rows"]:
        assert f"| {name} | {val} | {test} | {weights:,} |" in readme


def test_the_picture_of_the_readme_is_what_was_measured() -> None:
    drawn = runpy.run_path(str(DOCS / "_extensions" / "readme_picture.py"))["drawn"]()
    assert (DOCS / "which-apple.svg").read_text("utf-8") == f"{drawn}\n"


def test_the_front_page_and_the_readme_name_the_same_command() -> None:
    pages = [(ROOT / "README.md"), DOCS / "index.md"]
    command = "seqloom train -m encoder=rnn,lstm,bilstm run_dir=runs/first"
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert command in re.sub(r" \\\n\s*", " ", text), page


@pytest.mark.parametrize("word", SEARCHED)
def test_a_heading_has_the_word_that_people_search_for(site: Path, word: str) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    headings = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["alltitles"]
    assert [heading for heading in headings if word in heading.lower()]


def test_readers_can_switch_between_versions(site: Path) -> None:
    template = (DOCS / "_templates" / "sidebar" / "versions.html").read_text(encoding="utf-8")
    versions = {"0.2.0": "../0.2.0/", "0.1.0": "https://old.example/"}
    html = Template(template).render(versions=versions, release="0.2.0", content_root="../")
    assert '<a href="../../0.2.0/" aria-current="true">0.2.0</a>' in html
    assert '<a href="https://old.example/">0.1.0</a>' in html
    assert "versions" not in Template(template).render(versions={})
    assert 'class="versions"' not in (site / "start" / "install.html").read_text("utf-8")


@pytest.mark.parametrize("page", ["index.md", "start/install.md"])
def test_pages_name_the_wheel_of_this_version(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert re.findall(r"seqloom-([\d.]+)-py3-none-any\.whl", text) == [version("seqloom")]
