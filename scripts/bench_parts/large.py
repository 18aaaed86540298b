"""P15: what a run does before its first step, for 100,000 sentences.

It reads the file, fits the codecs, encodes the examples and stores them, compared
with reading the sentences once, with reading and encoding them once in one process, and in as many
as there are cores; and a run that finds them in the cache with the first one.

``python scripts/bench_parts/large.py`` prints the rows.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from _corpus import sentences, write
from _timing import interleaved, rounds, row
from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.cores import available_cores
from seqloom.data.forked import in_order, processes
from seqloom.interfaces import Example
from seqloom.model.build import build_codecs, build_reader, restore
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data

ROUNDS = 5
COUNT = 100_000


def _read(cfg: RunConfig) -> int:
    """Read the file once, and return the number of its examples."""
    section = {**cfg.data, "split": {"val": 0.0, "test": 0.0}}
    return sum(1 for _ in build_reader(section).examples("train"))


def _encode(cfg: RunConfig, data: RunData) -> None:
    """Read the file once, and encode each example."""
    section = {**cfg.data, "split": {"val": 0.0, "test": 0.0}}
    codecs = build_codecs(cfg.components)
    restore(codecs, data.states)
    for one in build_reader(section).examples("train"):
        assert isinstance(one, Example)
        codecs.encode(codecs.frontend.prepare(one))


def _encode_in_parts(cfg: RunConfig, data: RunData) -> None:
    """Read parts of the file, and encode each example, in a process for each core."""
    section = {**cfg.data, "split": {"val": 0.0, "test": 0.0}}
    codecs = build_codecs(cfg.components)
    restore(codecs, data.states)
    parts = build_reader(section).examples_in_parts("train")

    def work(number: int) -> int:
        found = [one for one in parts[number] if isinstance(one, Example)]
        return sum(codecs.encode(codecs.frontend.prepare(one)).cost > 0 for one in found)

    done = in_order(work, range(len(parts)), len(available_cores()))
    if sum(count or 0 for _, count in done) != COUNT:
        raise RuntimeError("the parts do not have all sentences")


def measure() -> list[dict[str, Any]]:
    """Return a row for each comparison.

    Raises:
        RuntimeError: Not all sentences are there, or neither cache nor cores are used.
    """
    cores = len(available_cores())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        file, cache = write(folder / "train.conll", sentences(COUNT)), folder / "cache"
        words = ["data=conll", "head=ner", f"data.train={file}", f"cache={cache}"]
        words += ["data.split.val=0", "data.split.test=0"]  # or processes were not started
        cfg = compose_run(words)

        def first() -> RunData:
            shutil.rmtree(cache, ignore_errors=True)
            return encoded_data(cfg)

        data = first()
        if _read(cfg) != COUNT or not list(cache.glob("encoded/*/entry.json")):
            raise RuntimeError("the sentences are not all there, or were not stored")
        if cores > 1 == processes(len(data.splits["train"])):
            raise RuntimeError("there are too few sentences to encode them by several processes")
        times = interleaved(
            first,
            lambda: encoded_data(cfg),
            lambda: _read(cfg),
            lambda: _encode(cfg, data),
            lambda: _encode_in_parts(cfg, data),
            rounds=rounds(ROUNDS),
            clock=time.perf_counter,
        )
    cold, warm, read, encode, shared = times
    what = f"{COUNT:,} sentences until the first step, on {cores} core{'s' * (cores > 1)}"
    once = f"{what}, against reading and encoding them once"
    return [
        row("P15-read", f"{what}, against reading them", cold, read, 1.2),
        row("P15-encode", once, cold, encode, 1.2),
        row("P15-shared", f"{once} on all cores", cold, shared, 1.2),
        row("P15-cache", f"{what}, from the cache, against the first time", warm, cold, None),
    ]


if __name__ == "__main__":
    for one in measure():
        print(one)
