"""Flair's CRF: ``flair_crf.py loss|viterbi TAGS RAGGED CALLS``, a peer (see ``_peers.py``)."""

from __future__ import annotations

import sys
import time

import flair
import torch
from crf_data import B, Run, backward, crf_data
from flair.data import Dictionary
from flair.models.sequence_tagger_utils import crf as flair_crf
from flair.models.sequence_tagger_utils.viterbi import ViterbiDecoder, ViterbiLoss

torch.set_num_threads(1)
flair.device = torch.device("cpu")


def runs(size: int, ragged: bool) -> dict[str, Run]:
    """Return the loss with its gradient, and the Viterbi algorithm."""
    names = Dictionary(add_unk=False)
    for name in [*(f"T{n}" for n in range(size - 2)), "<START>", "<STOP>"]:
        names.add_item(name)
    emissions, tags, lengths = crf_data(size, ragged)
    crf, criterion = flair_crf.CRF(names, size, init_from_state_dict=False), ViterbiLoss(names)
    rows = zip(tags.clamp_max(size - 3), lengths.tolist(), strict=True)
    gold = torch.cat([of[:length] for of, length in rows])
    decoder = ViterbiDecoder(names)
    sentences = [[None] * length for length in lengths.tolist()]

    def decode() -> None:
        scores = crf(emissions.detach())
        decoder.decode((scores, lengths, crf.transitions.detach()), False, sentences)

    loss = backward(lambda: criterion((crf(emissions), lengths, crf.transitions), gold), emissions)
    return {"loss": loss, "viterbi": decode}


def main() -> None:
    """Compute some times for each line of the standard input."""
    what, size, ragged, calls = sys.argv[1], *map(int, sys.argv[2:])
    run = runs(size, bool(ragged))[what]
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.process_time()
        for _ in range(calls):
            run()
        print(B, time.process_time() - started, flush=True)


main()
