"""How the start of a run, a step and memory grow with the data set: 1,000 to 1,000,000 sentences.

A run reads the file, fits the codecs, encodes the sentences and stores them before its first step:
in proportion to their number. The second time it finds them in the cache, from a file of 8 MB on.
A step is that of a tiny tagger, so that what the data add to it counts. ``sizes-data``.

Each number of sentences is measured by a process of its own, in processor time, to which those that
encode are added. ``SEQLOOM_BENCH_SENTENCES=5000000`` adds a larger number, which takes a quarter of
an hour on two cores, and 4 GB in the folder of temporary files.
``python scripts/bench_parts/sizes_data.py FILE`` prints what is measured of a file.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from _corpus import sentences, write
from _memory import peak_memory
from _timing import Settings
from seqloom.config.compose import compose_run
from seqloom.config.run_config import RunConfig
from seqloom.cores import available_cores
from seqloom.nn.companion import single_thread
from seqloom.train.data import RunData, SequenceData
from seqloom.train.prepare import encoded_data
from sizes import exponent
from training import TINY, WORDS, ByHand

SIZES = (10**3, 10**4, 10**5, 10**6)
LARGEST = "SEQLOOM_BENCH_SENTENCES"
"""Environment variable: a number of sentences beyond these sizes."""

BLOCK, STEPS, WARM_UP = 100_000, 200, 20
ROUNDS, SMALL = 5, 5_000_000
"""Rounds for files of fewer bytes; larger ones are measured once."""

TIMES = (
    ("", "first", "sentences of a data set until the first step", 1.1),
    ("-again", "again", "sentences of a data set until the first step, the second time", 1.1),
    ("-step", "step", "sentences of a data set, of a step", 0.1),
)
"""End of the id, what is measured, in words, and the largest exponent."""


def seconds() -> float:
    """Return the processor time of this process and of those that it started."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


def start(cfg: RunConfig) -> tuple[float, RunData]:
    """Return the seconds from the file to the first batch, and the data."""
    started = seconds()
    data = encoded_data(cfg)
    next(iter(SequenceData(data, cfg.batch, seed=0).train_dataloader()))
    return seconds() - started, data


def step(cfg: RunConfig, data: RunData) -> float:
    """Return the median seconds of a training step for a token."""
    loop, seen = ByHand(cfg, data), []
    with single_thread():
        for _ in range(WARM_UP + STEPS):
            started = time.process_time()
            tokens = loop()
            seen.append((time.process_time() - started) / tokens)
    return statistics.median(seen[WARM_UP:])


def figures(file: Path) -> dict[str, float]:
    """Return the seconds, and the peak memory in MiB, of a run with the sentences of a file.

    Raises:
        RuntimeError: The second time, what the first one stored was not found.
    """
    cache = file.with_name("cache")
    words = [*WORDS, *TINY, f"data.train={file}", f"cache={cache}", "data.split.test=0"]
    cfg, pairs = compose_run(words), []
    for _ in range(ROUNDS if file.stat().st_size < SMALL else 1):
        shutil.rmtree(cache, ignore_errors=True)
        first, data = start(cfg)
        again, data = start(cfg)
        pairs.append((first, again))
    if len(list(cache.glob("encoded/*/entry.json"))) > 1:
        raise RuntimeError("the data were stored twice: did the files of seqloom change meanwhile?")
    first, again = map(min, zip(*pairs, strict=True))
    memory = peak_memory() / 1024
    return {"first": first, "again": again, "step": step(cfg, data), "memory": memory}


def measure() -> list[dict[str, Any]]:
    """Return a row for each kind of time, and one for the memory."""
    sizes = SIZES[:-1] if Settings.quick else SIZES
    largest = int(os.environ.get(LARGEST, "0"))
    return rows([(size, _apart(size)) for size in (*sizes, largest) if size])


def rows(found: Sequence[tuple[int, dict[str, float]]]) -> list[dict[str, Any]]:
    """Return the rows of what was measured of each size."""
    (least, few), (most, many) = found[0], found[-1]
    cores = len(available_cores())
    span = f"{least:,} to {most:,}, on {cores} core{'s' * (cores > 1)}"
    made = []
    for end, kind, what, target in TIMES:
        points = [(size, one[kind]) for size, one in found]
        row = {"id": f"sizes-data{end}", "size": what, "ratio": exponent(points), "target": target}
        made.append(row | {"what": f"scaling exponent of the processor time over {what}, {span}"})
        if kind != "step":  # its seconds are those for a token
            made[-1]["points"] = points
    told = f"{many['memory']:,.0f} MiB against {few['memory']:,.0f} for {least:,}"
    what = f"peak memory until the first step, {most:,} sentences, {told}"
    ratio = many["memory"] / few["memory"]
    return [*made, {"id": "sizes-data-memory", "what": what, "ratio": ratio, "target": None}]


def _apart(count: int) -> dict[str, float]:
    """Return the figures of a number of sentences, measured by a process of its own."""
    with tempfile.TemporaryDirectory() as place:
        file, part = Path(place) / "train.conll", Path(place) / "part.conll"
        with file.open("a", encoding="utf-8") as whole:
            for seed in range(0, count, BLOCK):
                write(part, sentences(min(BLOCK, count - seed), seed=seed))
                whole.write(part.read_text("utf-8") + "\n")
        command = [sys.executable, "-W", "ignore", __file__, str(file)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    print(json.dumps(figures(Path(sys.argv[1]))))
