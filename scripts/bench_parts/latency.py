"""Time one sequence at a time, as a server or a person gets answers (P7): one thread, A B A B.

``P7-64`` …: our LSTM layer in inference, B = 1, T = 25, against ``nn.LSTM``; ``P7-256-bf16`` in
bfloat16; ``P7-bilstm-…`` in both directions. ``P7-sentence-…``: ``pipeline(tokens)`` of 25 tokens,
checked, encoded and decoded, against a function as one writes it by hand around stock layers of the
same sizes, from tokens to tags: ``nn.Embedding``, ``nn.Conv1d`` over characters, ``nn.LSTM`` in
both directions, ``nn.Linear`` and Viterbi in NumPy.
"""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import nn

from _timing import Run, interleaved, rounds, row
from baselines.sentence import ByHand
from seqloom.data.fit_codecs import fit_codecs
from seqloom.data.rejected import Rejected
from seqloom.interfaces import Example, Features
from seqloom.model.build import build_codecs, build_pipeline, restore
from seqloom.model.pipeline import Pipeline
from seqloom.nn.companion import single_thread
from seqloom_recurrent.encoders import LSTM, BiLSTM

STEPS = 25
TARGETS = {64: 0.65, 256: 0.70, 512: 0.85}
ROUNDS, CALLS, WARM_UP = 42, 4, 3


def compared(key: str, what: str, ours: Run, theirs: Run, target: float | None) -> dict[str, Any]:
    """Return the row of two functions."""
    times = interleaved(ours, theirs, rounds=rounds(ROUNDS), warm_up=WARM_UP, calls=CALLS)
    return row(key, what, *times, target)


def layer(size: int, *, both: bool = False, half: bool = False) -> dict[str, Any]:
    """Compare an encoder of one layer, in bfloat16 if ``half``, with ``nn.LSTM`` in float32."""
    values = torch.randn(1, STEPS, size)
    features = Features(values, torch.tensor([STEPS]))
    ours = (BiLSTM if both else LSTM)(size, hidden_size=size).eval()
    stock = nn.LSTM(size, size, batch_first=True, bidirectional=both).eval()
    name, kind = ("bilstm-", "BiLSTM") if both else ("", "LSTM")
    key, what = f"P7-{name}{size}", f"{kind} {size}, inference, B=1, T={STEPS}, against nn.LSTM"
    target = None if both or half else TARGETS[size]

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            ours(features)

    if half:
        key, what = f"{key}-bf16", what.replace("inference", "inference in bfloat16")
    with torch.inference_mode():
        return compared(
            key, what, run if half else lambda: ours(features), lambda: stock(values), target
        )


def examples(seed: int = 0) -> list[Example]:
    """Return tagged sentences of invented words."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(2, 9))) for _ in range(3000)]
    found = []
    for number in range(200):
        tokens = draw.choices(words, k=draw.randint(5, 40))
        tags = ["O"] * len(tokens)
        tags[1:3] = [f"B-{number % 6}", f"I-{number % 6}"]
        found.append(Example(str(number), {"tokens": tokens, "tags": tags}))
    return found


def tagger(size: int) -> tuple[Pipeline, list[str]]:
    """Return a tagger that is not trained, biased to few entities, and a sentence."""
    spec = {
        "frontend": {"name": "words"},
        "encoder": {"name": "bilstm", "hidden_size": size},
        "head": {"name": "ner"},
    }
    codecs, known = build_codecs(spec), examples()
    restore(codecs, fit_codecs(codecs, known, Rejected(skip=False)))
    pipeline = build_pipeline(spec, codecs)
    pipeline.model.eval()
    head: Any = pipeline.head
    head.project.bias.data[0] += 2.0
    tokens = [token for one in known for token in one.fields["tokens"]]
    return pipeline, tokens[:STEPS]


def sentence(size: int) -> dict[str, Any]:
    """Compare ``pipeline(tokens)`` with a function written by hand."""
    pipeline, tokens = tagger(size)
    given = {"tokens": tokens}
    by_hand = ByHand(pipeline)
    assert by_hand(tokens) == pipeline(given)["tags"] == pipeline(given, scores=False)["tags"]
    tags = len(pipeline.codecs.heads["ner"].tags)
    what = f"pipeline(tokens), BiLSTM {size}, CRF of {tags} tags, T={STEPS}, against stock layers"
    return compared(
        f"P7-sentence-{size}",
        what,
        lambda: pipeline(given, scores=False),
        lambda: by_hand(tokens),
        None,
    )


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    torch.manual_seed(0)
    with single_thread():
        return [
            *(layer(size) for size in TARGETS),
            layer(256, half=True),
            *(layer(size, both=True) for size in TARGETS),
            *(sentence(size) for size in (64, 256)),
        ]
