"""Beam search of one line as the head's parameters want it, with the place of each character."""

from __future__ import annotations

import numpy as np

from seqloom_handwriting.ctc.align import align
from seqloom_handwriting.ctc.beam import prefix_beam
from seqloom_handwriting.ctc.codec import CtcCodec
from seqloom_handwriting.ctc.greedy import Reading
from seqloom_handwriting.schemas.heads import Ctc


def search(log_probs: np.ndarray, codec: CtcCodec, options: Ctc, *, spans: bool = True) -> Reading:
    """Return the most probable text of (T, C) log probabilities.

    With ``spans`` it is aligned with the frames, which takes as long again.
    """
    found = prefix_beam(
        log_probs,
        width=options.beam_width,
        ngram=codec.ngram,
        alphabet=codec.alphabet,
        weight=options.ngram_weight,
        bonus=options.ngram_bonus,
        lexicon=codec.lexicon,
        skip_blank=options.skip_blank,
    )
    labels = list(found[0].labels)
    return Reading(labels, align(log_probs, labels) if spans else [])
