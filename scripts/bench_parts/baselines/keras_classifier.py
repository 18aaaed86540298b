"""A BiLSTM classifier in Keras 3: ``keras_classifier.py BACKEND``, a peer (see ``_peers.py``).

Embedding 100 with masking, 128 units a direction, 7 classes, 32 texts a batch, Adam, dropout 0.5.
"""

from __future__ import annotations

import os
import sys
import time

os.environ["KERAS_BACKEND"] = sys.argv[1]
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import keras
import numpy as np

BATCH, CLASSES, VOCABULARY, MOST = 32, 7, 5000, 40


def main() -> None:
    """Train on a batch for each line of the standard input."""
    if sys.argv[1] == "torch":
        import torch

        torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.layers.Embedding(VOCABULARY + 2, 100, mask_zero=True),
            keras.layers.Dropout(0.5),
            keras.layers.Bidirectional(keras.layers.LSTM(128)),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3, clipnorm=5.0), loss=loss)
    print("ready", flush=True)
    for _ in sys.stdin:
        # Padded to one length for all batches: another one would be compiled anew.
        lengths = np.clip(rng.lognormal(2.8, 0.3, BATCH).round().astype(int), 1, MOST)
        words = np.minimum(rng.zipf(1.3, (BATCH, MOST)), VOCABULARY) + 1
        words[np.arange(MOST)[None] >= lengths[:, None]] = 0
        classes = rng.integers(0, CLASSES, BATCH)
        started = time.process_time()
        model.train_on_batch(words, classes)
        print(BATCH, time.process_time() - started, flush=True)


main()
