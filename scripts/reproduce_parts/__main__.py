"""Train every model of docs/results.md, on three seeds each, and write that page.

It also writes the floors and aims of the rows into CONTRIBUTING.md.

Called by scripts/reproduce. A finished run is not repeated; an interrupted one is resumed. A row
of the page with more seeds than there are runs keeps its scores; with `--seeds 1`, all rows get
their times from one training each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from _models import ROOT, RUNS, TABLES, Model
from _results_page import page, read_json, record, with_targets

PAGE = ROOT / "docs" / "results.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def main() -> int:
    """Train the models that are missing and write the page."""
    parser = argparse.ArgumentParser(prog="scripts/reproduce", description=__doc__)
    parser.add_argument("only", nargs="*", help="only models whose folder contains these words")
    parser.add_argument("--seeds", type=int, default=3, help="(default: 3)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="number of parallel trainings (default: 1)"
    )
    parser.add_argument("--page", type=Path, default=PAGE, help="(default: docs/results.md)")
    options = parser.parse_args()
    wanted = [
        (model, seed)
        for table in TABLES
        for model in table.models
        for seed in range(1, min(options.seeds, model.seeds) + 1)
        if all(word in str(model.folder.relative_to(RUNS)) for word in options.only)
    ]
    with ThreadPoolExecutor(options.jobs) as pool:
        failed = sum(not ok for ok in pool.map(lambda pair: train(*pair), wanted))
    CONTRIBUTING.write_text(with_targets(CONTRIBUTING.read_text("utf-8")), encoding="utf-8")
    before = options.page.read_text("utf-8") if options.page.exists() else ""
    options.page.write_text("\n".join(page(before)) + "\n", encoding="utf-8")
    print(f"Wrote {options.page}; {failed} of {len(wanted)} trainings failed.")
    return 1 if failed else 0


def train(model: Model, seed: int) -> bool:
    """Train a model with one seed on one thread, unless it is done; return whether it succeeded."""
    run_dir = model.folder / str(seed)
    if record(run_dir).get("state") == "done":
        return not model.tuned or (run_dir / "tuned.json").exists() or tune(run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    command = [*model.command(seed, run_dir), "resume=auto", "threads=1"]
    script = Path(sys.executable).with_name("seqloom")
    with (run_dir / "output.txt").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [script, *command[1:]],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        _, status, usage = os.wait4(process.pid, 0)
    attempts = read_json(run_dir / "seconds.json").get("attempts", [])
    spent = {"attempts": [*attempts, usage.ru_utime + usage.ru_stime]}
    (run_dir / "seconds.json").write_text(json.dumps(spent), encoding="utf-8")
    well = status == 0 and (not model.tuned or tune(run_dir))
    print(f"{'done' if well else 'FAILED'}  {run_dir}", flush=True)
    return well


def tune(run_dir: Path) -> bool:
    """Tune the decoding of a run's model, evaluate it and return whether both succeeded."""
    script, tuned = Path(sys.executable).with_name("seqloom"), run_dir / "tuned"
    metrics: dict[str, Any] = {}
    commands: list[list[str | Path]] = [["tune", run_dir, "--its-data", "--out", tuned]]
    commands += [
        ["evaluate", tuned, "--its-data", "--split", split, "--json"] for split in ("val", "test")
    ]
    for command in commands:
        done = subprocess.run([script, *command], capture_output=True, text=True, check=False)
        with (run_dir / "output.txt").open("a", encoding="utf-8") as output:
            output.write(done.stdout + done.stderr)
        if done.returncode:
            return False
        if command[0] == "evaluate":
            metrics |= json.loads(done.stdout)
    (run_dir / "tuned.json").write_text(json.dumps(metrics), encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
