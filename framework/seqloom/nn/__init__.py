"""Building blocks of networks that plugins share.

The options `Merge` and `PoolingMethod` do not need torch, so that plugins' schemas can import them.
Everything else needs torch and is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqloom.nn.names import Merge, PoolingMethod

if TYPE_CHECKING:
    from seqloom.nn.bidirectional import Bidirectional
    from seqloom.nn.dropout import Dropout, LockedDropout
    from seqloom.nn.layer import Layer, LayerOutput
    from seqloom.nn.mask import is_full, length_mask, zero_padding
    from seqloom.nn.merge import merge_function, merged_size
    from seqloom.nn.pooling import Pooling
    from seqloom.nn.prepacked import Prepacked
    from seqloom.nn.prepacked_linear import PrepackedLinear
    from seqloom.nn.recurrent import GRULayer, LSTMLayer, RNNLayer, has_bfloat16_lstm
    from seqloom.nn.reversal import reverse_within_lengths
    from seqloom.nn.stack import Stack

_HOMES = {
    "Bidirectional": "bidirectional",
    "Dropout": "dropout",
    "GRULayer": "recurrent",
    "LSTMLayer": "recurrent",
    "Layer": "layer",
    "LayerOutput": "layer",
    "LockedDropout": "dropout",
    "Pooling": "pooling",
    "Prepacked": "prepacked",
    "PrepackedLinear": "prepacked_linear",
    "RNNLayer": "recurrent",
    "Stack": "stack",
    "has_bfloat16_lstm": "recurrent",
    "is_full": "mask",
    "length_mask": "mask",
    "merge_function": "merge",
    "merged_size": "merge",
    "reverse_within_lengths": "reversal",
    "zero_padding": "mask",
}

__all__ = [
    "Bidirectional",
    "Dropout",
    "GRULayer",
    "LSTMLayer",
    "Layer",
    "LayerOutput",
    "LockedDropout",
    "Merge",
    "Pooling",
    "PoolingMethod",
    "Prepacked",
    "PrepackedLinear",
    "RNNLayer",
    "Stack",
    "has_bfloat16_lstm",
    "is_full",
    "length_mask",
    "merge_function",
    "merged_size",
    "reverse_within_lengths",
    "zero_padding",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
