"""How Sphinx makes the site of these pages: scripts/docs."""

from __future__ import annotations

import json
import logging
import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "seqloom"
author = "the seqloom developers"
copyright = author  # noqa: A001  # the name that Sphinx reads
release = version = version_of("seqloom")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxext.opengraph",
    "mathml",
    "measured",
    "outputs",
    "result_plots",
    "pictures",
    "encoder_cards",
    "command_help",
    "config_keys",
    "plain_signatures",
]
exclude_patterns = ["_build", "_extensions"]
html_theme = "furo"
html_title = f"seqloom {release}"
html_logo = "_static/logo.svg"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
templates_path = ["_templates"]

# Whoever publishes the site says where: no address is built into it.
#   SEQLOOM_SITE_URL         https://… of the site, for links of cards and search engines
#   SEQLOOM_SITE_REPOSITORY  https://… of the repository, for the button that edits a page
#   SEQLOOM_SITE_VERSIONS    {"0.2.0": "../0.2.0/", …}: versions to switch between
html_baseurl = os.environ.get("SEQLOOM_SITE_URL", "")
repository = os.environ.get("SEQLOOM_SITE_REPOSITORY", "")
html_context = {"versions": json.loads(os.environ.get("SEQLOOM_SITE_VERSIONS", "{}"))}
html_theme_options = {
    "top_of_page_buttons": ["view", "edit"] if repository else ["view"],
    **(
        {
            "source_repository": repository,
            "source_branch": "main",
            "source_directory": "docs/",
        }
        if repository
        else {}
    ),
}
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/versions.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}

ogp_site_url = html_baseurl
ogp_site_name = "seqloom"
ogp_image = "_static/card.png"
ogp_image_alt = "seqloom: is a BiLSTM worth it on your data? Ask it."
ogp_social_cards = {"enable": False}  # the one above is drawn by us
ogp_custom_meta_tags = ['<meta name="twitter:card" content="summary_large_image">']

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.output) > div.highlight > pre"

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
