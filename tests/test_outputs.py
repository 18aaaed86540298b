"""``{output}`` shows what the block above it printed, and refuses a block that was edited since."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from measured.stored import Place
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

STEPS = [{"block": "echo 'a < b'", "output": "a < b"}, {"block": "print(1)", "output": "1"}]
PAGE = """# A page

```bash
{block}
```

```{{output}} session
```

```python
print(1)
```

```{{output}} session
```
"""


def built(root: Path, page: str) -> tuple[list[str], str]:
    """Build a site of one page; return the literal blocks of its HTML, and the warnings."""
    (root / "scripts" / "docs_parts").mkdir(parents=True)
    place = Place(root)
    place.part("session").write_text("")
    place.write("session", {"drawing": "transcript", "steps": STEPS})
    docs, warnings = root / "docs", root / "warnings"
    (docs / "conf.py").write_text('extensions = ["myst_parser", "outputs"]\n')
    (docs / "index.md").write_text(page)
    with docutils_namespace(), warnings.open("w") as stream:
        out = root / "out"
        Sphinx(docs, docs, out, out / "trees", "html", status=None, warning=stream).build()
    text = (out / "index.html").read_text("utf-8")
    blocks = re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)
    plain = [html.unescape(re.sub("<[^>]+>", "", block)).strip() for block in blocks]
    return plain, warnings.read_text()


def test_each_output_is_below_its_block(tmp_path: Path) -> None:
    blocks, warnings = built(tmp_path, PAGE.format(block="echo 'a < b'"))
    assert warnings == ""
    assert blocks == ["echo 'a < b'", "a < b", "print(1)", "1"]


@pytest.mark.parametrize("line", ["echo 'a > b'", "echo"])
def test_a_block_that_was_edited(tmp_path: Path, line: str) -> None:
    _, warnings = built(tmp_path, PAGE.format(block=line))
    assert "the output of this block is not stored: run scripts/docs-data session" in warnings
    assert "index.md:7" in warnings


def test_a_block_between(tmp_path: Path) -> None:
    page = PAGE.format(block="echo 'a < b'").replace("```{output}", "Words.\n\n```{output}", 1)
    _, warnings = built(tmp_path, page)
    assert warnings.count("is not stored") == 1
