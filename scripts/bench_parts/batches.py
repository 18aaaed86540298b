"""Time a batch of 32 sentences for a step of training (P4): one thread, A B A B.

``P4-batch``: words are dropped at random, each example with a generator of its own key, and the
arrays are padded; against the same with a new generator for each example.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from _timing import interleaved, rounds, row
from latency import examples
from seqloom.data.dataset import SequenceDataset, key
from seqloom.data.fit_codecs import fit_codecs
from seqloom.data.rejected import Rejected
from seqloom.data.sampler import Batch
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_codecs, restore
from seqloom.nn.companion import single_thread

ROUNDS, CALLS, SIZE = 60, 4, 32


def measure() -> list[dict[str, Any]]:
    """Return the row."""
    codecs, known = (
        build_codecs({"frontend": {"name": "words"}, "head": {"name": "ner"}}),
        examples(),
    )
    restore(codecs, fit_codecs(codecs, known, Rejected(skip=False)))
    rows = [codecs.encode(one) for one in known]
    dataset = SequenceDataset(rows, codecs.collate(), codecs, seed=1)
    indices = range(SIZE)

    def ours() -> SequenceBatch:
        return dataset.__getitems__(Batch(indices))

    def theirs() -> SequenceBatch:
        chosen = [rows[index] for index in indices]
        keys = [key(1, 0, one.example.id) for one in chosen]
        new = [np.random.Generator(np.random.Philox(key=one)) for one in keys]
        return dataset.collate([codecs.augment(*pair) for pair in zip(chosen, new, strict=True)])

    assert ours().inputs["words"].equal(theirs().inputs["words"])
    with single_thread():
        times = interleaved(ours, theirs, rounds=rounds(ROUNDS), calls=CALLS)
    what = f"a batch of {SIZE} sentences with word dropout, against a new generator for each"
    return [row("P4-batch", what, *times, None)]
