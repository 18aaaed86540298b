"""Scores of the encoders that scripts/reproduce does not train, those of the example plugins too.

A finished run is not repeated. The scores of `rnn`, `lstm` and `bilstm` are in docs/results.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).parent.parent.parent
RUNS = ROOT / "runs" / "encoders"
ENCODERS = ("gru", "birnn", "bigru", "mingru", "bimingru", "transformer")
SEEDS = (1, 2, 3)
DATA: dict[str, tuple[str | None, str]] = {
    "apples": (None, "f1"),
    "snips: slots": ("snips_slots", "f1"),
    "snips: intents": ("snips_intent", "accuracy"),
}
"""Recipe and metric of each data set, by the start of its heading in docs/results.md."""


def measure() -> dict[str, Any]:
    """Train what is missing, and return the scores on val and test by data set and encoder."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": examples(Path(folder))}
        found = {name: {data: scores(name, data, env) for data in DATA} for name in ENCODERS}
    rows = [{"name": name, "value": mean(by["apples"]["test"])} for name, by in found.items()]
    said = ", ".join("{name} {value:.1f}".format(**row) for row in rows)
    title = f"F1 on apples: {said}"
    axis = {"label": "span F1 on the test split of apples, %", "range": [50, 100]}
    return {"drawing": "dots", "title": title, "x": axis, "rows": rows, "encoders": found}


def examples(folder: Path) -> str:
    """Install the example plugins into a folder, and return it."""
    packages = sorted(str(path.parent) for path in ROOT.glob("examples/plugins/*/pyproject.toml"))
    where = ["--no-deps", "--no-build-isolation", "--target", str(folder / "site"), *packages]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *where], check=True)
    return str(folder / "site")


def scores(encoder: str, data: str, env: dict[str, str]) -> dict[str, Any]:
    """Return the scores of all seeds of an encoder on a data set."""
    recipe, metric = DATA[data]
    overrides = [f"experiment={recipe}"] if recipe else []
    found: dict[str, Any] = {"metric": metric, "val": [], "test": []}
    for seed in SEEDS:
        run_dir = RUNS / (recipe or data) / encoder / str(seed)
        if not (run_dir / "metrics.json").exists():
            program = [str(Path(sys.executable).with_name("seqloom")), "train", *overrides]
            own = [f"encoder={encoder}", f"seed={seed}", f"run_dir={run_dir}", "resume=auto"]
            subprocess.run([*program, *own, "threads=1"], env=env, check=True, cwd=ROOT)
        metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
        record = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
        for split in ("val", "test"):
            found[split].append(round(100 * metrics[split][metric], 2))
        found["parameters"] = record["parameters"]
    return found
