"""Directives of the encoder cards, docs/encoders: what a card says is computed or read.

````text
```{encoder-drawing} lstm
```
```{encoder-facts} lstm
:first: 4*H*(D + H + 2)
:further: 4*H*(2*H + 2)
```
```{encoder-keys} lstm
```
```{encoder-speed} lstm
```
```{encoder-scores} lstm
```
and anywhere {result}`snips: slots/bilstm concat`, or {result}`fsdd: spoken digits/* held out`
````

Keys are those of the schema, the number of parameters is counted in a module, which must agree with
the formula, and speed and scores are read from what was stored.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from measured.stored import Place, StoredError
from sphinx.util.docutils import SphinxDirective, SphinxRole

from encoder_cards import scores
from encoder_cards.components import ENCODERS, build, count, evaluate, package, tex
from encoder_cards.drawings import draw
from seqloom.plugins.texts import parameter_texts

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STATIC = Path(__file__).parent / "static"
SIZES = ((100, 64, 1), (100, 128, 1), (100, 128, 2))
"""D, H and L of the table of parameters."""
FEEDFORWARD = 256


class CardDirective(SphinxDirective):
    """A part of the card of the encoder that the argument names."""

    required_arguments = 1

    @property
    def encoder(self) -> str:
        """The encoder's name, which must be known."""
        name = str(self.arguments[0])
        if name not in ENCODERS:
            raise self.error(f"No encoder {name!r}; expected {', '.join(ENCODERS)}.")
        return name

    def stored(self, name: str) -> dict[str, Any]:
        """Return the values of a stored measurement."""
        place = Place(Path(self.env.srcdir).parent)
        self.env.note_dependency(str(place.file(name)))
        try:
            values: dict[str, Any] = place.read(name)["values"]
        except StoredError as error:
            raise self.error(str(error)) from None
        return values

    def markdown(self, *lines: str) -> list[nodes.Node]:
        """Return the nodes of some Markdown."""
        return self.parse_text_to_nodes("\n".join(lines))


class Drawing(CardDirective):
    """The drawing of the cell."""

    def run(self) -> list[nodes.Node]:
        """Return SVG."""
        return [nodes.raw("", draw(self.encoder), format="html")]


class Facts(CardDirective):
    """Whether it is causal, what it returns, and its number of parameters."""

    option_spec: ClassVar = {"first": directives.unchanged, "further": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return a table of facts, the formula, and a table of sizes."""
        name = self.encoder
        encoder = build(name, 100, hidden_size=64)
        causal = (
            "yes: a state depends on the steps so far, and can be continued"
            if encoder.causal
            else "no: each state depends on the whole sequence"
        )
        wide = "2H with `merge=concat`, H with the others" if encoder.output_size == 128 else "H"
        folder = package(name)
        where = (
            f"the example plugin `{folder}`, `pip install ./examples/plugins/{folder}` in a clone"
            if folder
            else "bundled"
        )
        first, further = self.options["first"], self.options["further"]
        table = [f"| {D} | {H} | {L} | {self._count(D, H, L):,} |" for D, H, L in SIZES]
        return self.markdown(
            "| | |",
            "|---|---|",
            f"| choose it | `encoder={name}` |",
            f"| comes from | {where} |",
            f"| causal | {causal} |",
            f"| size of a state | {wide} |",
            "",
            "Number of parameters with L layers, inputs of size D and `hidden_size` H"
            + (", `feedforward_size` F:" if "F" in first else ":"),
            "",
            f"$$P = {tex(first)} + (L - 1) \\; ({tex(further)})$$",
            "",
            "| D | H | L | P |",
            "|--:|--:|--:|--:|",
            *table,
        )

    def _count(self, *sizes_of_table: int) -> int:
        """Return the number of parameters of a module, if the formula says the same."""
        D, H, L = sizes_of_table
        counted = count(self.encoder, D, hidden_size=H, num_layers=L)
        sizes = {"D": D, "H": H, "L": L, "F": FEEDFORWARD}
        formula = f"{self.options['first']} + (L - 1)*({self.options['further']})"
        if (said := evaluate(formula, **sizes)) != counted:
            raise self.error(
                f"{self.encoder} has {counted} parameters with D={D}, H={H}, L={L}, not {said}."
            )
        return counted


class Keys(CardDirective):
    """The parameters with their defaults, from the schema."""

    def run(self) -> list[nodes.Node]:
        """Return a table."""
        component = ENCODERS[self.encoder]
        said = parameter_texts(component.schema)
        rows = [
            f"| `encoder.{key}` | `{_shown(value)}` | {said[key].text} |"
            for key, value in component.defaults().items()
        ]
        table = ["| key | default | |", "|---|---|---|", *rows]
        if not package(self.encoder):
            page = f"../reference/keys/encoder.md#encoder{self.encoder}"
            table += ["", f"What each may be, and an override to copy: [reference]({page})."]
        return self.markdown(*table)


class Speed(CardDirective):
    """The time of a training step against ``lstm``."""

    def run(self) -> list[nodes.Node]:
        """Return a sentence."""
        found = self.stored("encoder_speed")["ratios"][self.encoder]
        by_steps = " and ".join(f"**{value:.2f}** with {steps}" for steps, value in found.items())
        return self.markdown(
            "Time of a training step with the default parameters, as a multiple of `lstm`'s, on "
            f"sequences of so many steps: {by_steps} ([all encoders](index.md#speed))."
        )


class Scores(CardDirective):
    """The scores on every data set, beside those of other encoders."""

    def run(self) -> list[nodes.Node]:
        """Return a table; for ``bilstm`` also one of the merges."""
        page = Path(self.env.srcdir) / "results.md"
        self.env.note_dependency(str(page))
        tables = scores.read(page, self.stored("encoder_scores")["encoders"])
        rows = scores.rows(tables, self.encoder)
        if not rows:
            return self.markdown("Not among the [results](../results.md) yet.")
        made = self.markdown(
            "| data | measure | test | − `lstm` | better → |",
            "|---|---|---|--:|---|",
            *rows,
        )
        if self.encoder == "bilstm":
            made += self.markdown(
                "By merge:",
                "",
                f"| data | {' | '.join(scores.MERGES)} |",
                f"|---{'|---' * len(scores.MERGES)}|",
                *scores.merge_rows(tables),
            )
        return made


class Result(SphinxRole):
    """The mean score on test of a model in docs/results.md, in percent: ``TITLE/MODEL``.

    ``TITLE/* held out`` is the mean of all models of that table whose name ends so.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the score with one decimal."""
        page = Path(self.env.srcdir) / "results.md"
        self.env.note_dependency(str(page))
        score = scores.mean(page, self.text)
        if score is not None:
            return [nodes.Text(f"{score:.1f}")], []
        place = self.inliner.reporter  # type: ignore[attr-defined]
        return [], [place.error(f"No model {self.text!r} in {page.name}.", line=self.lineno)]


def _shown(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and their style."""
    for directive in (Drawing, Facts, Keys, Speed, Scores):
        app.add_directive(f"encoder-{directive.__name__.lower()}", directive)
    app.add_role("result", Result())
    app.connect("builder-inited", lambda app: app.config.html_static_path.append(str(STATIC)))
    app.add_css_file("encoder_cards.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
