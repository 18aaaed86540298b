"""Fields of several columns, and numbers that have names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.testing.readers import usable
from seqloom_text.readers.csv import CsvReader
from seqloom_text.readers.jsonl import JsonlReader

TOXIC = {"text": "comment", "labels": ["toxic", "threat"]}


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def table(folder: Path, *rows: str) -> str:
    return write(folder / "a.csv", "\n".join(["comment,toxic,threat,title", *rows, ""]))


def test_labels_in_columns_of_their_own(tmp_path: Path) -> None:
    path = table(tmp_path, "a,1,0,x", "b,0,0.0,x", "c,True,yes,x")
    found = usable(CsvReader(train=path, columns=TOXIC).examples("train"))
    assert [one.fields["labels"] for one in found] == [["toxic"], [], ["toxic", "threat"]]
    lines = [{"comment": "a", "toxic": 1, "threat": False}, {"comment": "b", "toxic": 0.0}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)))
    first, wrong = JsonlReader(train=path, columns=TOXIC).examples("train")
    assert not isinstance(first, ExampleError)
    assert first.fields["labels"] == ["toxic"]
    with pytest.raises(ExampleError, match=r"a\.jsonl:2: no key 'threat', from which data\.col"):
        raise wrong if isinstance(wrong, ExampleError) else AssertionError


@pytest.mark.parametrize("cell", ["2", "", "x", "nan"])
def test_a_cell_that_does_not_say_whether_a_class_is_there(tmp_path: Path, cell: str) -> None:
    path = table(tmp_path, f"a,{cell},0,x", "b,1,0,x")
    wrong, _ = CsvReader(train=path, columns=TOXIC).examples("train")
    with pytest.raises(
        ExampleError, match=f"csv:2: the column 'toxic' has '{cell}'; expected 1 if"
    ):
        raise wrong if isinstance(wrong, ExampleError) else AssertionError


def test_labels_of_new_inputs_do_not_matter(tmp_path: Path) -> None:
    # -1 marks rows of a test set that are not scored; labels that are to be predicted are empty.
    path = table(tmp_path, "a,-1,-1,x", "b,,,x", "c,1,0,x")
    found = usable(CsvReader(columns=TOXIC).inputs([path]))
    assert [one.fields.get("labels") for one in found] == [None, None, ["toxic"]]
    path = write(tmp_path / "new.csv", "comment,toxic\nd,1\n")
    assert [one.fields for one in usable(CsvReader(columns=TOXIC).inputs([path]))] == [
        {"text": "d"}
    ]


@pytest.mark.parametrize("columns", [[], ["toxic", "toxic"]])
def test_lists_of_no_columns_or_equal_ones_are_refused(columns: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"data\.columns\.labels=.*each of them once"):
        CsvReader(columns={"text": "comment", "labels": columns})


def test_a_text_in_several_columns(tmp_path: Path) -> None:
    columns = {"text": ["title", "comment"], "label": "toxic"}
    path = table(tmp_path, "a b,1,0,x", "c,1,0,")
    found = usable(CsvReader(train=path, columns=columns).examples("train"))
    assert [one.fields["text"] for one in found] == ["x a b", "c"]
    # New inputs need all its columns, but no classes.
    new = write(tmp_path / "new.csv", "comment,title\nc,d\n")
    (one,) = usable(CsvReader(columns=columns).inputs([new]))
    assert one.fields == {"text": "d c"}
    new = write(tmp_path / "new.csv", "comment\nc\n")
    (wrong,) = CsvReader(columns=columns).inputs([new])
    with pytest.raises(ExampleError, match="the field 'text' lacks the column 'title'"):
        raise wrong if isinstance(wrong, ExampleError) else AssertionError
    new = write(tmp_path / "new.csv", "other\nc\n")
    with pytest.raises(DataError, match=r"no column 'title', from which data\.columns\.text reads"):
        list(CsvReader(columns=columns).inputs([new]))


def test_columns_without_a_header_may_be_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "a,1,0\n")
    columns: Any = {"text": 1, "labels": [2, 3]}
    (one,) = usable(CsvReader(train=path, header=False, columns=columns).examples("train"))
    assert one.fields == {"text": "a", "labels": ["2"]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": "a", "label": ["b", "c"]}, r"data\.columns\.label: several columns can form a t"),
        ({"tokens": ["a", "b"]}, "but not a tokens"),
        ({"text": None}, r"data\.columns\.text=None: expected the name of a column"),
        ({"text": [True]}, r"data\.columns\.text=True: expected the name"),
        ({"text": {"a": 1}}, "expected the name of a column"),
    ],
)
@pytest.mark.parametrize("reader", [CsvReader, JsonlReader])
def test_columns_that_cannot_be_read(reader: Any, columns: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        reader(columns=columns)


NAMES = ["O", "B-PER", "I-PER"]


def test_numbers_get_their_names(tmp_path: Path) -> None:
    columns = {"tokens": "words", "tags": "ner_tags", "label": "topic"}
    names = {"tags": NAMES, "label": ["news", "sport"]}
    path = write(
        tmp_path / "a.jsonl", '{"words": ["Ada", "B", "ran"], "ner_tags": [1, 2, 0], "topic": 1}'
    )
    (one,) = usable(JsonlReader(train=path, columns=columns, names=names).examples("train"))
    assert one.fields["tags"] == ["B-PER", "I-PER", "O"]
    assert one.fields["label"] == "sport"
    path = write(tmp_path / "a.csv", 'words,ner_tags,topic\nAda ran,"[1, 0]",0\n')
    (one,) = usable(CsvReader(train=path, columns=columns, names=names).examples("train"))
    assert (one.fields["tags"], one.fields["label"]) == (["B-PER", "O"], "news")


@pytest.mark.parametrize("tag", ["3", "-100", '"B-PER"'])
def test_numbers_without_a_name(tmp_path: Path, tag: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"tokens": ["a", "b"], "tags": [1, {tag}]}}')
    columns = {"tokens": "tokens", "tags": "tags"}
    (wrong,) = JsonlReader(train=path, columns=columns, names={"tags": NAMES}).examples("train")
    with pytest.raises(ExampleError, match=r"is not one of the numbers 0 to 2 that data\.names\.t"):
        raise wrong if isinstance(wrong, ExampleError) else AssertionError


@pytest.mark.parametrize("field", ["tgas", "text"])
def test_names_of_a_field_without_classes(field: str) -> None:
    with pytest.raises(ConfigError, match=rf"data\.names\.{field}: .* are: text \(text\), label"):
        JsonlReader(names={field: NAMES})


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        (None, ["id", "tokens", "ner_tags"], "{tokens: tokens, tags: ner_tags}"),
        (None, ["id", "tokens", "tags"], "{tokens: tokens, tags: tags}"),
        ({"tokens": "tokens", "tags": "tags"}, ["tokens", "a b"], "{tokens: tokens, tags: COLUMN}"),
        ({"text": ["a", "b"], "label": "c"}, ["a", "c"], "{text: [a, COLUMN], label: c}"),
    ],
)
def test_a_missing_column_tells_the_whole_setting(
    tmp_path: Path, columns: dict[str, Any] | None, row: list[str], said: str
) -> None:
    path = write(tmp_path / "a.csv", "\n".join([",".join(row), ",".join("x" for _ in row), ""]))
    with pytest.raises(
        DataError, match=re.escape(f" Name all that are to be read: data.columns='{said}'.")
    ):
        usable(CsvReader(train=path, columns=columns).examples("train"))
    path = write(tmp_path / "a.jsonl", json.dumps(dict.fromkeys(row, "x")))
    (wrong,) = JsonlReader(train=path, columns=columns).examples("train")
    assert f"data.columns='{said.replace('COLUMN', 'KEY')}'." in str(wrong)
