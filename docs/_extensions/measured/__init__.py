"""Figures of stored measurements, drawn when the site is built.

````text
```{measured} NAME
A caption in MyST.
```
and in a sentence {measured}`NAME final/lstm .2f`
````

``docs/measured/NAME.json`` is what ``scripts/docs-data NAME`` measured. Its ``drawing`` names the
module of `measured.drawings` that turns its values into SVG or HTML. A file that is missing,
broken, or older than its part or the installed seqloom is an error at the place that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

from measured.drawings import draw
from measured.stored import Place, StoredError

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

STATIC = Path(__file__).parent / "static"


def _read(env: BuildEnvironment, name: str) -> dict[str, Any]:
    """Return a stored measurement; the page is built again whenever it changes."""
    place = Place(Path(env.srcdir).parent)
    for path in (place.file(name), *place.sources(name)):
        env.note_dependency(str(path))
    return place.read(name)


class Measured(SphinxDirective):
    """The drawing of a stored measurement, with a caption and where it comes from."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return a container of the drawing and its caption."""
        name = self.arguments[0]
        try:
            stored = _read(self.env, name)
            html = draw(name, stored)
        except StoredError as error:
            raise self.error(str(error)) from None
        figure = nodes.container(classes=["measured", f"measured-{stored['drawing']}"])
        figure += nodes.raw("", html, format="html")
        caption = nodes.container(classes=["measured-caption"])
        caption += self.parse_content_to_nodes()
        versions = ", ".join(f"{name} {value}" for name, value in stored["versions"].items())
        source = nodes.paragraph(classes=["measured-source"])
        source += [nodes.Text("Measured by "), nodes.literal("", stored["command"])]
        source += nodes.Text(f" ({versions})")
        figure += [caption, source]
        return [figure]


class MeasuredValue(SphinxRole):
    """One value of a stored measurement: its name, the path to the value, and a format."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value as text."""
        name, path, *form = self.text.split()
        try:
            value: Any = _read(self.env, name)["values"]
            for key in path.split("/"):
                value = value[key if isinstance(value, Mapping) else int(key)]
            return [nodes.Text(format(value, *form).replace("-", "−"))], []
        except (StoredError, LookupError, ValueError, TypeError) as error:
            place = self.inliner.reporter  # type: ignore[attr-defined]
            message = place.error(f"{{measured}}`{self.text}`: {error!r}", line=self.lineno)
            return [], [message]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the role, their style and their scripts."""
    app.add_directive("measured", Measured)
    app.add_role("measured", MeasuredValue())
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(STATIC)))
    app.add_css_file("measured.css")
    app.connect("html-page-context", _add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Add the scripts of the drawings on a page to this page only."""
    for script in sorted(STATIC.glob("*.js")):
        if re.search(rf'class="[^"]*\bmeasured-{script.stem}\b', context.get("body", "")):
            app.add_js_file(script.name, loading_method="defer")
