"""Runs that figures are made of; ``runs/docs`` keeps them: delete it to train again."""

from __future__ import annotations

import sys
from pathlib import Path

import seqloom
from seqloom import Result

FOLDER = Path(__file__).parents[2] / "runs" / "docs"


def run(name: str, *overrides: str) -> Result:
    """Train a run, or resume it where it stopped; a finished one is only read."""
    print(f"seqloom train {' '.join(overrides)} run_dir={name}", file=sys.stderr, flush=True)
    return seqloom.fit(*overrides, "resume=auto", run_dir=FOLDER / name)
