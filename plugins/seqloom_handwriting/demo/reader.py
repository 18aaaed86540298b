"""A model as the page uses it: bytes in, a prediction out."""

from __future__ import annotations

from typing import Any

from seqloom import Pipeline
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Prediction
from seqloom.plugins import registry
from seqloom_handwriting.demo.inputs import TooLargeError, image_of, strokes_of
from seqloom_handwriting.demo.places import placed

PARSERS = {"strokes": strokes_of, "image": image_of}
"""What a frontend may take, and how it is read from a request."""

MOST_FRAMES = 20_000


class Reader:
    """Reads what the page sends.

    Args:
        pipeline: loaded from a bundle.
        name: of the model, for people.

    Attributes:
        takes: ``strokes`` or ``image``.

    Raises:
        ConfigError: the model reads neither of them.
    """

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self.pipeline = pipeline
        self.name = name
        self.takes = _taken(pipeline)

    def read(self, body: bytes) -> Prediction:
        """Return the prediction, with the place of each character.

        Raises:
            DataError: the body is not what the model reads.
            TooLargeError: it is too long.
        """
        value = PARSERS[self.takes](body)
        codecs = self.pipeline.codecs
        try:
            example = codecs.frontend.prepare(self.pipeline.example(value))
            row = codecs.encode_inputs(example)
        except ExampleError as fault:
            raise DataError(fault.problem) from fault
        if row.frames > MOST_FRAMES:
            raise TooLargeError(
                f"The writing is {row.frames} steps long; up to {MOST_FRAMES} can be read at a "
                "time. Write less."
            )
        [(_, prediction)] = self.pipeline.predict_rows([row])
        return placed(prediction, codecs.frontend, value, row.inputs)

    def about(self) -> dict[str, Any]:
        """Return what the page says of the model, and needs to know of it."""
        info = self.pipeline.info
        sections = {kind: part["section"] for kind, part in info["components"].items()}
        parts = {kind: section["name"] for kind, section in sections.items()}
        if info["data"]:
            parts["data"] = info["data"]["name"]
        return {
            "name": self.name,
            "takes": self.takes,
            "ink": sections["frontend"].get("ink", "dark"),
            "parts": parts,
            "parameters": sum(weight.numel() for weight in self.pipeline.parameters()),
            "symbols": _symbols(self.pipeline),
            "metrics": info["metrics"],
            "version": info["versions"].get("seqloom", ""),
        }


def _taken(pipeline: Pipeline) -> str:
    """Return what the model's frontend takes."""
    name = pipeline.info["components"]["frontend"]["section"]["name"]
    taken = {kind for kinds in registry().find("frontend", name).takes.values() for kind in kinds}
    for kind in PARSERS:
        if kind in taken:
            return kind
    raise ConfigError(
        f"This model has frontend={name}, which reads {', '.join(sorted(taken)) or 'anything'}; "
        "the demo is for handwriting. Give a model that was trained with frontend=strokes or "
        "frontend=line_image."
    )


def _symbols(pipeline: Pipeline) -> list[str]:
    """Return what the model can read: characters or classes, if its head knows a list of them."""
    codec = pipeline.codecs.heads[pipeline.head_name]
    return list(getattr(codec, "alphabet", None) or getattr(codec, "classes", None) or ())
