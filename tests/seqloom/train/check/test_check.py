"""What ``seqloom check`` finds in data with every problem that it knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.cli.check import check as command
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError
from seqloom.train.check.check import Check, check
from seqloom.train.check.memory import step_memory
from seqloom.train.prepare import encoded_data

TRAIN = """text,label
the food was good,good
the food was good,bad
we came back,good
we came back,good
it was cold,bad
it was a day,Good
cafe\u0301 au lait,bad
caf\u00e9 au lait,bad
it was \ufffd hot,bad
hot\u200bdog,good
,good
it was fine,odd
"""

TEST = """text,label
we came back,good
a new one,good
another one,unheard
"""


def overrides(folder: Path) -> list[str]:
    (folder / "train.csv").write_text(TRAIN, "utf-8")
    (folder / "test.csv").write_text(TEST, "utf-8")
    files = [f"data.{split}={folder / split}.csv" for split in ("train", "test")]
    return ["data=csv", *files, "data.val=null", "head=classification", "frontend.size=8"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Check:
    return check(compose_run(overrides(tmp_path_factory.mktemp("data"))))


@pytest.mark.parametrize(
    ("kind", "error", "said", "where"),
    [
        (
            "unusable",
            True,
            "1 example of train cannot be used",
            "train.csv:12 (train:11): the field 'text'",
        ),
        ("unknown", True, "1 example of test has a target", "test.csv:4 (test:3): "),
        ("overlap", True, "1 of 3 examples of test (33.3%)", "test.csv:2 (test:1) = "),
        ("contradictions", False, "unless both are right", "train.csv:2 (train:1) = "),
        ("duplicates", False, "1 of 11 examples of train repeats", "train.csv:5"),
        (
            "rare",
            False,
            "2 of 4 classes have a single training example: 'Good', 'odd'",
            "train.csv:7 (train:6): 'Good'",
        ),
        ("missing", False, "3 of 4 classes do not occur in test: 'bad', 'Good', 'odd'", ""),
        ("alike", False, "differ only in how", "train.csv:7 (train:6): 'Good'"),
        ("characters", False, "1 of 14 examples contains U+FFFD", "train.csv:10"),
        ("characters", False, "1 of 14 examples contains invisible", "train.csv:11"),
        ("characters", False, "1 of 14 examples contains letters with separate", "train.csv:8"),
    ],
)
def test_it_is_found_with_its_place(
    found: Check, kind: str, error: bool, said: str, where: str
) -> None:
    (one,) = [one for one in found.findings if one.kind == kind and said in one.text]
    assert one.error == error
    assert any(where in place for place in one.places) or not where


def test_errors_come_first_and_nothing_else_is_found(found: Check) -> None:
    assert [one.error for one in found.findings] == [True] * 3 + [False] * 8
    assert found.errors == 3


def test_examples_that_are_left_out_on_request_are_no_error(tmp_path: Path) -> None:
    found = check(compose_run([*overrides(tmp_path), "on_bad=skip"]))
    (one,) = [one for one in found.findings if one.kind == "unusable"]
    assert not one.error
    assert one.text == ("1 example of train cannot be used. Left out, as on_bad=skip says.")
    assert found.errors == 2  # of test: the overlap, and the class that train does not have


def test_sizes_and_classes(found: Check) -> None:
    assert found.sizes["train"]["examples"] == 11
    assert found.sizes["train"]["skipped"] == 1
    assert found.sizes["train"]["steps"]["longest"] == 4
    assert found.sizes["val"]["examples"] == 0
    assert found.classes["train"] == {"bad": 5, "good": 4, "Good": 1, "odd": 1}


def test_other_fields_are_no_targets_and_texts_no_classes(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    rows = [f"text {number},a text {number},{number % 3}" for number in range(30)]
    path.write_text("\n".join(["text,translation,speaker", *rows, "text 1,a text 1,9"]), "utf-8")
    words = ["data=csv", f"data.train={path}", "data.split.val=0", "head=translation"]
    fields = "data.columns={text: text, translation: translation, speaker: speaker}"
    units = ["frontend=subwords", "frontend.unit=word", "head.unit=word", "data.kinds.speaker=text"]
    found = check(compose_run([*words, *units, fields]))
    kinds = [one.kind for one in found.findings]
    assert "duplicates" in kinds
    assert not {"contradictions", "rare"} & set(kinds)
    assert found.classes == {}


def test_tokens_that_a_raw_text_would_not_have(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("top-rated B-X\ntown O\n\ngood O\ntown O\n\n", "utf-8")
    found = check(compose_run(["data=conll", f"data.train={path}", "data.split.val=0", "head=ner"]))
    (one,) = [one for one in found.findings if one.kind == "tokenization"]
    assert one.text.startswith("1 of 2 examples (50.0%)")
    assert one.places == [f"{path}:1 (train:1): 'top-rated'"]


def test_tokens_that_spans_split(tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    rows = ['{"text": "Ada5mg", "label": [[0, 3, "X"]]}', '{"text": "Ada  5 mg", "label": []}']
    path.write_text("\n".join(rows), "utf-8")
    found = check(compose_run(["data=spans", f"data.train={path}", "data.split.val=0"]))
    (one,) = [one for one in found.findings if one.kind == "tokenization"]
    assert one.text.startswith("1 of 2 examples (50.0%)")
    assert one.places == [f"{path}:1 (train:1): 'Ada'"]


def test_a_warning_is_found_once_beside_examples_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    path.write_text("Ann B-PER\n\nBob B-Per\n\na O\nb I-PER\n\n", "utf-8")
    found = check(compose_run(["data=conll", f"data.train={path}", "data.split.val=0", "head=ner"]))
    assert sum("differ only in how" in one.text for one in found.findings) == 1
    assert [one.kind for one in found.findings if one.error] == ["unusable"]


def test_the_command_lists_places_and_fails_on_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = overrides(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert command([*words]) == 1
    printed = capsys.readouterr().out
    assert "Error: 1 example of train cannot be used" in printed
    assert printed.endswith("3 errors, 8 warnings\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["test.csv", "train.csv"]
    (tmp_path / "train.csv").write_text("text,label\nso good,good\nnot good,bad\n", "utf-8")
    assert command([*words, "data.test=null", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["errors"], facts["sizes"]["train"]["examples"]) == (0, 2)
    assert facts["memory"]["parameters"] > 0


def test_options_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "experiment").mkdir()
    words = "\n".join(
        ["# @package _global_", "encoder: {hidden_size: 3}", "data: {train_size: 20}"]
    )
    (tmp_path / "experiment" / "tiny.yaml").write_text(words, "utf-8")
    sizes = ["data.val_size=4", "data.test_size=4"]
    command(["experiment=tiny", *sizes, "--config-dir", str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out)["sizes"]["train"]["examples"] == 20
    with pytest.raises(ConfigError, match="not found"):
        command(["--config-dir", str(tmp_path / "none")])


@pytest.mark.parametrize("skip", [[], ["on_bad=skip"]])
def test_it_says_why_no_example_can_be_used(tmp_path: Path, skip: list[str]) -> None:
    path = tmp_path / "spans.jsonl"
    lines = [
        '{"text": "Ann left.", "tags": [[0, 3, "PER"]]}',
        '{"text": "He ran.", "tags": ["PER"]}',
    ]
    path.write_text("\n".join(lines * 8), "utf-8")
    words = ["data=jsonl", f"data.train={path}", "data.split.val=0", "head=ner"]
    found = check(compose_run([*words, "data.columns={text: text, tags: tags}", *skip]))
    first, second = found.findings
    assert first.text == "No training example is left that can be used. [S305]"
    assert (second.error, second.text) == (True, "Skipped 16 examples of the train split:")
    assert second.places[0].startswith(f"{path}:1: ")
    assert second.places[0].endswith("are read by data=spans.")
    assert "more" not in str(second)


def test_data_that_cannot_be_read_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.csv"
    assert command(["data=csv", f"data.train={missing}", "head=classification"]) == 1
    assert str(missing) in capsys.readouterr().out


def test_the_estimate_of_memory_is_that_of_the_system() -> None:
    words = ["encoder.hidden_size=128", "batch.max_examples=128"]
    cfg = compose_run([*words, "data.train_size=200", "batch.max_cost=null"])
    memory = step_memory(cfg, encoded_data(cfg))
    gradients = 4 * memory.parameters
    if memory.measured is None:
        pytest.skip("the system does not tell the memory of a process")
    assert 0.6 < memory.measured / (memory.activations + gradients) < 1.6
