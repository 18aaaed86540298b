"""Pictures that are part of a page, so that they follow the theme's colours, light or dark.

````text
```{inline-picture} flow.svg
```
```{task-picture} Speech
```
````

The first shows an SVG file of docs/. The second cuts the card with this heading out of
docs/tasks.svg, which the README shows whole.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SVG = "http://www.w3.org/2000/svg"
TASKS = "tasks.svg"
MARGIN = 6
WIDE = "display:block;width:100%;height:auto"


class Picture(SphinxDirective):
    """A picture that the argument names."""

    required_arguments = 1
    final_argument_whitespace = True

    def read(self, name: str) -> ElementTree.Element:
        """Return the root of an SVG file of docs/; the page is built again when it changes."""
        path = Path(self.env.srcdir) / name
        if not path.is_file():
            raise self.error(f"There is no {name} in {self.env.srcdir}.")
        self.env.note_dependency(str(path))
        return ElementTree.parse(path).getroot()


class InlinePicture(Picture):
    """A whole SVG file."""

    def run(self) -> list[nodes.Node]:
        """Return the SVG."""
        root = self.read(self.arguments[0])
        root.set("style", WIDE)
        return [nodes.raw("", _text(root), format="html")]


class TaskPicture(Picture):
    """One card of the picture of the tasks."""

    def run(self) -> list[nodes.Node]:
        """Return the card as SVG, its style limited to it."""
        root, wanted = self.read(TASKS), self.arguments[0]
        found = cards(root)
        if wanted not in found:
            raise self.error(f"{TASKS} has no card {wanted!r}; expected {', '.join(found)}.")
        card = found[wanted]
        frame = card[0]
        x, y, width, height = (float(frame.get(key, 0)) for key in ("x", "y", "width", "height"))
        svg = ElementTree.Element(f"{{{SVG}}}svg", {"class": "task-picture", "role": "img"})
        svg.set("aria-label", f"{wanted}: an input, and what is predicted from it")
        place = (x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
        svg.set("viewBox", " ".join(f"{value:g}" for value in place))
        svg.set("style", f"{WIDE};max-width:520px")
        svg.set("font-family", root.get("font-family", "sans-serif"))
        svg.extend(card)
        style = f"<style>{limited(root.findtext(f'{{{SVG}}}style') or '')}</style>"
        return [nodes.raw("", style + _text(svg), format="html")]


def cards(root: ElementTree.Element) -> dict[str, list[ElementTree.Element]]:
    """Return the elements of each card of the picture of the tasks by its heading."""
    parts: list[list[ElementTree.Element]] = []
    for element in root:
        if element.get("class") == "card":
            parts.append([])
        if parts:
            parts[-1].append(element)
    headings = [next(one.text or "" for one in part if one.get("class") == "h") for part in parts]
    return dict(zip(headings, parts, strict=True))


def limited(style: str) -> str:
    """Return a style whose rules hold for pictures of tasks only; dark where the page is.

    The file itself follows the system, ``@media (prefers-color-scheme: dark)``; the page has a
    switch as well.
    """
    dark = re.search(r"@media[^{]*\{\s*svg\s*\{([^}]*)\}\s*\}", style)
    colours = dark[1] if dark else ""
    rest = style.replace(dark[0], "") if dark else style
    rules = []
    for selectors, body in re.findall(r"([^{}]+)\{([^}]*)\}", rest):
        names = [name.strip() for name in selectors.split(",")]
        own = [".task-picture" if name == "svg" else f".task-picture {name}" for name in names]
        rules.append(f"{', '.join(own)} {{{body}}}")
    return (
        f"{' '.join(rules)} body[data-theme=dark] .task-picture {{{colours}}} "
        "@media (prefers-color-scheme: dark) "
        f"{{ body:not([data-theme=light]) .task-picture {{{colours}}} }}"
    )


def _text(root: ElementTree.Element) -> str:
    """Return an element as HTML has it, without prefixes of namespaces."""
    ElementTree.register_namespace("", SVG)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("inline-picture", InlinePicture)
    app.add_directive("task-picture", TaskPicture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
