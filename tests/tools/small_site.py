"""A site of one page with the extensions of ours, built in this process."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

CONF = """
extensions = ["myst_parser", "mathml", "measured"]
myst_enable_extensions = ["dollarmath"]
html_theme = "furo"
"""


def build(root: Path, page: str) -> tuple[Path, str]:
    """Build ``root/docs`` with this page; return the path of its HTML, and the warnings."""
    docs, out, warnings = root / "docs", root / "out", root / "warnings"
    docs.mkdir(exist_ok=True)
    (docs / "conf.py").write_text(CONF)
    (docs / "index.md").write_text(page, encoding="utf-8")
    with docutils_namespace(), warnings.open("w") as stream:
        Sphinx(docs, docs, out, out / "trees", "html", status=None, warning=stream).build()
    return out / "index.html", warnings.read_text()
