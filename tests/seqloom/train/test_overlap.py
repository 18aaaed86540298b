"""Splits with common examples, and data that changed since the training."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.config.overrides import split_overrides
from seqloom.data.content import Contents
from seqloom.errors import DataError
from seqloom.inference.evaluate import evaluate_model
from seqloom.train import overlap
from seqloom.train.overlap import TrainedOn, names_other_data, warn_of_overlap
from seqloom.train.prepare import encoded_data

SMALL = (
    "data=csv",
    "head=classification",
    "encoder=rnn",
    "encoder.hidden_size=4",
    "frontend.size=4",
    "frontend.characters=false",
    "trainer=cpu",
    "trainer.max_epochs=1",
)
ROWS = [f"the {'good' if n % 2 else 'bad'} one {n},{'yes' if n % 2 else 'no'}" for n in range(40)]
NEW = [f"quite another {n},{'yes' if n % 2 else 'no'}" for n in range(8)]


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table, and a run whose val and test are cut from it."""
    folder = tmp_path_factory.mktemp("cut")
    table = write(folder / "table.csv", ROWS)
    cut = ("data.split.val=0.2", "data.split.test=0.2")
    seqloom.fit(*SMALL, f"data.train={table}", *cut, run_dir=folder / "run")
    return folder


@pytest.fixture
def folder(trained: Path) -> Iterator[Path]:
    """Return the folder; its table is put back after the test."""
    yield trained
    write(trained / "table.csv", ROWS)


def test_the_same_data_in_another_file_is_evaluated(folder: Path, tmp_path: Path) -> None:
    own = evaluate_model(folder / "run", its_data=True).metrics
    renamed = shutil.copy(folder / "table.csv", tmp_path / "renamed.csv")
    assert evaluate_model(folder / "run", f"data.train={renamed}").metrics == own


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*ROWS, *NEW], r"has 10 examples, 2 more than then \(\d new, \d missing\)\. Of these, \d"),
        (
            ROWS[::-1],
            r"has 8 examples, as many as then \(\d new, \d missing\)\. Of these, \d belonged",
        ),
        (NEW * 2, r"has \d examples, \d fewer than then \(\d new, 8 missing\)\. Restore the data"),
    ],
    ids=["grown", "other order", "replaced"],
)
def test_a_file_that_changed_is_refused(folder: Path, rows: list[str], words: str) -> None:
    write(folder / "table.csv", rows)
    with pytest.raises(DataError, match=words) as caught:
        evaluate_model(folder / "run", its_data=True)
    assert str(caught.value).startswith(
        "The data has changed since this model was trained: test (cut from data.train="
    )
    assert str(caught.value).endswith("--changed-data, in Python changed_data=True.")
    with pytest.raises(DataError, match="The data has changed"):  # cut anew, it leaks as well
        evaluate_model(folder / "run", f"data.train={folder / 'table.csv'}")


def test_it_is_evaluated_on_request(
    folder: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "table.csv", [*ROWS, *NEW])
    with caplog.at_level(logging.WARNING, "seqloom"):
        assert run(["evaluate", str(folder / "run"), "--its-data", "--changed-data"]) == 0
    assert "of 10 examples of test are training examples of this model" in caplog.text


def test_named_data_is_evaluated_and_its_training_examples_are_counted(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = write(tmp_path / "fresh.csv", NEW)
    with caplog.at_level(logging.WARNING, "seqloom"):
        assert len(evaluate_model(folder / "run", f"data.test={fresh}").losses) == 8
        assert not caplog.records
        whole = write(tmp_path / "whole.csv", [*ROWS, *NEW])
        evaluate_model(folder / "run", f"data.test={whole}")
    assert "24 of 48 examples of test are training examples of this model" in caplog.text


def test_a_bundle_without_its_run_knows_the_digests(folder: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(folder / "run" / "bundle", tmp_path / "bundle")
    shutil.copy(folder / "run" / "bundle" / "bundle.json", tmp_path / "contents.npz")  # no hashes
    evaluate_model(bundle, its_data=True)
    write(folder / "table.csv", [*ROWS, *NEW])
    with pytest.raises(DataError, match=r"has 10 examples, 2 more than then\. Restore the data"):
        evaluate_model(bundle, its_data=True)
    write(folder / "table.csv", ROWS[::-1])
    with pytest.raises(DataError, match="has 8 examples, as many as then, but not the same"):
        evaluate_model(bundle, its_data=True)


def test_digests_of_an_earlier_version_are_not_compared() -> None:
    now = Contents(np.arange(3, dtype=np.uint64), np.arange(3, dtype=np.uint64), files=True)
    section = {"name": "line_images", "train": "lines"}
    before = {"examples": 3, "digest": "of decoded images"}
    TrainedOn({"test": before}, {}).refuse_changed("test", now, section)
    with pytest.raises(DataError, match="3 examples, 1 fewer than then"):
        TrainedOn({"test": {**before, "examples": 4}}, {}).refuse_changed("test", now, section)
    with pytest.raises(DataError, match="3 examples, as many as then"):
        TrainedOn({"test": {**before, "of": "files"}}, {}).refuse_changed("test", now, section)


def test_files_of_their_own_are_compared_too(tmp_path: Path) -> None:
    paths = {split: write(tmp_path / f"{split}.csv", ROWS[:10]) for split in ("train", "test")}
    write(paths["test"], NEW)
    words = [f"data.{split}={path}" for split, path in paths.items()]
    seqloom.fit(*SMALL, *words, run_dir=tmp_path / "run")
    own = evaluate_model(tmp_path / "run", its_data=True).metrics
    write(paths["test"], NEW[::-1])
    assert evaluate_model(tmp_path / "run", its_data=True).metrics == pytest.approx(own, abs=1e-6)
    write(paths["test"], [*NEW, ROWS[0]])
    with pytest.raises(DataError) as caught:
        evaluate_model(tmp_path / "run", its_data=True)
    assert (
        f"test (data.test={paths['test']}) has 9 examples, 1 more than then (1 new, 0 missing). "
        "Of these, 1 belonged to train."
    ) in str(caught.value)


@pytest.mark.parametrize(
    ("words", "split", "named"),
    [
        ([], "test", False),
        (["data.train=x"], "test", False),
        (["data.train=x", "data.split.seed=3"], "val", False),
        (["data.train=x"], "train", True),
        (["data.test=x"], "test", True),
        (["data=conll", "data.train=x"], "test", True),
        (["data.seed=3"], "test", True),
        (["head.decoder=softmax"], "test", False),
    ],
)
def test_what_names_other_data(words: list[str], split: str, named: bool) -> None:
    assert names_other_data(split_overrides(words), split) is named


@pytest.mark.parametrize(
    ("section", "split", "place"),
    [
        ({"name": "csv", "train": "a", "val": "b"}, "val", "val (data.val=b)"),
        ({"name": "csv", "train": "a"}, "val", "val (cut from data.train=a)"),
        ({"name": "csv", "train": "a"}, "train", "train (data.train=a)"),
        ({"name": "digit_lines"}, "val", "val (data=digit_lines)"),
    ],
)
def test_a_split_is_named_with_its_file(section: dict[str, str], split: str, place: str) -> None:
    assert overlap._place(section, split) == place


def test_splits_with_common_examples_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = write(tmp_path / "train.csv", ROWS[:12])
    val = write(tmp_path / "val.csv", [*NEW, ROWS[0].replace(",no", ",yes")])
    words = [*SMALL, f"data.train={train}", f"data.val={val}", f"data.test={train}"]
    with caplog.at_level(logging.WARNING, "seqloom"):
        warn_of_overlap(encoded_data(compose_run(words)).contents)
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 9 examples of val is also in train. The metrics of val are not those of "
        "unseen data: use separate data.",
        "test and train have the same examples. The metrics of test are not those of unseen data: "
        "use separate data.",
        "1 of 12 examples of test is also in val. They were used to choose the best epoch: use "
        "separate data.",
    ]


def test_a_cut_does_not_overlap(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = write(tmp_path / "table.csv", [*ROWS, *ROWS])
    words = [*SMALL, f"data.train={table}", "data.split.val=0.2", "data.split.test=0.2"]
    with caplog.at_level(logging.WARNING, "seqloom"):
        warn_of_overlap(encoded_data(compose_run(words)).contents)
    assert not caplog.records
