"""The model of the demo: requests of the page's pad in, predictions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seqloom.data.characters import refuse_surrogates
from seqloom.demo.markup import tree
from seqloom.errors import ConfigError, DataError, ExampleError, PluginError, TooLargeError
from seqloom.interfaces import Example, PadInput, Prediction, Purpose, View
from seqloom.model.pipeline import Pipeline
from seqloom.plugins import Pad, registry
from seqloom.plugins.registry import import_with_extra

MOST_FRAMES = 20_000
"""Maximum number of steps of an input."""


class ServedModel:
    """Predicts what the page asks for.

    Args:
        pipeline: Pipeline that was loaded from a bundle.
        name: Name of the model for people.

    Attributes:
        pad: Pad for what the model reads.
        page: Package with the pad's files.

    Raises:
        ConfigError: There is no pad for what the model reads.
        PluginError: The pad cannot be loaded.
    """

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self.pipeline = pipeline
        self.name = name
        self.pad = pad_for(_frontend(pipeline)["name"])
        self._input = _input(self.pad)

    def answer(self, body: bytes) -> Prediction:
        """Return the prediction for a request, with what the page shows of it.

        ``reading`` is the prediction in one text, if the head has one for an example. ``shown`` is
        its markup; see `seqloom.demo.markup.tree`.

        Raises:
            DataError: The body is not what the model reads.
            TooLargeError: The input is too long.
        """
        value = self._input.value(body)
        codecs = self.pipeline.codecs
        try:
            example = self.pipeline.example(value)
            refuse_surrogates(example)
            example = codecs.frontend.prepare(example)
            row = codecs.encode_inputs(example)
        except ExampleError as error:
            raise DataError(error.problem) from error
        if row.frames > MOST_FRAMES:
            raise TooLargeError(
                f"The input is {row.frames} steps long; up to {MOST_FRAMES} can be read at a time. "
                "Send less."
            )
        purpose: Purpose = "report" if self._input.rendered else "predict"
        [(_, prediction)] = self.pipeline.predict_encoded([row], purpose)
        found = self._input.place(prediction, codecs.frontend, value, row.inputs)
        return {**found, **self._shown(example, prediction)}

    def about(self) -> dict[str, Any]:
        """Return what the page shows and needs to know about the model."""
        info = self.pipeline.info
        sections = {kind: part["section"] for kind, part in info["components"].items()}
        parts = {kind: section["name"] for kind, section in sections.items()}
        if info["data"]:
            parts["data"] = info["data"]["name"]
        return {
            **self._input.about(sections["frontend"]),
            "name": self.name,
            "takes": self.pad.kind,
            "parts": parts,
            "parameters": sum(weight.numel() for weight in self.pipeline.model.parameters()),
            "symbols": _symbols(self.pipeline),
            "metrics": info["metrics"],
            "version": info["versions"].get("seqloom", ""),
        }

    def _shown(self, example: Example, prediction: Prediction) -> dict[str, Any]:
        """Return ``reading`` and ``shown``, as far as there are any."""
        codec = self.pipeline.codecs.heads[self.pipeline.head_name]
        found: dict[str, Any] = {}
        rows = [] if codec.row_per_token else codec.columns(example, prediction)
        if rows and rows[0]:
            found["reading"] = rows[0][0]
        if self._input.rendered:
            view = self._view(example)
            found["shown"] = tree(codec.render(example, prediction, view))
        return found

    def _view(self, example: Example) -> View:
        codec = self.pipeline.codecs.frontend
        view = View("") if self._input.shows_input else codec.show(example)
        return view if view.steps else replace(view, steps=codec.steps(example))


def pad_for(frontend: str) -> Pad:
    """Return the pad for what a frontend reads.

    Raises:
        ConfigError: There is none.
        PluginError: Several plugins claim it.
    """
    taken = [
        kind for kinds in registry().find("frontend", frontend).takes.values() for kind in kinds
    ]
    pads = registry().pads()
    for kind in taken:
        if kind in pads:
            return pads[kind][0]
        if claims := registry().contested_pads().get(kind):
            raise PluginError(
                f"The pad for {kind} is claimed by {' and '.join(map(str, claims))}. Disable one "
                "of them with SEQLOOM_DISABLE_PLUGINS=NAME."
            )
    raise ConfigError(
        f"This model has frontend={frontend}, which reads {', '.join(taken) or 'anything'}; no "
        f"installed plugin has a pad for that in the demo. There are pads for: {', '.join(pads)}. "
        f"Use seqloom predict.{registry().absent()}"
    )


def _input(pad: Pad) -> PadInput:
    plugin = registry().pads()[pad.kind][1]
    made: PadInput = import_with_extra(pad, f"the pad for {pad.kind}", plugin)()
    return made


def _frontend(pipeline: Pipeline) -> Mapping[str, Any]:
    section: Mapping[str, Any] = pipeline.info["components"]["frontend"]["section"]
    return section


def _symbols(pipeline: Pipeline) -> list[str]:
    """Return what the model can read: characters or classes, if its head knows a list of them."""
    codec = pipeline.codecs.heads[pipeline.head_name]
    return list(getattr(codec, "alphabet", None) or getattr(codec, "classes", None) or ())
