"""The seams: what data, frontends, encoders and heads promise one another."""

from seqloom.interfaces.batch import SequenceBatch
from seqloom.interfaces.codec import Arrays, Codec, FrontendCodec, HeadCodec
from seqloom.interfaces.encoder import Encoded, Encoder, State
from seqloom.interfaces.example import Example, Origin
from seqloom.interfaces.frontend import Features, Frontend
from seqloom.interfaces.head import Head, HeadMetric, Matrix, Prediction, Table
from seqloom.interfaces.reader import SPLITS, Reader
from seqloom.interfaces.view import View
from seqloom.interfaces.writer import Writer

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
    "Matrix",
    "Origin",
    "Prediction",
    "Reader",
    "SequenceBatch",
    "State",
    "Table",
    "View",
    "Writer",
]
