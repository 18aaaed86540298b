"""``seqloom profile``: where a step of training and of inference goes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom.cli.composing import add_overrides, composed_config
from seqloom.cli.options import HelpFormatter, positive_int
from seqloom.errors import plural, printable
from seqloom.files import finite, write_text
from seqloom.plugins.registry import disabling_for_one_run

MEBIBYTE, GIGA = 2**20, 1e9


def profile(arguments: list[str]) -> int:
    """Print where the steps go.

    Raises:
        SeqloomError: The config cannot be composed, the data cannot be used, or the picture cannot
            be written.
    """
    options = _parser().parse_intermixed_args(arguments)
    with disabling_for_one_run():
        found = _profile(options)
    if options.json:
        print(json.dumps(finite(found.facts()), indent=2, ensure_ascii=False))
    else:
        print("\n".join(page(found)))
    if options.picture:
        from seqloom.train.profile.picture import picture

        write_text(options.picture, picture(found))
    return 0


def _profile(options: argparse.Namespace) -> Any:
    config = composed_config(options)
    from seqloom.train.profile.profile import profile as profile_config

    return profile_config(config, options.steps)


def page(found: Any) -> Iterator[str]:
    """Yield the lines of the result as text."""
    threads = f"{found.threads} {plural(found.threads, 'thread')}"
    yield f"{printable(found.title)} on {found.device}, {threads}, {found.parameters:,} weights"
    for stage in found.stages:
        yield ""
        yield from _stage(stage)


def _stage(stage: Any) -> Iterator[str]:
    batches = f"{stage.batches} {plural(stage.batches, 'batch', 'batches')}"
    yield f"{stage.what}: {batches} of {stage.examples / stage.batches:.1f} examples; ms per batch"
    width = max(len(one.name) for one in stage.parts)
    yield f"{'part':<{width}}   forward  backward     both   share"
    for one in stage.parts:
        backward = f"{one.backward * 1e3:.3f}" if one.backward else ""
        row = f"{one.name:<{width}} {one.forward * 1e3:9.3f} {backward:>9} "
        row += f"{one.seconds * 1e3:8.3f} {one.seconds / stage.seconds:7.1%}"
        yield f"{row}   {_paths(one.paths)}".rstrip()
    yield f"{'total':<{width}} {'':>19} {stage.seconds * 1e3:8.3f} {1:7.1%}"
    rates = stage.rates
    yield (
        f"{rates['steps_per_second']:,.0f} steps/s, {rates['examples_per_second']:,.0f} "
        f"examples/s; {rates['padding']:.1%} of the computed steps are padding"
    )
    yield (
        f"encoder: {rates['encoder_flop_per_second'] / GIGA:,.3g} GFLOP/s without padding, "
        f"{rates['encoder_share_of_product_rate']:.0%} of a large {stage.dtype} matrix product "
        f"on this device ({stage.product_rate / GIGA:,.0f} GFLOP/s)"
    )
    if stage.peak is not None:
        yield f"peak memory: {stage.peak / MEBIBYTE:,.0f} MiB"


def _paths(paths: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}×" for name, count in paths.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom profile",
        description="Run some training steps of a config, and inference with its model, and show "
        "where the time goes: the data, the forward and backward pass of each layer, the "
        "optimizer, logging and the rest, with padding, speed and peak memory. The training is "
        "that of seqloom train, but on one device and without validation, checkpoints and "
        "loggers. No run folder is created.",
        epilog="Examples:\n  seqloom profile experiment=snips_slots\n"
        "  seqloom profile data=csv data.train=reviews.csv head=classification --picture step.svg\n"
        "  seqloom profile encoder=lstm trainer=gpu batch.max_examples=64 --json",
    )
    add_overrides(parser)
    parser.add_argument(
        "--steps",
        type=positive_int,
        default=40,
        metavar="N",
        help="number of training batches to measure, after some to warm up (default: 40)",
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE", help="draw the parts as an SVG file"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
