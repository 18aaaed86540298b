"""Validation and test examples where the config names none."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from seqloom.config.compose import compose_run
from seqloom.train.data import RunData
from seqloom.train.prepare import encoded_data

CSV = ("data=csv", "head=classification", "frontend.characters=false", "frontend.size=4")
AUTOMATIC = {"val": 0.1, "test": 0.1, "stratify": "label", "automatic": True}


def table(path: Path, counts: dict[str, int]) -> Path:
    labels = [label for label, count in counts.items() for _ in range(count)]
    rows = [f"text number {number},{label}" for number, label in enumerate(labels)]
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return path


def split_of(*overrides: str) -> dict[str, Any]:
    found: dict[str, Any] = compose_run(overrides).data["split"]
    return found


def labels(data: RunData, split: str) -> Counter[str]:
    return Counter(row.example.fields["label"] for row in data.splits[split])


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "seqloom")
    return caplog


def test_classes_keep_their_proportions(tmp_path: Path, logged: pytest.LogCaptureFixture) -> None:
    path = table(tmp_path / "t.csv", {"often": 60, "seldom": 30, "twice": 2, "once": 1})
    data = encoded_data(compose_run([*CSV, f"data.train={path}"]))
    assert sum(len(data.splits[split]) for split in data.splits) == 93
    assert labels(data, "train")["once"] == 1
    for split in ("val", "test"):
        found = labels(data, split)
        assert abs(found["often"] - 6) <= 1
        assert abs(found["seldom"] - 3) <= 1
    assert labels(data, "train")["twice"] >= 1
    assert (
        "data.val and data.test are not set: examples of data.train are kept for them, "
        f"{len(data.splits['val'])} and {len(data.splits['test'])}, at random "
        "(data.split.seed=0), in proportion to the values of 'label'. To choose"
    ) in logged.text
    again = encoded_data(compose_run([*CSV, f"data.train={path}"]))
    assert again.splits["test"].ids == data.splits["test"].ids


def test_few_examples_are_all_trained_on(tmp_path: Path, logged: pytest.LogCaptureFixture) -> None:
    path = table(tmp_path / "t.csv", {"a": 5, "b": 4})
    data = encoded_data(compose_run([*CSV, f"data.train={path}"]))
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [9, 0, 0]
    assert (
        "too few different examples of each value of 'label' to provide them: all 9 are "
        "used for training."
    ) in logged.text


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("data.train=t.csv",), AUTOMATIC),
        (("data.train=t.csv", "data.split.seed=3"), {**AUTOMATIC, "seed": 3}),
        (("data.train=t.csv", "data.split.group=author"), {**AUTOMATIC, "group": "author"}),
        (("data.train=t.csv", "data.split.val=0"), {"val": 0.0, "test": None, "automatic": False}),
        (("data.train=t.csv", "data.split.test=0.2"), {"val": None, "test": 0.2}),
        (("data.train=t.csv", "data.val=v.csv"), {"val": None, "automatic": False}),
        (("data.train=t.csv", "data.test=v.csv"), {"val": None, "automatic": False}),
        (("data.train=t.csv", "data=jsonl"), AUTOMATIC),
    ],
    ids=str,
)
def test_what_counts_as_a_choice(overrides: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert split_of(*CSV, *overrides).items() >= expected.items()


def test_tags_and_sets_of_labels_are_split_at_random() -> None:
    tags = split_of("data=conll", "head=ner", "data.train=t.conll")
    assert tags["automatic"]
    assert tags["stratify"] is None
    labels = ("data.columns={text: text, labels: labels}", "head.field=labels")
    many = split_of(*CSV, *labels, "head.multi_label=true", "data.train=t.csv")
    assert many["automatic"]
    assert many["stratify"] is None


def test_groups_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = [f"text {n},{'ab'[n % 2]},{n // 4}" for n in range(80)]
    path.write_text("\n".join(["text,label,who", *rows]) + "\n", encoding="utf-8")
    words = (
        "data.columns={text: text, label: label, who: who}",
        "data.kinds.who=label",
        "data.split.group=who",
        f"data.train={path}",
    )
    data = encoded_data(compose_run([*CSV, *words]))
    authors = [
        {row.example.fields["who"] for row in data.splits[split]}
        for split in ("train", "val", "test")
    ]
    assert all(authors)
    assert sum(map(len, authors)) == 20


def test_generated_data_has_its_own_splits() -> None:
    assert "split" not in compose_run(["data=apples"]).data


def test_a_text_with_two_labels_is_in_one_part(tmp_path: Path) -> None:
    rows = [f"text {n % 50},{'ab'[n // 50]}" for n in range(100)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    data = encoded_data(compose_run([*CSV, f"data.train={path}"]))
    parts = [
        {row.example.fields["text"] for row in data.splits[split]}
        for split in ("train", "val", "test")
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 50
