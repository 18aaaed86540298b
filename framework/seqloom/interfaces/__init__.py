"""Base classes of readers, frontends, encoders and heads, and the values passed between them."""

from typing import TYPE_CHECKING, Any

from seqloom.interfaces.batch import Inputs, SequenceBatch, Targets
from seqloom.interfaces.codec import Arrays, Codec, FrontendCodec, HeadCodec
from seqloom.interfaces.encoder import Encoded, Encoder, State
from seqloom.interfaces.example import Example, Origin, Prediction
from seqloom.interfaces.frontend import Features, Frontend
from seqloom.interfaces.head import Head, Matrix, Mode, Purpose, Table
from seqloom.interfaces.pad import PadInput
from seqloom.interfaces.reader import SPLITS, Reader
from seqloom.interfaces.view import View
from seqloom.interfaces.writer import Writer

if TYPE_CHECKING:
    from seqloom.interfaces.metric import HeadMetric
else:

    def __getattr__(name: str) -> Any:
        """Import HeadMetric on first use: importing torchmetrics takes a second."""
        if name != "HeadMetric":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from seqloom.interfaces.metric import HeadMetric

        return HeadMetric


__all__ = [
    "SPLITS",
    "Arrays",
    "Codec",
    "Encoded",
    "Encoder",
    "Example",
    "Features",
    "Frontend",
    "FrontendCodec",
    "Head",
    "HeadCodec",
    "HeadMetric",
    "Inputs",
    "Matrix",
    "Mode",
    "Origin",
    "PadInput",
    "Prediction",
    "Purpose",
    "Reader",
    "SequenceBatch",
    "State",
    "Table",
    "Targets",
    "View",
    "Writer",
]
