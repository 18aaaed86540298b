"""Makes keras_figures.json: what Keras 3 gives for stacked bidirectional layers with a mask.

Run with Keras installed, which the tests need not have::

    KERAS_BACKEND=torch python make_keras_figures.py

The inputs, lengths and weights stand in the file with the figures.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

LENGTHS = [5, 2, 1, 4]
INPUT_SIZE, HIDDEN_SIZE, NUM_LAYERS = 3, 2, 2
MERGES = {"concat": "concat", "sum": "sum", "average": "ave", "multiply": "mul"}
CELLS = {"bilstm": ("LSTM", 4), "bigru": ("GRU", 3), "birnn": ("SimpleRNN", 1)}


def wave(shape: tuple[int, ...], phase: float) -> np.ndarray:
    """Return fixed values between -0.9 and 0.9, float32."""
    steps = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (0.9 * np.sin(1.7 * steps + phase)).reshape(shape).astype(np.float32)


def rounded(array: np.ndarray) -> Any:
    """Return nested lists of numbers that read back as the same float32."""
    return np.vectorize(lambda x: float(f"{x:.8g}"))(array.astype(np.float64)).tolist()


def inputs() -> np.ndarray:
    """Return (B, T, D)."""
    return wave((len(LENGTHS), max(LENGTHS), INPUT_SIZE), 0.3)


def layer_weights(gates: int, merge: str, layer: int, direction: int) -> list[np.ndarray]:
    """Return Keras' kernel (D, gates·H), recurrent kernel (H, gates·H) and bias."""
    below = HIDDEN_SIZE * (2 if merge == "concat" else 1)
    width, phase = gates * HIDDEN_SIZE, 2.0 * layer + direction
    bias = (2, width) if gates == 3 else (width,)  # a GRU that resets after has two biases
    return [
        wave((INPUT_SIZE if layer == 0 else below, width), phase + 0.1),
        wave((HIDDEN_SIZE, width), phase + 0.2),
        wave(bias, phase + 0.3),
    ]


def figures(cell: str, merge: str) -> dict[str, Any]:
    """Return the outputs, (B, T, H), and the summary, (B, H), that Keras gives."""
    import keras

    kind, gates = CELLS[cell]
    mask = np.arange(max(LENGTHS)) < np.array(LENGTHS)[:, None]

    def layer(depth: int, sequences: bool) -> Any:
        inner = getattr(keras.layers, kind)(HIDDEN_SIZE, return_sequences=sequences)
        both = keras.layers.Bidirectional(inner, merge_mode=MERGES[merge])
        below = INPUT_SIZE if depth == 0 else layer_weights(gates, merge, 1, 0)[0].shape[0]
        both.build((len(LENGTHS), max(LENGTHS), below))
        both.set_weights([w for d in (0, 1) for w in layer_weights(gates, merge, depth, d)])
        return both

    first = layer(0, sequences=True)(inputs(), mask=mask)
    outputs = layer(1, sequences=True)(first, mask=mask)
    summary = layer(1, sequences=False)(first, mask=mask)
    numbers = [rounded(keras.ops.convert_to_numpy(t)) for t in (outputs, summary)]
    weights = [
        [[rounded(w) for w in layer_weights(gates, merge, depth, d)] for d in (0, 1)]
        for depth in range(NUM_LAYERS)
    ]
    return {"weights": weights, "outputs": numbers[0], "summary": numbers[1]}


def main() -> None:
    """Write the figures beside this file."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    made: dict[str, Any] = {"keras": keras.__version__, "lengths": LENGTHS}
    made["inputs"] = rounded(inputs())
    for cell in CELLS:
        made[cell] = {merge: figures(cell, merge) for merge in MERGES}
    target = Path(__file__).with_name("keras_figures.json")
    target.write_text(json.dumps(made, default=float) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
