"""How Sphinx makes the site of these pages: scripts/docs."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "seqloom"
author = "the seqloom developers"
release = version = version_of("seqloom")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "mathml",
    "measured",
    "pictures",
    "encoder_cards",
]
exclude_patterns = ["_build", "_extensions"]
html_theme = "furo"
html_title = f"seqloom {release}"

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True

default_role = "py:obj"  # `Encoder` in a docstring becomes a link where there is such a name
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute that is described and annotated is one entry, not two

# A section may have no pages of its own yet. Sphinx 9.0 gives this warning no type to suppress.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: "toctree glob pattern" not in str(record.msg)
)
