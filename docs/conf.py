"""How Sphinx makes the site of these pages: scripts/docs."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "seqloom"
author = "the seqloom developers"
release = version = version_of("seqloom")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"seqloom {release}"

myst_heading_anchors = 3

default_role = "py:obj"  # `Encoder` in a docstring becomes a link where there is such a name
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # an attribute that is described and annotated is one entry, not two
