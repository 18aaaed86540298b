"""What a page's commands print: ``{output} NAME`` below a block shows its stored output.

``scripts/docs-data NAME`` runs the blocks of the page and stores what each prints. A block whose
text is not stored, because somebody edited it, is an error of the build.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from measured.stored import Place, StoredError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOG = getLogger(__name__)


class pending_output(nodes.Element):  # noqa: N801  # as docutils spells nodes
    """The place of an output, until the block above it is known."""


class Output(SphinxDirective):
    """The output of the block above."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a place for the output."""
        place, name = Place(Path(self.env.srcdir).parent), self.arguments[0]
        for path in (place.file(name), *place.sources(name)):
            self.env.note_dependency(str(path))
        try:
            steps = place.read(name)["values"]["steps"]
        except (StoredError, KeyError) as error:
            raise self.error(str(error)) from None
        found = pending_output(name=name, steps={step["block"]: step["output"] for step in steps})
        self.set_source_info(found)
        return [found]


def fill(app: Sphinx, document: nodes.document) -> None:
    """Put the outputs in their places."""
    for place in list(document.findall(pending_output)):
        above = place.previous_sibling()
        block = above.astext().strip() if isinstance(above, nodes.literal_block) else ""
        if block not in place["steps"]:
            LOG.warning(
                "the output of this block is not stored: run scripts/docs-data %s",
                place["name"],
                location=place,
            )
            place.parent.remove(place)
            continue
        output = place["steps"][block]
        place.replace_self(nodes.literal_block(output, output, language="text", classes=["output"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_node(pending_output)
    app.add_directive("output", Output)
    app.connect("doctree-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
