"""Time the recognition of spoken digits against plain torch: one thread, A B A B.

``S-features``: log-mel features of ``frontend=log_mel``, from samples in memory, against
``torch.stft`` and a product with the mel matrix. ``S-step``: training by the whole framework
against a loop with the same batches, stock layers and ``F.ctc_loss``, step by step in turn. The
network is that of ``fsdd_strings`` with two convolutions and a BiLSTM, without augmentation. Before
that, both sides compute the same features, and the same loss and gradients with the same weights.
The data are those of ``data=fsdd_strings``, in the folder ``$SEQLOOM_DATA``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from _steps import check_same, endless, in_turn, recipe
from _timing import interleaved, rounds, row, skipped
from baselines.speech import Features, Recognizer
from baselines.stock import Loop, take_weights
from seqloom.config.run_config import RunConfig
from seqloom.interfaces import Example
from seqloom.model.build import build_pipeline
from seqloom.model.pipeline import Pipeline
from seqloom.nn.companion import single_thread
from seqloom.train.data import RunData
from seqloom_sound.sound import Sound, load_sound

ROUNDS, FEATURE_ROUNDS = 18, 15
SOUNDS = 200
PLAIN = ("stretch", "gain", "time_masks", "band_masks", "speed", "warp", "noise")
WORDS = (
    "experiment=fsdd_strings",
    "trainer=cpu",
    "encoder=bilstm",
    "frontend.stack=1",
    "frontend.stride=1",
    "frontend.subsampling=4",
    *(f"frontend.augment.{name}=0" for name in PLAIN),
)
TARGET = ">= 0.95"
STEP = "a step of fsdd_strings, characters/s, against a hand-written loop with stock parts"
FEATURES = "log-mel features of a sound in memory, speed against torch.stft and a mel matrix"
NAMES = {
    "frontend.subsampling.layers.0.convolution.": "convolutions.0.",
    "frontend.subsampling.layers.1.convolution.": "convolutions.1.",
    "frontend.subsampling.layers.0.norm.": "norms.0.",
    "frontend.subsampling.layers.1.norm.": "norms.1.",
    "frontend.subsampling.projection.": "projection.",
    "heads.ctc.linear.": "linear.",
}
"""Starts of the names of a model's weights, and what they are in the stock network."""


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    found = recipe(*WORDS)
    if isinstance(found, str):
        whats = {"S-features": FEATURES, "S-step": STEP}
        return [skipped(key, what, TARGET, found) for key, what in whats.items()]
    with single_thread():
        return [_features(found[1]), _step(*found)]


def sides(data: RunData) -> tuple[Callable[[], list[Any]], ...]:
    """Return two functions that return the features of sounds: the codec's, and those by hand."""
    codec: Any = data.codecs.frontend
    state, spectrum = data.states["frontend"], codec.spectrum
    scale = (torch.tensor(state["mean"]), torch.tensor(state["deviation"]), codec.params.floor)
    bank = torch.from_numpy(spectrum.bank).float()
    features = Features(bank, spectrum.window, spectrum.step, scale)
    train = data.splits["train"]
    examples = train.examples(range(min(SOUNDS, len(train))))
    sounds = [load_sound(one.fields["sound"]) for one in examples]
    given = [Example(str(n), {"sound": Sound(*one)}) for n, one in enumerate(sounds)]
    tensors = [torch.from_numpy(samples).float() for samples, _ in sounds]

    def ours() -> list[Any]:
        return [codec.encode(one)["log_mel"] for one in given]

    return ours, lambda: [features(one).numpy() for one in tensors]


def _features(data: RunData) -> dict[str, Any]:
    ours, by_hand = sides(data)
    for one, other in zip(ours(), by_hand(), strict=True):
        assert abs(one - other).max() < 0.01
    times = interleaved(ours, by_hand, rounds=rounds(FEATURE_ROUNDS))
    return row("S-features", FEATURES, *times, TARGET, speed=True)


def stock(cfg: RunConfig, pipeline: Pipeline, *, exact: bool = False) -> Recognizer:
    """Return the stock network with the weights of a pipeline, ``exact`` without dropout."""
    head: Any = pipeline.head
    codec: Any = pipeline.codecs.frontend
    sizes = codec.params.bands, codec.params.size, cfg.encoder["hidden_size"]
    dropout = 0.0 if exact else head.options.dropout
    network = Recognizer(*sizes, head.linear.out_features, dropout=dropout)
    take_weights(network, pipeline.model, NAMES, ("heads.ctc.calibration", "heads.ctc.exponent"))
    return network


def _step(cfg: RunConfig, data: RunData) -> dict[str, Any]:
    check_same(cfg, data, lambda pipeline: stock(cfg, pipeline, exact=True))
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    network = stock(cfg, pipeline)
    names = ("lr", "betas", "weight_decay")
    options = {name: cfg.optimizer[name] for name in names}
    optimizer = torch.optim.AdamW(network.parameters(), fused=True, **options)
    loop = Loop(network, optimizer, endless(cfg, data), cfg.trainer["gradient_clip_val"])
    times = in_turn(cfg, data, pipeline, [loop], rounds(ROUNDS))
    return row("S-step", STEP, *times, TARGET, speed=True)


if __name__ == "__main__":
    for one in measure():
        print(one)
