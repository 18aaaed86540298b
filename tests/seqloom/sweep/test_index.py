"""The index is made of the records alone, as often as one likes."""

from __future__ import annotations

import json
from pathlib import Path

from seqloom.sweep.index import write_index

from .conftest import AddTrial


def test_the_index_holds_all_trials_in_short(sweep: Path, add: AddTrial) -> None:
    add("encoder=rnn", val=0.5, test=0.25, config={"encoder": {"name": "rnn"}}, attempts=2)
    add("encoder=lstm", state="failed", error="ConfigError: no")
    (add("encoder=gru") / "run.json").write_text("{", encoding="utf-8")
    path = write_index(sweep)
    assert path == sweep / "index.json"
    first = path.read_bytes()
    done, failed, damaged = json.loads(first)["trials"]
    assert done == {
        "number": 0,
        "state": "done",
        "seed": "1",
        "overrides": {"encoder": "rnn", "seed": "1"},
        "attempts": 2,
        "monitor": "f1",
        "higher_is_better": True,
        "parameters": 1000,
        "training_seconds": 2.0,
        "cost_per_second": 5000,
        "metrics": {"val": {"f1": 0.5, "loss": 0.5}, "test": {"f1": 0.25}},
    }
    assert (failed["state"], failed["error"]) == ("failed", "ConfigError: no")
    assert damaged["state"] == "damaged"
    assert json.loads(first)["best"] == 0
    path.write_text("damaged", encoding="utf-8")
    assert write_index(sweep).read_bytes() == first


def test_the_best_is_of_the_best_row(sweep: Path, add: AddTrial) -> None:
    for encoder, values in {"rnn": (0.9, 0.1), "lstm": (0.6, 0.8)}.items():
        for seed, value in enumerate(values):
            add(f"encoder={encoder}", val=value, seed=seed)
    assert json.loads(write_index(sweep).read_bytes())["best"] == 3
