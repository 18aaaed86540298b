"""The parameters of the frontends."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from seqloom.checks import check_probability
from seqloom.errors import Cause, ConfigError
from seqloom.plugins import Component


def _require(fits: bool, parameter: str, value: object, expected: str) -> None:
    if not fits:
        raise ConfigError(
            f"frontend.{parameter}={value}: expected {expected}.", cause=Cause.wrong_value
        )


def _require_no_minus(options: object, names: Iterable[str], prefix: str = "") -> None:
    for name in names:
        value = getattr(options, name)
        _require(value >= 0, f"{prefix}{name}", value, "0 or more")


class Ink(StrEnum):
    """What is writing and what is paper."""

    dark = "dark"  # dark writing on light paper
    light = "light"  # light writing on dark paper
    auto = "auto"  # whichever covers less, image by image


class Scaling(StrEnum):
    """How the columns of a series are scaled."""

    standard = "standard"  # to mean 0 and deviation 1 over the training examples
    none = "none"  # as they are


@dataclass
class ImageAugmentation:
    """How line images are changed in each epoch; all zero changes nothing.

    Attributes:
        stretch: The width is multiplied by e^u, u uniform in ±stretch.
        scale: The height of the writing is multiplied by e^u, u uniform in ±scale.
        slant: Shear in ±slant, in widths per height.
        elastic: Deviation of a smooth random displacement, in pixels.
        morphology: Probability of thinner or bolder strokes, by erosion or dilation.
        gamma: The gray levels are raised to e^u, u uniform in ±gamma.
    """

    stretch: float = 0.15
    scale: float = 0.1
    slant: float = 0.35
    elastic: float = 1.4
    morphology: float = 0.3
    gamma: float = 0.3

    def __post_init__(self) -> None:
        names = ("stretch", "scale", "slant", "elastic", "morphology", "gamma")
        _require_no_minus(self, names, "augment.")
        _require(self.morphology <= 1, "augment.morphology", self.morphology, "a share up to 1")


@dataclass
class LineImage:
    """Parameters of ``frontend=line_image``: convolutions over the image of a line.

    Attributes:
        field: Field that is read: an image of one line.
        height: Height that images are scaled to, in pixels; the width follows.
        margin: Pixels of paper before and after the line.
        ink: What is writing and what is paper.
        contrast: Whether to stretch the gray levels of each image, so that its paper is white and
            its ink black.
        channels: Channels of the 3×3 convolutions, one after another. Example: ``[16,32,64,96]``.
        pooling: Pooling after each convolution, height by width.
            Example: ``[2x2,2x2,2x2,2x1]``.
        dropout: Dropout of the feature vectors, in training.
        augment: How images are changed in training.
    """

    field: str = "image"
    height: int = 48
    margin: int = 4
    ink: Ink = Ink.dark
    contrast: bool = True
    channels: list[int] = dataclasses.field(default_factory=lambda: [16, 32, 48, 64])
    pooling: list[str] = dataclasses.field(default_factory=lambda: ["2x2", "2x2", "2x1", "2x1"])
    dropout: float = 0.0
    augment: ImageAugmentation = dataclasses.field(default_factory=ImageAugmentation)

    def __post_init__(self) -> None:
        if isinstance(self.augment, Mapping):
            self.augment = ImageAugmentation(**self.augment)
        _require(self.height >= 1, "height", self.height, "1 or more")
        _require_no_minus(self, ("margin",))
        _require(self.ink in list(Ink), "ink", self.ink, " or ".join(Ink))
        check_probability("frontend.dropout", self.dropout)
        _require(
            len(self.channels) > 0 and min(self.channels) > 0,
            "channels",
            self.channels,
            "the positive sizes of one or more convolutions",
        )
        _require(
            len(self.pooling) == len(self.channels),
            "pooling",
            self.pooling,
            f"one for each of the {len(self.channels)} frontend.channels",
        )
        shrunk = Pooling.parse(self.pooling).height
        _require(
            shrunk <= self.height,
            "pooling",
            self.pooling,
            f"no more than frontend.height={self.height}, which this divides by {shrunk}",
        )


@dataclass
class StrokeAugmentation:
    """How pen strokes are changed in each epoch; all zero changes nothing.

    Attributes:
        rotate: Largest rotation, in radians.
        slant: Largest shear, in widths per height.
        stretch: Width against height by e^u, u uniform in ±stretch.
    """

    rotate: float = 0.1
    slant: float = 0.2
    stretch: float = 0.1

    def __post_init__(self) -> None:
        _require_no_minus(self, ("rotate", "slant", "stretch"), "augment.")


@dataclass
class PenStrokes:
    """Parameters of ``frontend=strokes``: Δx, Δy and pen-up of each point.

    Attributes:
        field: Field that is read: strokes of points.
        spacing: Distance of resampled points along the stroke, as a share of the writing's height;
            0 takes the points as they were recorded.
        position: Whether to add x and y, for writing in one place, such as single characters.
        augment: How strokes are changed in training.
    """

    field: str = "strokes"
    spacing: float = 0.06
    position: bool = False
    augment: StrokeAugmentation = dataclasses.field(default_factory=StrokeAugmentation)

    def __post_init__(self) -> None:
        if isinstance(self.augment, Mapping):
            self.augment = StrokeAugmentation(**self.augment)
        _require_no_minus(self, ("spacing",))


@dataclass
class Vectors:
    """Parameters of ``frontend=features``: vectors as they are in the data.

    Attributes:
        field: Field that is read: a series of vectors.
        scaling: Scaling of the columns.
        size: Size of a linear projection of the vectors; 0: none. Example: ``64``.
    """

    field: str = "features"
    scaling: Scaling = Scaling.standard
    size: int = 0

    def __post_init__(self) -> None:
        _require(self.scaling in list(Scaling), "scaling", self.scaling, " or ".join(Scaling))
        _require_no_minus(self, ("size",))


FRONTENDS = (
    Component(
        "frontend",
        "line_image",
        LineImage,
        "seqloom_handwriting.images.frontend:LineImageFrontend",
        files=(),
        takes={"field": ("image",)},
        gives={"steps": "frame"},
        extra="handwriting",
    ),
    Component(
        "frontend",
        "strokes",
        PenStrokes,
        "seqloom_handwriting.strokes:StrokeFrontend",
        files=(),
        takes={"field": ("strokes",)},
        gives={"steps": "frame"},
    ),
    Component(
        "frontend",
        "features",
        Vectors,
        "seqloom_handwriting.vectors:VectorFrontend",
        files=(),
        takes={"field": ("features",)},
        gives={"steps": "frame"},
    ),
)


_FACTORS = re.compile(r"([1-9][0-9]*)x([1-9][0-9]*)")


@dataclass(frozen=True)
class Pooling:
    """What each layer's pooling divides the height and the width by, rounding down.

    Rounding down step by step gives what rounding down once by the product gives, so the numbers
    of the last layer are known without the others.

    >>> pooling = Pooling.parse(["2x2", "2x1"])
    >>> pooling.height, pooling.width, 37 // pooling.height
    (4, 2, 9)
    """

    steps: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Pooling:
        """Return the pooling of texts ``2x1``, height by width.

        Raises:
            ConfigError: A text is something else.
        """
        return cls(tuple(map(_step, texts)))

    @property
    def height(self) -> int:
        """By how much all layers together divide the height."""
        return math.prod(height for height, _ in self.steps)

    @property
    def width(self) -> int:
        """By how much all layers together divide the width; the least width that they can read."""
        return math.prod(width for _, width in self.steps)


def _step(text: str) -> tuple[int, int]:
    found = _FACTORS.fullmatch(str(text))
    if found is None:
        raise ConfigError(
            f"frontend.pooling has {text!r}: expected height x width, such as 2x2, 2x1 or 1x1."
        )
    return int(found[1]), int(found[2])
