"""Who may write a run's folder, and what its record says."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import RunError
from seqloom.train.folder import RunFolder, differing, recorded

CONFIG: dict[str, Any] = {
    "resume": "never",
    "seed": 1,
    "encoder": {"name": "lstm", "hidden_size": 8},
    "batch": {"max_examples": 4, "workers": 0},
    "trainer": {"max_epochs": 2},
}


def test_a_new_folder_gets_the_config(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.claim(CONFIG) is False
    assert "hidden_size: 8" in folder.config.read_text(encoding="utf-8")
    assert folder.read_record() == {}


def test_a_folder_is_only_taken_up_with_a_checkpoint(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.claim(CONFIG)
    again = {**CONFIG, "resume": "auto"}
    assert folder.claim(again) is False
    folder.last.parent.mkdir()
    folder.last.touch()
    assert folder.claim(again) is True


def test_only_what_does_not_make_another_run_may_change(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.claim(CONFIG)
    free = {"trainer": {"max_epochs": 9}, "batch": {"max_examples": 4, "workers": 2}}
    folder.claim({**CONFIG, "resume": "auto", **free})
    with pytest.raises(RunError, match=r"other settings: batch\.max_examples \(4 then, 5 now\)\."):
        folder.claim({**CONFIG, "resume": "auto", "batch": {"max_examples": 5, "workers": 0}})


def test_differing_names_keys_that_came_and_went() -> None:
    assert differing({"a": 1, "b": {"c": 1}}, {"b": {"c": 1, "d": 2}, "e": None}) == [
        "a (1 then, None now)",
        "b.d (None then, 2 now)",
    ]


@pytest.mark.parametrize(
    ("fault", "state"),
    [(None, "done"), (ValueError("x"), "failed"), (KeyboardInterrupt(), "interrupted")],
)
def test_the_record_tells_the_end(tmp_path: Path, fault: BaseException | None, state: str) -> None:
    folder = RunFolder(tmp_path)

    def run() -> None:
        with recorded(folder, CONFIG, ["seed=1"]) as record:
            assert folder.read_record()["state"] == "running"
            record["more"] = 3
            if fault:
                raise fault

    with pytest.raises(type(fault)) if fault else nullcontext():
        run()
    found = json.loads(folder.record.read_text(encoding="utf-8"))
    assert (found["state"], found["more"], found["attempts"]) == (state, 3, 1)
    assert found["overrides"] == ["seed=1"]
    assert found.get("error", "").startswith(type(fault).__name__ if fault else "")
    assert {plugin["name"] for plugin in found["plugins"]} >= {"recurrent", "text"}
