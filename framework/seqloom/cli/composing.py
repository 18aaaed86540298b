"""Compose a config in commands that take the overrides of ``seqloom train``."""

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
    refuse_sweep(options.overrides)
    return compose_run(
        lazy_words_with_init(options.overrides), lazy_config_with_init, options.config_dir
    )


def lazy_words_with_init(words: list[str]) -> list[str]:
    """Return overrides with the names of the components of ``init=MODEL``, if it is among them.

    Only then is torch imported, so that other mistakes are told fast.
    """
    if not any(word.lstrip("+").startswith("init=") for word in words):
        return words
    from seqloom.train import pretrained

    return pretrained.words_with_init(words)


def lazy_config_with_init(config: RunConfig, overrides: Sequence[str]) -> RunConfig:
    """Return a config with the components of the model in ``init``; imports torch if there is one.

    See `seqloom.train.pretrained.config_with_init`.
    """
    if not config.init:
        return config
    from seqloom.train import pretrained

    return pretrained.config_with_init(config, overrides)
