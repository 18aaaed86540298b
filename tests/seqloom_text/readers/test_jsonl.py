"""JSON Lines."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import DataError, ExampleError
from seqloom.testing.readers import usable
from seqloom_text.readers.jsonl import JsonlReader


def write(path: Path, text: str) -> str:
    path.write_bytes(text.encode())
    return str(path)


words = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1)


@given(st.lists(words, min_size=1))
def test_what_json_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, sentences: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    # U+2028 and the like stand in the file as they are: they must not end a line.
    lines = [json.dumps({"words": sentence}, ensure_ascii=False) for sentence in sentences]
    reader = JsonlReader(train=write(path, "\n".join(lines)), columns={"tokens": "words"})
    examples = list(reader.examples("train"))
    assert [e.fields["tokens"] for e in examples] == sentences
    assert [e.origin.line for e in examples if e.origin] == list(range(1, len(sentences) + 1))


def test_strings_are_split_and_numbers_are_labels(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        '{"n": 7, "text": "A b.", "tokens": "A b.", "tags": [0, 1], "label": 3, '
        '"labels": "x|y"}\n\n',
    )
    columns = {name: name for name in ("text", "tokens", "tags", "label", "labels")}
    (example,) = JsonlReader(train=path, columns=columns, id_column="n").examples("train")
    assert example.id == "7"
    assert example.fields == {
        "text": "A b.",
        "tokens": ["A", "b."],
        "tags": ["0", "1"],
        "label": "3",
        "labels": ["x", "y"],
    }


GOOD = '{"text": "a", "label": "x"}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"a\.jsonl: no examples"),
        (GOOD + "{text: a}\n", r"a\.jsonl:2: not JSON: .*expected an object on each line"),
        (GOOD + "[1]\n", ":2: expected a JSON object, found list"),
        (GOOD + "\n" + GOOD, ":2: the line is blank"),
        ('{"text": "a", "labl": 1}', r":1: no key 'label', .*\. Did you mean 'labl'"),
        (
            '{"text": ["a"], "label": "x"}',
            r"'text' is wrong: expected text, found list \['a'\]; if these are its tokens, set",
        ),
        (
            '{"text": "a", "label": true}',
            "'label' is wrong: expected the name of a class, .* found bool True; convert the",
        ),
        ('{"text": "a", "label": 2.0}', "found float 2.0; convert the column to texts"),
        (
            '[{"text": "a", "label": "x"}]',
            ":1: the file is JSON, but not JSON Lines: expected",
        ),
        ('[\n{"text": "a", "label": "x"}\n]', ":1: the file is JSON, but not JSON Lines"),
        ('{\n"text": "a",\n"label": "x"\n}', ":1: the file is JSON, but not JSON Lines"),
        ('{"text": "a", "label": null}', "'label' is wrong: expected text, found null"),
        ('{"text": "a", "label": ""}', ":1: the field 'label' is empty"),
    ],
)
def test_errors_have_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    reader = JsonlReader(train=write(tmp_path / "a.jsonl", text))
    with pytest.raises(DataError, match=message):
        usable(reader.examples("train"))


def test_an_empty_token_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"tokens": ["a", ""]}')
    reader = JsonlReader(train=path, columns={"tokens": "tokens"})
    with pytest.raises(ExampleError, match="'tokens' is wrong: item 2 of 2 is empty"):
        usable(reader.examples("train"))
    reader = JsonlReader(train=path, columns={"tokens": "tokens"}, id_column="key")
    with pytest.raises(DataError, match=r"no key 'key', from which data\.id_column reads"):
        usable(reader.examples("train"))


def test_targets_may_be_absent_or_null_in_inputs(tmp_path: Path) -> None:
    lines = ['{"text": "a"}', '{"text": "", "label": null}', '{"text": "c", "label": "x"}']
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    found = [e.fields for e in JsonlReader(id_column="n").inputs([path])]
    assert found == [{"text": "a"}, {"text": ""}, {"text": "c", "label": "x"}]


@pytest.mark.parametrize("label", ["true", "2.0", '["x", "y"]', "{}", '"[1, 2]"'])
def test_targets_that_cannot_be_read_do_not_matter_in_inputs(tmp_path: Path, label: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"text": "a", "label": {label}}}\n')
    (example,) = usable(JsonlReader().inputs([path]))
    assert example.fields == {"text": "a"}
    with pytest.raises(ExampleError, match="the field 'label' is wrong"):
        usable(JsonlReader(train=path).examples("train"))


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (b"{oops}\n", "not JSON"),
        (b"[" * 100_000 + b"\n", "nested too deeply"),
        (
            b'{"text": "a", "text": "b", "label": "c"}\n',
            "the key 'text' occurs twice in one object",
        ),
        (b'{"text": "a", "label": ' + b"9" * 5000 + b"}\n", "a whole number has too many digits"),
        (b"7\n", "expected a JSON object, found int"),
        (b"\n\n", "the line is blank"),
        (b'{"text": "b"}\n', "no key 'label'"),
        (b'{"text": "caf\xe9", "label": "x"}\n', "not UTF-8: byte 0xe9"),
    ],
)
def test_what_is_wrong_with_one_line_leaves_the_others(
    tmp_path: Path, bad: bytes, problem: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOOD.encode() + bad + GOOD.encode())
    first, error, last = JsonlReader(train=str(path)).examples("train")
    assert isinstance(error, ExampleError)
    assert f"a.jsonl:2: {problem}" in str(error).replace("lists and objects are ", "")
    assert first.fields == last.fields


def test_examples_in_one_object_and_null_are_told(tmp_path: Path) -> None:
    text = '{"data": [{"text": "a", "label": "x"}]}\n{"text": "a", "label": null}\n'
    first, second = JsonlReader(train=write(tmp_path / "a.jsonl", text)).examples("train")
    assert str(first).endswith("all in one object. Extract them: jq -c '.data[]' FILE.")
    assert str(second).endswith("the field 'label' is wrong: expected text, found null.")


def test_tabs_split_tokens_in_a_string(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"tokens": "a\\tb c", "tags": "O\\tO \\tB-X"}\n')
    columns = {"tokens": "tokens", "tags": "tags"}
    (one,) = usable(JsonlReader(train=path, columns=columns).examples("train"))
    assert one.fields == {"tokens": ["a", "b", "c"], "tags": ["O", "O", "B-X"]}


def test_a_file_of_tokens_names_the_columns_that_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"tokens": ["Ada"], "tags": ["B-PER"], "entities": [{"start": 0, "end": 1}]}\n'
    )
    (error,) = JsonlReader().inputs([str(path)])
    assert str(error).endswith(" read: data.columns='{tokens: tokens, tags: tags}'.")


@pytest.mark.parametrize("label", ['["x"]', "\"['x']\""])
def test_one_class_may_be_in_a_list(tmp_path: Path, label: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"text": "a", "label": {label}}}\n')
    (example,) = usable(JsonlReader(train=path).examples("train"))
    assert example.fields["label"] == "x"


@pytest.mark.parametrize("labels", ["[1, 0, 0]", "[1.0, 0.0, 0.0]", '"[1, 1]"'])
def test_marks_for_each_class_are_no_names(tmp_path: Path, labels: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"text": "a", "labels": {labels}}}\n')
    columns = {"text": "text", "labels": "labels"}
    with pytest.raises(ExampleError, match="which has 1 or 0 for each class; write the names"):
        usable(JsonlReader(train=path, columns=columns).examples("train"))


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (
            {"text": "a", "options": [{"id": "A"}], "accept": ["A"]},
            "read with data.columns='{text: text, label: accept}'.",
        ),
        ({"rows": [{"row": {"text": "a", "label": 1}}]}, "jq -c '.rows[].row' FILE."),
        (
            {"data": {"text": "a", "label": "x"}},
            "There is one in 'data'. Extract it: jq -c '.data' FILE.",
        ),
        ({"text": "a", "spans": [{"start": 0, "end": 1}]}, "'spans', are read by data=spans."),
    ],
)
def test_a_missing_key_tells_what_reads_it(tmp_path: Path, line: dict[str, Any], hint: str) -> None:
    path = write(tmp_path / "a.jsonl", json.dumps(line))
    (error,) = JsonlReader(train=path).examples("train")
    assert str(error).endswith(hint)


def test_what_was_rejected_in_prodigy_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = [
        {"text": "a", "label": "x", "_task_hash": 1, "answer": answer}
        for answer in ("accept", "reject", "ignore")
    ]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    assert len(usable(JsonlReader(train=path).examples("train"))) == 3
    assert f"{path}: 2 objects were rejected or ignored in Prodigy" in caplog.text
    caplog.clear()
    assert len(usable(JsonlReader().inputs([path]))) == 3
    assert not caplog.text


def test_an_example_whose_id_is_null_is_numbered(tmp_path: Path) -> None:
    lines = [{"n": n, "text": "a", "label": "x"} for n in (None, 7, None)]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    found = usable(JsonlReader(train=path, id_column="n").examples("train"))
    assert [one.id for one in found] == ["a:1", "7", "a:3"]
