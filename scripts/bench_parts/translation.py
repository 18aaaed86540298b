"""Time the translation of the recipe ``tatoeba`` against loops by hand around stock parts.

The network is that of the recipe: BiLSTM 256, decoder with attention, 4,000 units a language.
``T-step``: training by the whole framework, on one thread, against a loop with the same batches, a
packed ``nn.LSTM``, ``F.cross_entropy`` and fused Adam, step by step in turn; ``T-step-bf16``: both
in bfloat16. ``T-greedy``: ``pipeline(list)``, after these steps, against a greedy loop. Before
that, both sides compute the same loss and gradients with the same weights, and then the same
translations. The data are those of ``data=tatoeba``, in the folder ``$SEQLOOM_DATA``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from _steps import check_same, endless, in_turn, recipe
from _timing import interleaved, rounds, row, skipped
from baselines.stock import Loop, take_weights
from baselines.translator import EOS, Translator
from seqloom.config.run_config import RunConfig
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.nn.companion import single_thread
from seqloom.train.data import RunData

ROUNDS, GREEDY_ROUNDS = 18, 7
SENTENCES = 512
WORDS = ("experiment=tatoeba", "trainer=cpu", "head.beam=1", "head.no_repeat=0")
TARGET = ">= 0.95"
STEP = "a step of tatoeba, units/s, against a hand-written loop with stock parts"
GREEDY = "greedy translation, pipeline(list), speed against a sorted hand-written loop"
NAMES = {
    "frontend.embedding.": "source.",
    "heads.translation.decoder.attention.": "",
    "heads.translation.decoder.": "",
}
"""Starts of the names of a model's weights, and what they are in the stock network."""


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    found = recipe(*WORDS)
    if isinstance(found, str):
        whats = {"T-step": STEP, "T-step-bf16": STEP, "T-greedy": GREEDY}
        return [skipped(key, what, TARGET, found) for key, what in whats.items()]
    cfg, data = found
    with single_thread():
        check_same(cfg, data, lambda pipeline: stock(pipeline, exact=True))
        half, _ = _trained(cfg, data, half=True)
        whole, pipeline = _trained(cfg, data)
        return [whole, half, _greedy(pipeline, data)]


def stock(pipeline: Pipeline, *, exact: bool = False) -> Translator:
    """Return the stock network with the weights of a pipeline, ``exact`` without dropout."""
    head: Any = pipeline.head
    frontend: Any = pipeline.codecs.frontend
    sizes = frontend.units.size, head.codec.units.size, head.options.size
    network = Translator(*sizes, 0.0 if exact else head.options.dropout)
    take_weights(network, pipeline.model, NAMES)
    return network


def _trained(
    cfg: RunConfig, data: RunData, *, half: bool = False
) -> tuple[dict[str, Any], Pipeline]:
    """Return the row of training, and the pipeline that it trained."""
    cfg.trainer["precision"] = "bf16-mixed" if half else "32-true"
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    network = stock(pipeline)
    options = {"lr": cfg.optimizer["lr"], "betas": tuple(cfg.optimizer["betas"])}
    optimizer = torch.optim.Adam(network.parameters(), fused=True, **options)
    clip = cfg.trainer["gradient_clip_val"]
    loop = Loop(network, optimizer, endless(cfg, data), clip, half=half)
    times = in_turn(cfg, data, pipeline, [loop], rounds(ROUNDS))
    key, what = ("T-step-bf16", f"{STEP}, both in bfloat16") if half else ("T-step", STEP)
    return row(key, what, *times, TARGET, speed=True), pipeline


def sides(pipeline: Pipeline, texts: list[str]) -> tuple[Callable[[], list[str]], ...]:
    """Return the pipeline's translation of texts, and that by hand with its weights."""
    network = stock(pipeline)
    head: Any = pipeline.head
    frontend: Any = pipeline.codecs.frontend
    options, units, encode = head.options, head.codec.units, frontend.units.numbers

    def by_hand() -> list[str]:
        rows = [[*encode(text), EOS] for text in texts]
        found = network.translate(rows, options.max_ratio, options.max_extra)
        return [units.text(one) for one in found]

    return lambda: [one["translation"] for one in pipeline(texts, scores=False)], by_hand


def _greedy(pipeline: Pipeline, data: RunData) -> dict[str, Any]:
    examples = data.splits["test"].examples(range(SENTENCES))
    ours, by_hand = sides(pipeline, [one.fields["text"] for one in examples])
    pairs = list(zip(ours(), by_hand(), strict=True))
    assert sum(one == other for one, other in pairs) > 0.98 * len(pairs)  # but for rounding
    times = interleaved(ours, by_hand, rounds=rounds(GREEDY_ROUNDS))
    return row("T-greedy", GREEDY, *times, TARGET, speed=True)


if __name__ == "__main__":
    for one in measure():
        print(one)
