"""Compose a config for commands that take the overrides of ``seqloom train`` but do not train."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from seqloom.config.compose import compose_run, refuse_sweep
from seqloom.config.run_config import RunConfig


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Add the overrides and ``--config-dir`` to the arguments of a command."""
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for seqloom train")
    parser.add_argument(
        "--config-dir", type=Path, metavar="FOLDER", help="your own options, as for seqloom train"
    )


def composed_config(options: argparse.Namespace) -> RunConfig:
    """Return the config that ``seqloom train`` would run with the same arguments.

    Call this before importing torch, so that errors are found fast.

    Args:
        options: Parsed arguments, with those of `add_overrides`.

    Raises:
        ConfigError: It cannot be composed, or describes several runs.
        PluginError: A component is not installed.
    """
    words: list[str] = options.overrides
    refuse_sweep(words)
    if any(word.lstrip("+").startswith("init=") for word in words):
        from seqloom.train.pretrained import with_components

        words = with_components(words)
    return compose_run(words, _with_init, options.config_dir)


def _with_init(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    if not config.init:
        return config
    from seqloom.train.pretrained import apply_init

    return apply_init(config, overrides)
