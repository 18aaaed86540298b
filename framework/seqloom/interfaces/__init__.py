"""The seams: what data, frontends, encoders and heads promise one another."""

from seqloom.interfaces.batch import SequenceBatch
from seqloom.interfaces.codec import Codec, FrontendCodec, HeadCodec, Item
from seqloom.interfaces.encoder import Encoded, Encoder, State
from seqloom.interfaces.example import Example, Origin
from seqloom.interfaces.frontend import Features, Frontend
from seqloom.interfaces.head import Head, HeadMetric, Matrix, Prediction, Table
from seqloom.interfaces.source import SPLITS, Source
from seqloom.interfaces.writer import Writer

__all__ = [
    "SPLITS",
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
    "Item",
    "Matrix",
    "Origin",
    "Prediction",
    "SequenceBatch",
    "Source",
    "State",
    "Table",
    "Writer",
]
