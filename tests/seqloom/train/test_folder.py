"""Who may write a run's folder, and what its record says."""

from __future__ import annotations

import json
import os
import platform
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import yaml
from privileges import dropped

from seqloom.config.compose import compose_run
from seqloom.config.run_config import BatchConfig
from seqloom.errors import RunError
from seqloom.files import write_json
from seqloom.train.folder import RunFolder
from seqloom.train.preemption import Preempted
from seqloom.train.prepare import _stored_codecs
from seqloom.train.ranks.errors import write_error
from seqloom.train.record import record_hang, record_refusal, recorded
from seqloom.train.settings import differing
from seqloom.yaml_file import read_yaml

CONFIG = replace(
    compose_run(["encoder=lstm", "encoder.hidden_size=8", "run_dir=x"]),
    batch=BatchConfig(max_examples=4),
    trainer={"max_epochs": 2},
)


def test_a_new_folder_gets_the_config(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.open(CONFIG)
    assert not folder.resumable
    assert "hidden_size: 8" in folder.config_file.read_text(encoding="utf-8")
    assert folder.config() == CONFIG
    assert folder.read_record() == {}


def test_a_folder_is_only_taken_up_with_a_checkpoint(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.open(CONFIG)
    again = replace(CONFIG, resume="auto")
    folder.open(again)
    assert not folder.resumable
    folder.last.parent.mkdir()
    folder.last.touch()
    folder.open(again)
    assert folder.resumable


def test_checkpoints_without_their_config_are_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.last.parent.mkdir()
    folder.last.touch()
    with pytest.raises(RunError, match="already holds a run"):
        folder.open(CONFIG)
    with pytest.raises(RunError, match=r"config\.yaml is missing, so the run of the checkpoints"):
        folder.open(replace(CONFIG, resume="auto"))
    assert folder.last.exists()


FILES = (
    "config.yaml",
    "codecs.json",
    "metrics.jsonl",
    "run.json",
    "report.html",
    "contents.npz",
    "stack.txt",
)


@pytest.mark.parametrize(
    "name", [*FILES, "stack.txt", "checkpoints/last.ckpt", "checkpoints/best_copy.ckpt"]
)
def test_a_pipe_or_a_folder_for_a_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(RunError, match=f"{path.name} is a pipe; expected a regular file"):
        RunFolder(tmp_path).open(CONFIG)
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match=f"{path.name} is a folder; expected a regular file"):
        RunFolder(tmp_path).open(CONFIG)


LINKED = (
    *("config.yaml", "run.json", "metrics.jsonl", "checkpoints/last.ckpt", "stack.txt"),
    *("codecs/codec.heads.ctc.ngram", "ranks/start.json", "ranks/summary.json"),
)


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_to_elsewhere_is_not_written_through(
    tmp_path: Path, name: str, *, exists: bool
) -> None:
    mine, path = tmp_path / "mine" / "file", tmp_path / "run" / name
    if exists:
        mine.parent.mkdir()
        mine.write_text("mine")
    path.parent.mkdir(parents=True)
    path.symlink_to(mine)
    with pytest.raises(RunError, match=rf"{path.name} is a link to .*mine/file, which is not in i"):
        RunFolder(tmp_path / "run").open(CONFIG)
    assert mine.exists() is exists


def test_links_within_a_run_and_of_its_folders_are_its_owners_choice(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "disk")
    (tmp_path / "run" / "report.html").symlink_to("page.html")
    RunFolder(tmp_path / "run").open(CONFIG)


@pytest.mark.parametrize("name", ["checkpoints", "bundle", "codecs", "ranks"])
def test_a_file_for_a_folder_is_refused_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(RunError, match=f"{name} is not a folder"):
        RunFolder(tmp_path).open(CONFIG)


@pytest.mark.parametrize(
    "values",
    [
        {"state": ["done"]},
        {"state": None},
        {"history": "x"},
        {"history": [1]},
        {"history": [{"state": "done", "seconds": "3"}]},
        {"history": [{}]},
        {"state": "done", "metrics": {"val": [1]}},
        {"state": "done", "metrics": {"val": {"f1": "0.5"}}},
        {"components": 3},
    ],
    ids=str,
)
def test_a_record_with_values_of_other_types_is_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, values: dict[str, object]
) -> None:
    folder = RunFolder(tmp_path)
    folder.open(CONFIG)
    folder.record.write_text(json.dumps(values))
    again = replace(CONFIG, resume="auto")
    assert not folder.nothing_left(again)
    folder.open(again)
    with recorded(folder, again, []):
        pass
    assert folder.read_record()["state"] == "done"
    assert "The record of the run is damaged and will be replaced." in caplog.text


def test_only_what_does_not_make_another_run_may_change(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.open(CONFIG)
    folder.last.parent.mkdir()
    folder.last.touch()
    free = BatchConfig(max_examples=4, workers=2)
    folder.open(replace(CONFIG, resume="auto", trainer={"max_epochs": 9}, batch=free))
    with pytest.raises(RunError, match=r"other settings: batch\.max_examples \(was 4, is 5\)\."):
        folder.open(replace(CONFIG, resume="auto", batch=BatchConfig(max_examples=5)))


def test_parameters_that_a_component_has_got_since_then_have_their_defaults(tmp_path: Path) -> None:
    cfg = compose_run(
        ["data=csv", "data.train=x.csv", "head=classification", f"run_dir={tmp_path}"]
    )
    folder = RunFolder(tmp_path)
    folder.open(cfg)
    folder.last.parent.mkdir()
    folder.last.touch()
    stored = read_yaml(folder.config_file)
    del stored["data"]["names"], stored["head"]["direct"]  # as before there were these
    folder.config_file.write_text(yaml.safe_dump(stored), encoding="utf-8")
    direct = {**cfg.head, "direct": False}  # what older models do
    folder.open(replace(cfg, resume="auto", head=direct))
    folder.config_file.write_text(yaml.safe_dump(stored), encoding="utf-8")
    named = {**cfg.data, "names": {"label": ["no", "yes"]}}
    with pytest.raises(RunError, match=r"data\.names\.label \(was None, is \['no', 'yes'\]\)"):
        folder.open(replace(cfg, resume="auto", data=named, head=direct))


def test_differing_names_keys_that_came_and_went() -> None:
    assert differing({"a": 1, "b": {"c": 1}}, {"b": {"c": 1, "d": 2}, "e": None}) == [
        "a (was 1, is None)",
        "b.d (was None, is 2)",
    ]


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (None, "done"),
        (ValueError("x"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (Preempted("SIGTERM"), "preempted"),
    ],
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


def test_the_record_remembers_each_attempt(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with suppress(ValueError), recorded(folder, CONFIG, []):
        raise ValueError("x")
    with recorded(folder, CONFIG, []):
        pass
    found = folder.read_record()
    assert (found["state"], found["attempts"]) == ("done", 2)
    assert "error" not in found
    assert [one["state"] for one in found["history"]] == ["failed", "done"]
    assert found["history"][0]["error"] == "ValueError: x"
    assert all(one["host"] == platform.node() and one["seconds"] >= 0 for one in found["history"])


def test_an_attempt_that_never_ended_was_killed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with recorded(folder, CONFIG, []):
        while_running = folder.record.read_bytes()
    folder.record.write_bytes(while_running)  # so SIGKILL would have left it
    with recorded(folder, CONFIG, []):
        pass
    assert [one["state"] for one in folder.read_record()["history"]] == ["killed", "done"]


def test_a_pruned_run_is_no_done_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with recorded(folder, CONFIG, []) as record:
        record["state"] = "pruned"
    found = folder.read_record()
    assert (found["state"], found["history"][0]["state"]) == ("pruned", "pruned")


def test_the_record_tells_config_versions_and_machine(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with recorded(folder, CONFIG, []):
        pass
    found = folder.read_record()
    assert (found["config"], found["seed"]) == (CONFIG.to_plain(), 1)
    assert found["machine"]["host"] == platform.node()
    assert found["versions"]["python"] == platform.python_version()
    assert found["git"] is None or set(found["git"]) == {"commit"}


def ended(folder: RunFolder, state: str) -> None:
    folder.open(CONFIG)
    folder.record.write_text(json.dumps({"state": state}), encoding="utf-8")


@pytest.mark.parametrize(
    ("state", "resume", "expected"),
    [
        ("done", "auto", True),
        ("done", "never", False),
        ("pruned", "auto", True),
        ("failed", "auto", False),
        ("running", "auto", False),
    ],
)
def test_what_has_ended_well_is_not_run_again(
    tmp_path: Path, state: str, resume: Literal["never", "auto"], *, expected: bool
) -> None:
    folder = RunFolder(tmp_path)
    ended(folder, state)
    folder.metrics.write_text("{}")
    folder.bundle.mkdir()
    assert folder.nothing_left(replace(CONFIG, resume=resume)) is expected
    assert folder.nothing_left(replace(CONFIG, resume=resume, seed=2)) is False


def test_a_run_without_its_model_has_not_ended_well(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    ended(folder, "done")
    folder.metrics.write_text("{}")
    assert folder.nothing_left(replace(CONFIG, resume="auto")) is False


def test_a_run_that_failed_before_its_first_checkpoint_may_be_set_right(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    ended(folder, "failed")
    folder.open(replace(CONFIG, seed=2))
    assert not folder.resumable
    assert folder.config().seed == 2


@pytest.mark.parametrize("name", ["config.yaml", "run.json", "codecs.json"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path, name: str) -> None:
    folder = RunFolder(tmp_path)
    folder.open(CONFIG)
    path = tmp_path / name
    path.touch()
    path.chmod(0)
    read = {
        "config.yaml": folder.config,
        "run.json": folder.read_record,
        "codecs.json": lambda: _stored_codecs(folder),
    }
    said = rf"^\S*{name} cannot be read: Permission denied. Check the path and its permissions.$"
    with dropped(), pytest.raises(RunError, match=said):
        read[name]()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    for name in (".bundle.7.part", ".bundle.7.old"):
        (tmp_path / name / "inner").mkdir(parents=True)
    left = [folder.checkpoints / ".last.ckpt.7.part", tmp_path / ".lease.json.7.part"]
    for file in left:
        file.touch()
    folder.open(CONFIG)
    assert not list(tmp_path.glob(".bundle*"))
    assert [one.exists() for one in left] == [False, True]  # a lease belongs to its holder


def test_a_refusal_and_a_hang_change_no_ended_run(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for state in ("done", "pruned"):
        write_json(folder.record, {"state": state})
        record_refusal(folder, "it was killed", [])
        record_hang(folder, RunError("it hangs"))
        assert folder.read_record() == {"state": state}


def test_the_error_of_a_rank_does_not_make_a_folder_again(tmp_path: Path) -> None:
    write_error(RunError("x"), RunFolder(tmp_path / "gone"), 1)
    assert not (tmp_path / "gone").exists()
