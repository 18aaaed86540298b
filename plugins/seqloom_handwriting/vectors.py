"""The frontend ``features``: series of vectors, their columns scaled."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from seqloom.errors import ExampleError, plural
from seqloom.interfaces import (
    Arrays,
    Example,
    Features,
    Frontend,
    FrontendCodec,
    Inputs,
    View,
)
from seqloom.nn import zero_padding
from seqloom_handwriting.fields import require_field
from seqloom_handwriting.readers.series import ArrayFile
from seqloom_handwriting.schemas.frontends import Scaling, Vectors

LARGEST_SCALED = 1e18
"""Maximum of a scaled value: with its square, sums of 32 bits would overflow, and become NaN."""


class VectorCodec(FrontendCodec):
    """Encodes a series of vectors as ``features`` (T, D) float32, its columns scaled.

    The state holds what is subtracted from each column, ``mean``, and what then divides it,
    ``deviation``; 0 and 1 if columns are not scaled.

    Attributes:
        columns: D, known once the codec has a state.
    """

    def __init__(self, **params: Any) -> None:
        self.params = Vectors(**params)

    def fields(self, value: Any) -> dict[str, Any] | None:
        """Return the fields of a bare array or file of one."""
        return {self.params.field: value} if isinstance(value, np.ndarray | ArrayFile) else None

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return the mean and the deviation of each column over all vectors.

        Sums are taken of differences from the first vector: exact where a column is constant, and
        precise where a column's mean is large against its deviation. Constant columns are not
        divided.

        Raises:
            ExampleError: An example has no vectors, or of another size than the first one's.
        """
        first = self._load(examples[0])[0].astype(np.float64)
        size = len(first)
        count, total, squares = 0, np.zeros(size), np.zeros(size)
        for example in examples:
            values = self._load(example, size) - first
            count += len(values)
            total += values.sum(0)
            squares += (values**2).sum(0)
        if self.params.scaling == Scaling.none:
            return {"mean": [0.0] * size, "deviation": [1.0] * size}
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        deviation[deviation == 0] = 1.0
        return {"mean": (first + mean).tolist(), "deviation": deviation.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the scale of the columns."""
        self._mean = np.array(state["mean"], np.float64)
        self._deviation = np.array(state["deviation"], np.float64)
        self.columns = len(self._mean)

    def encode(self, example: Example) -> Arrays:
        """Return ``features`` (T, D) float32.

        Raises:
            ExampleError: The vectors are missing, of another size than those of the training
                examples, or not all of their values are finite, or scaled beyond what a model can
                compute with.
        """
        values = self._load(example, self.columns)
        scaled = (values - self._mean) / self._deviation
        wrong = np.argwhere(np.abs(scaled) > LARGEST_SCALED)
        if len(wrong):
            step, column = wrong[0].tolist()
            raise ExampleError(
                example,
                f"{self.params.field!r} has {values[step, column]} at step {step}, column {column} "
                f"(from 0), which is scaled to {scaled[step, column]:.3g}: too large to compute "
                "with. Check the value, and whether training has constant values there.",
            )
        return {"features": scaled.astype(np.float32)}

    def show(self, example: Example) -> View:
        """Return the example's id: vectors are not drawn."""
        return View(f"<div>{html.escape(example.id)}</div>")

    def cost(self, arrays: Arrays) -> int:
        """Return the number of vectors."""
        return len(arrays["features"])

    def frames(self, arrays: Arrays) -> int:
        """Return the number of vectors."""
        return len(arrays["features"])

    def _load(self, example: Example, columns: int | None = None) -> np.ndarray:
        """Return the vectors, (T, D), as they are."""
        name = self.params.field
        value = require_field(example, name, "series of vectors")
        try:
            values = np.asarray(value.load() if isinstance(value, ArrayFile) else value)
        except ValueError as error:
            problem = f"the series in {name!r} cannot be read: {error}"
            raise ExampleError(example, problem) from error
        if values.ndim != 2 or values.dtype.kind not in "fiu" or not values.size:
            raise ExampleError(
                example,
                f"{name!r} holds {values.dtype} of shape {values.shape}; expected numbers of "
                "shape (T, D), with one vector or more.",
            )
        if columns is not None and values.shape[1] != columns:
            raise ExampleError(
                example,
                f"the vectors in {name!r} have {values.shape[1]} "
                f"{plural(values.shape[1], 'value')} each; those of the first "
                f"training example have {columns}.",
            )
        return _finite(example, name, values)


def _finite(example: Example, name: str, values: np.ndarray) -> np.ndarray:
    wrong = np.argwhere(~(np.abs(values) <= np.finfo(np.float32).max))
    if len(wrong):
        step, column = wrong[0].tolist()
        raise ExampleError(
            example,
            f"{name!r} has {values[step, column]} at step {step}, column {column} (from 0); every "
            "value must be a finite number of 32 bits.",
        )
    return values


class VectorFrontend(Frontend):
    """Returns the vectors of the codec, or a linear projection of them.

    Args:
        codec: Codec with its state.
        params: Parameters; see ``seqloom_handwriting.schemas.frontends.Vectors``.

    Attributes:
        output_size: D, that of the vectors or of their projection.
    """

    def __init__(self, codec: VectorCodec, **params: Any) -> None:
        super().__init__()
        size = codec.params.size
        self.projection = nn.Linear(codec.columns, size) if size else None
        self.output_size = size or codec.columns

    @classmethod
    def make_codec(cls, **params: Any) -> VectorCodec:
        """Return an unfitted codec for the component's parameters.

        Raises:
            ConfigError: A parameter is out of its range.
        """
        return VectorCodec(**params)

    def forward(self, inputs: Inputs) -> Features:
        """Return the vectors of ``features`` (B, T, D)."""
        values, lengths = inputs["features"], inputs.lengths["features"]
        if self.projection is not None:
            values = self.projection(zero_padding(values, lengths))
        return Features(values, lengths)
