"""The sweep of the front page, trained once and kept in ``runs/docs``: delete it to train again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "runs" / "docs"
COMMAND = "seqloom train -m encoder=rnn,lstm,bilstm run_dir=runs/first"


def seqloom(command: str) -> str:
    """Run a command of seqloom in the folder and return what it prints to standard output."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=FOLDER,
        env={**os.environ, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def trained() -> Path:
    """Return the folder of the sweep, trained if it is not there."""
    sweep = FOLDER / "runs" / "first"
    if not (sweep / "index.json").is_file():
        seqloom(COMMAND)
    return sweep
