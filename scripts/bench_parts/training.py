"""Train a BiLSTM-CRF tagger by the framework and by loops written by hand, step by step in turn.

Embedding 100, 256 units a direction, 13 tags, 32 sentences a batch, SGD, clipping, dropout 0.5; one
thread. The sentences are invented: log-normal lengths of mean 18, as full in random batches as real
ones. ``P1``: seconds a token against a loop with stock parts. ``P2``: against Flair. ``P4``:
against a loop around the same networks, on the same batches, and how much of it is Lightning's.
``P8``: batches by length against random ones, and how full they are. ``P14``: two threads against
one.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from _corpus import lengths, sentences, write
from _peers import FLAIR
from _steps import (
    CHUNK,
    WARM_UP,
    Interleave,
    Step,
    endless,
    in_turn,
    per_token,
    size_of,
    timed,
)
from _timing import interleaved, rounds, row, skipped
from baselines import bare_lightning
from baselines.tagger import Loop
from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.cores import available_cores
from seqloom.data.sampler import BatchSampler
from seqloom.interfaces import SequenceBatch
from seqloom.model.build import build_pipeline
from seqloom.nn.companion import single_thread
from seqloom.train.data import RunData
from seqloom.train.instantiate import build_optimizer
from seqloom.train.module import SequenceModule
from seqloom.train.optimizer import clip_gradients, make_optimizer
from seqloom.train.prepare import encoded_data

ROUNDS = 18
COUNT = 3000
WORDS = (
    "data=conll",
    "frontend.characters=false",
    "frontend.dropout=0.5",
    "encoder.hidden_size=256",
    "head=ner",
    "head.dropout=0.5",
    "batch.max_examples=32",
    "optimizer=sgd",
    "trainer=cpu",
    "callbacks=none",
    "data.split.val=0",
)
TINY = ("encoder.hidden_size=8", "frontend.size=8", "head.decoder=softmax")


class ByHand:
    """A loop around the networks of a pipeline, with the batches of a run or random ones."""

    def __init__(self, cfg: RunConfig, data: RunData, *, random: bool = False) -> None:
        torch.manual_seed(0)
        self.module = SequenceModule(
            build_pipeline(cfg.components, data.codecs), torch.optim.SGD, None, None
        )
        parameters = list(self.module.parameters())
        self.optimizer = make_optimizer(build_optimizer(cfg.optimizer), parameters)
        self.cfg, self.data = cfg, data
        self.batches = self._random() if random else endless(cfg, data)

    def _random(self) -> Iterator[SequenceBatch]:
        rows, collate = self.data.splits["train"], self.data.codecs.collate()
        size = self.cfg.batch.max_examples
        while True:
            order = torch.randperm(len(rows)).tolist()
            for start in range(0, len(order) - size + 1, size):
                yield collate([rows[i] for i in order[start : start + size]])

    def __call__(self) -> int:
        """Train on a batch; return its number of tokens."""
        batch = next(self.batches)
        self.optimizer.zero_grad()
        self.module(batch).mean().backward()
        clip_gradients(self.optimizer, None, 5.0, "norm")
        self.optimizer.step()
        return size_of(batch)


def config(folder: Path, *words: str, **drawn: Any) -> tuple[RunConfig, RunData]:
    """Return the config of a tagger, and its data."""
    path = write(folder / "train.conll", sentences(COUNT, **drawn))
    cfg = compose_run([*WORDS, f"data.train={path}", f"run_dir={folder}/run", *words])
    return cfg, encoded_data(cfg)


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison."""
    with single_thread(), tempfile.TemporaryDirectory() as place:
        return [
            *_taggers(Path(place)),
            _half(Path(place)),
            *_overhead(Path(place)),
            *_batches(Path(place)),
            _threads(Path(place)),
        ]


def _taggers(folder: Path) -> list[dict[str, Any]]:
    cfg, data = config(folder)
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    stock, by_hand = Loop(sentences(COUNT)), ByHand(cfg, data)
    others: list[Step] = [stock.step, by_hand]
    peer, reason = FLAIR.opened(str(folder / "train.conll"))
    if peer:
        others.append(peer.step)
    ours, *theirs = in_turn(cfg, data, pipeline, others, rounds(ROUNDS))
    what = "training of a BiLSTM-CRF tagger, real tokens/s"
    flair = f"{what}, against Flair {FLAIR.version}"
    return [
        row("P1-training", f"{what}, against stock parts", ours, theirs[0], ">= 3.2", speed=True),
        row(
            "P4-loop",
            f"{what}, against a loop with its parts",
            ours,
            theirs[1],
            ">= 0.97",
            speed=True,
        ),
        row("P2-flair", flair, ours, theirs[2], ">= 4", speed=True)
        if peer
        else skipped("P2-flair", flair, ">= 4", reason),
    ]


def _half(folder: Path) -> dict[str, Any]:
    cfg, data = config(folder, "trainer.precision=bf16-mixed")
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    times = in_turn(cfg, data, pipeline, [Loop(sentences(COUNT)).step], rounds(ROUNDS))
    what = "training of a BiLSTM-CRF tagger in bfloat16, against stock parts in float32"
    return row("P1-bf16", what, *times, ">= 5", speed=True)


def _overhead(folder: Path) -> list[dict[str, Any]]:
    """Return how many milliseconds Lightning, and seqloom, add to a step that takes nearly none."""
    cfg, data = config(folder, *TINY)
    torch.manual_seed(0)
    pipeline = build_pipeline(cfg.components, data.codecs)
    tokens = 18 * cfg.batch.max_examples
    whole = _added(in_turn(cfg, data, pipeline, [ByHand(cfg, data)], rounds(ROUNDS)), tokens)
    turns = Interleave([ByHand(cfg, data)])
    bare_lightning.train(cfg, data, rounds(ROUNDS) * CHUNK + WARM_UP, turns)
    bare = _added([per_token(one[WARM_UP:]) for one in turns.seen], tokens)
    what = "ms that {} to a step of a tiny tagger"
    return [
        _row("P4-added", what.format("Lightning and seqloom add"), whole, 0.8),
        _row("P4-lightning", what.format("Lightning alone adds"), bare, 0.6),
        {
            "id": "P4-ours",
            "what": what.format("seqloom adds beyond Lightning"),
            "ratio": statistics.median(whole) - statistics.median(bare),
            "target": 0.2,
        },
    ]


def _added(times: Sequence[Sequence[float]], tokens: int) -> list[float]:
    """Return by how many milliseconds a step of the first loop is longer, ascending."""
    return sorted(1e3 * tokens * (one - other) for one, other in zip(*times, strict=True))


def _row(name: str, what: str, added: list[float], target: float) -> dict[str, Any]:
    quarter = len(added) // 4
    found = {"id": name, "what": what, "ratio": statistics.median(added), "target": target}
    return found | {"spread": [added[quarter], added[-1 - quarter]]}


def _batches(folder: Path) -> list[dict[str, Any]]:
    """Compare batches of similar lengths with random ones."""
    cfg, data = config(folder, mean=25, sigma=0.6)
    loops = ByHand(cfg, data), ByHand(cfg, data, random=True)
    seen: tuple[list[Any], ...] = ([], [])
    for _ in range(CHUNK * (rounds(ROUNDS) + 1)):
        for loop, kept in zip(loops, seen, strict=True):
            kept.append(timed(loop))
    ours, theirs = (per_token(kept[CHUNK:]) for kept in seen)  # the first ones warm up
    what = "training, batches by length, tokens/s, against random ones"
    sampler = BatchSampler(
        lengths(10_000, 25, 0.6), max_examples=32, max_cost=None, shuffle=True, seed=0
    )
    fill = sampler.fill()
    told = "share of the batches that is not padding, log-normal lengths (mean 25, σ 0.6)"
    return [
        row("P8-training", what, ours, theirs, ">= 1.4", speed=True),
        {"id": "P8-fill", "what": told, "ratio": fill, "target": ">= 0.97"},
    ]


def _threads(folder: Path) -> dict[str, Any]:
    what = "training of a tagger, two threads against one, speed"
    if len(available_cores()) < 2:
        return skipped("P14-threads", what, ">= 1.45", "only one core may be used")
    cfg, data = config(folder)
    step = ByHand(cfg, data)
    batch = next(step.batches)
    step.batches = iter(lambda: batch, None)  # the same every time

    def with_threads(count: int) -> None:
        torch.set_num_threads(count)
        step()

    runs = (lambda: with_threads(2), lambda: with_threads(1))
    times = interleaved(*runs, rounds=rounds(ROUNDS), clock=time.perf_counter)
    torch.set_num_threads(1)
    return row("P14-threads", what, *times, ">= 1.45", speed=True)


if __name__ == "__main__":
    for one in measure():
        print(one)
