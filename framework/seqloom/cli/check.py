"""``seqloom check``: what is wrong with the data of a config, and what a training will need."""

from __future__ import annotations

import argparse
import json
from typing import Any

from seqloom.cli.composing import add_overrides, composed_config
from seqloom.cli.options import HelpFormatter
from seqloom.errors import printable
from seqloom.files import finite
from seqloom.plugins.registry import disabling_for_one_run

MEBIBYTE = 2**20


def check(arguments: list[str]) -> int:
    """Print what was found; return 1 if there are errors.

    Raises:
        SeqloomError: The config cannot be composed.
    """
    options = _parser().parse_intermixed_args(arguments)
    with disabling_for_one_run():
        found = _check(options)
    if options.json:
        print(json.dumps(finite(found.facts()), indent=2, ensure_ascii=False))
    else:
        print(page(found))
    return 1 if found.errors else 0


def _check(options: argparse.Namespace) -> Any:
    config = composed_config(options)
    from seqloom.train.check.check import check as check_config

    return check_config(config)


def page(found: Any) -> str:
    """Return the result as text."""
    lines = _table(found.sizes) if found.sizes else []
    lines += _classes(found.classes)
    if found.memory:
        lines += _memory(found.memory)
    lines += [str(one) for one in found.findings]
    warnings = len(found.findings) - found.errors
    lines.append(
        f"{found.errors} {'error' if found.errors == 1 else 'errors'}, "
        f"{warnings} {'warning' if warnings == 1 else 'warnings'}"
    )
    return "\n".join(lines)


def _table(sizes: dict[str, Any]) -> list[str]:
    lines = ["split    examples   steps: shortest  median   95 %  longest"]
    for split in ("train", "val", "test"):
        one = sizes[split]
        steps = one.get("steps")
        numbers = (
            f"{steps['shortest']:16,} {steps['median']:7,} {steps['95%']:6,} {steps['longest']:8,}"
            f"   {printable(steps['longest_at'])}"
            if steps
            else ""
        )
        lines.append(f"{split:<6} {one['examples']:10,} {numbers}".rstrip())
    batches = sizes["batches"]
    lines.append(
        f"batches: {batches['in_an_epoch']:,} in an epoch; {batches['fill']:.0%} of them is not "
        "padding"
    )
    return lines


def _classes(classes: dict[str, dict[str, int]]) -> list[str]:
    train = classes.get("train", {})
    if not train:
        return []
    names = list(train)
    shown = names if len(names) <= 12 else [*names[:6], None, *names[-5:]]
    told = ", ".join(
        "…" if name is None else f"{printable(name)} {train[name]:,}" for name in shown
    )
    return [f"classes: {len(train)} in train: {told}"]


def _memory(memory: Any) -> list[str]:
    measured = (
        f"; measured here on the CPU: {_mib(memory.measured)} in the step itself"
        if memory.measured is not None
        else ""
    )
    return [
        f"model: {memory.parameters:,} weights",
        f"memory: about {_mib(memory.estimate)} for the largest batch ({memory.examples} examples, "
        f"{memory.steps:,} steps): {_mib(memory.weights)} for weights, gradients and optimizer, "
        f"{_mib(memory.activations)} for the backward pass{measured}",
        f"time: about {memory.seconds:.3g} s for a step on this CPU, without the optimizer",
    ]


def _mib(size: int) -> str:
    return f"{size / MEBIBYTE:,.0f} MiB"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom check",
        description="Read the data of a config, fit its codecs and take one step, before any "
        "training: counts, lengths, padding, memory, examples that cannot be used, missing or "
        "nearly identical labels, duplicates within and across splits, and tokens that differ from "
        "those of raw text. The exit status is 1 if there are errors; nothing is written.",
        epilog="Examples:\n  seqloom check experiment=snips_intent\n"
        "  seqloom check data=csv data.train=reviews.csv head=classification --json",
    )
    add_overrides(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, with every place listed")
    return parser
