"""``seqloom chaos``: train with injected failures, and compare with an uninterrupted run."""

from __future__ import annotations

import argparse
import time
from dataclasses import fields, replace
from pathlib import Path

from seqloom.cli.options import HelpFormatter
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError, plural
from seqloom.testing.chaos import Chaos, Event, Numbers, Verdict

NUMBERS = {one.name: one.default for one in fields(Numbers)}


def chaos(arguments: list[str]) -> int:
    """Train twice and print each failure; the exit status is 1 if the failures left a trace."""
    options = _parser().parse_args(arguments)
    if not Path("/proc/self/environ").exists():
        raise ConfigError("seqloom chaos finds the processes of a run in /proc, so it needs Linux.")
    numbers, overrides, folder = _split(options.words)
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"run_dir={folder}: the folder is not empty. Choose another one.")
    compose_run(overrides)  # a mistake is told as seqloom train tells it, and leaves no folder
    trial = Chaos(overrides, folder, options.seed)
    print(f"whole run: {trial.train_whole():.1f} s", flush=True)
    events = []
    for event in trial.train_with_failures(numbers):
        events.append(event)
        print(_line(event), flush=True)
    verdict = trial.verdict(events)
    print(_summary(verdict, folder))
    return int(not verdict.passed)


def _parser() -> argparse.ArgumentParser:
    defaults = " ".join(f"{name}={number}" for name, number in NUMBERS.items())
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom chaos",
        description="Train a config twice: without interruption, and with injected failures, "
        "resuming the run after each. Then compare the weights, the metrics and the examples of "
        "each batch, which must be identical. The exit status is 1 if they differ or if a process "
        "survived.",
        epilog="Example:\n  seqloom chaos encoder=lstm data.train_size=200 kills=3 flips=1 cuts=0 "
        f"leases=0 disks=0\n\nFailures: {defaults}\n"
        "  kills   a random process of the run is killed (SIGKILL)\n"
        "  flips   a bit of the last checkpoint is flipped\n"
        "  cuts    the last checkpoint is cut short\n"
        "  leases  the machine that wrote the folder is lost; takes a minute\n"
        "  disks   the disk is full when a checkpoint is written",
    )
    parser.add_argument(
        "words", nargs="*", metavar="KEY=VALUE", help="overrides of seqloom train, and of failures"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the failures (default: 0)")
    return parser


def _split(words: list[str]) -> tuple[Numbers, list[str], Path]:
    """Return the numbers of failures, the other overrides, and the folder."""
    numbers, overrides = Numbers(), []
    folder = Path("runs") / time.strftime("chaos-%Y-%m-%d_%H-%M-%S")
    for word in words:
        key, _, value = word.partition("=")
        if key in NUMBERS:
            if not value.isdecimal():
                raise ConfigError(f"{word}: expected a whole number, 0 or more.")
            numbers = replace(numbers, **{key: int(value)})
        elif key == "run_dir":
            folder = Path(value)
        elif key == "resume":
            raise ConfigError(f"{word}: seqloom chaos resumes the run itself. Leave it out.")
        else:
            overrides.append(word)
    return numbers, overrides, folder


def _line(event: Event) -> str:
    orphans = (
        f", {event.orphans} {plural(event.orphans, 'process', 'processes')} survived"
        if event.orphans
        else ""
    )
    return f"batch {event.batches:>6,}: {event.failure}{orphans}"


def _summary(verdict: Verdict, folder: Path) -> str:
    same = "differ" if verdict.different else "are bit-identical"
    names = f" ({', '.join(verdict.different)})" if verdict.different else ""
    return "\n".join(
        [
            f"weights and metrics {same}{names}",
            f"batches: {verdict.batches:,}, of which {verdict.unlike:,} differ",
            f"processes that survived: {verdict.orphans}",
            "passed" if verdict.passed else f"FAILED: see {folder}",
        ]
    )
