"""Formulas as MathML, which browsers show without a script, offline and in the text's colour."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

STATIC = Path(__file__).parent / "static"
_log = logging.getLogger(__name__)


def _mathml(node: nodes.Node, tex: str, block: bool) -> str:
    """Return LaTeX as MathML; LaTeX that is not understood is a warning, so the build fails."""
    try:
        markup: str = tex2mathml(tex, as_block=block).strip()
    except MathError as error:
        _log.warning("cannot show the formula %s: %s", tex, error, location=node)
        return ""
    return markup


def _visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    # The word joiner keeps a comma on the line of the formula before it.
    self.body.append(_mathml(node, node.astext(), block=False) + "&#8288;")
    raise nodes.SkipNode


def _visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    formula = _mathml(node, node.astext(), block=True)
    self.body.append(self.starttag(node, "div", CLASS="math") + formula + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer as ``mathml``."""
    renderers = {"inline_renderers": (_visit_inline, None), "block_renderers": (_visit_block, None)}
    app.add_html_math_renderer("mathml", **renderers)
    app.config.html_math_renderer = "mathml"
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(STATIC)))
    app.add_css_file("mathml.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
