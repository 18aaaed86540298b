"""``seqloom inspect``: what a model is, what it was made with, and whether that is here."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from seqloom.cli.model_facts import bundle_facts, is_bundle
from seqloom.cli.model_page import page
from seqloom.errors import BundleError
from seqloom.files import finite


def inspect(arguments: list[str]) -> int:
    """Print what is known of a model; with ``--check`` also try whether a bundle can be loaded.

    No component is imported before that, so that a model whose plugins are missing is told of too.

    Raises:
        BundleError: it is no model; or it cannot be loaded, and ``--check`` is given.
    """
    options = _parser().parse_args(arguments)
    path: Path = options.model
    checkpoint = None if is_bundle(path) else _checkpoint(path)
    if checkpoint:
        from seqloom.cli.checkpoint_facts import checkpoint_facts

        facts = checkpoint_facts(checkpoint)
    else:
        facts = bundle_facts(path)
    try:
        told = json.dumps(finite(facts), indent=2, ensure_ascii=False)
        print(told if options.json else page(facts))
    except RecursionError as fault:
        raise BundleError(f"{path} is nested too deep to be a model; copy it again.") from fault
    return _check(Path(facts["path"]), bool(facts["fits"])) if options.check else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqloom inspect",
        description="Tell what a model is, what it was made with, and whether it fits what is "
        "installed here. Nothing of it is loaded, unless --check is given.",
    )
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="a bundle, a run's folder, or a checkpoint of it"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--check",
        action="store_true",
        help="load it too, if it is a bundle; exit with 1 if it cannot be used here, or does not "
        "say what it needs",
    )
    return parser


def _checkpoint(path: Path) -> Path | None:
    """Return the checkpoint that a path means, in a run's folder the last one; None: no such."""
    if path.is_file():
        return path
    last = path / "checkpoints" / "last.ckpt"
    return last if last.is_file() else None


def _check(path: Path, fits: bool) -> int:
    if not fits:
        return 1
    if path.is_dir():
        from seqloom.model import bundle

        bundle.load(path)
    return 0
