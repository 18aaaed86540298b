"""Parquet, Arrow and Feather files give the examples that JSON Lines give."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.testing.readers import usable
from seqloom_text.readers import columnar
from seqloom_text.readers.csv import CsvReader
from seqloom_text.readers.jsonl import JsonlReader
from seqloom_text.readers.spans import SpansReader

pyarrow = pytest.importorskip("pyarrow")

COLUMNS = {"tokens": "words", "tags": "tags", "label": "kind"}
ROWS: list[dict[str, Any]] = [
    {"words": ["a", "ä b"], "tags": ["O", "B-X"], "kind": "x", "n": n, "id": f"i{n}"}
    for n in range(7)
]


def _write(path: Path, rows: list[dict[str, Any]]) -> str:
    from pyarrow import feather, ipc, parquet

    table = pyarrow.Table.from_pylist(rows)
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=3)
    elif path.suffix == ".feather":
        feather.write_feather(table, path, compression="uncompressed")
    else:
        kind = ipc.new_stream if "stream" in path.name else ipc.new_file
        with kind(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return str(path)


@pytest.mark.parametrize("reader", [JsonlReader, CsvReader])
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "stream.arrow", "a.feather"])
def test_rows_are_those_of_json_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reader: type[JsonlReader]
) -> None:
    monkeypatch.setattr(columnar, "ROWS", 2)
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    wanted = JsonlReader(columns=COLUMNS, train=str(lines), id_column="id").examples("train")
    path = _write(tmp_path / name, ROWS)
    found = list(reader(columns=COLUMNS, train=path, id_column="id").examples("train"))
    assert [(one.id, one.fields) for one in usable(found)] == [
        (one.id, one.fields) for one in usable(wanted)
    ]
    assert str(usable(found)[4].origin) == f"{path}:5"


def test_ids_are_numbered_and_targets_may_be_absent(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.parquet", [{"words": ["a"]}, {"words": ["b"]}])
    found = usable(JsonlReader(columns=COLUMNS).inputs([path]))
    assert [(one.id, one.fields) for one in found] == [
        ("a:1", {"tokens": ["a"]}),
        ("a:2", {"tokens": ["b"]}),
    ]


def test_what_is_wrong_names_file_and_row(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "x"}, {"text": None, "label": "x"}, {"text": "c", "label": " "}]
    path = _write(tmp_path / "a.parquet", rows)
    found = list(JsonlReader(train=path).examples("train"))
    assert [isinstance(one, ExampleError) for one in found] == [False, True, True]
    assert str(found[1]).startswith(f"{path}:2: the field 'text' is wrong: expected text, found")
    assert str(found[2]).startswith(f"{path}:3: the field 'label' is empty")
    with pytest.raises(
        DataError, match=r"a\.parquet: no column 'txt', from which data\.columns\.text"
    ):
        list(JsonlReader(train=path, columns={"text": "txt"}).examples("train"))
    with pytest.raises(DataError, match=r"no column 'key', from which data\.id_column reads"):
        list(JsonlReader(train=path, id_column="key").examples("train"))
    with pytest.raises(ConfigError, match=r"group_column=g: .* holds a row for each"):
        list(CsvReader(train=path, group_column="g").examples("train"))


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_damaged_file(tmp_path: Path, name: str) -> None:
    path = Path(_write(tmp_path / name, [{"text": "a", "label": "x"}]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.\w+: not a file that can be read: "):
        list(JsonlReader(train=str(path)).examples("train"))


def test_damaged_pages_and_text(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = Path(
        _write(tmp_path / "a.parquet", [{"text": f"t{n}", "label": "x"} for n in range(99)])
    )
    content = bytearray(path.read_bytes())
    content[60:80] = b"\xff" * 20  # of a page, not of the footer
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.parquet: not a file that can be read: "):
        list(JsonlReader(train=str(path)).examples("train"))
    binary = pyarrow.array([b"\xff\xfe"])
    text = pyarrow.Array.from_buffers(pyarrow.string(), 1, binary.buffers())
    parquet.write_table(pyarrow.table({"text": text, "label": ["x"]}), path)
    with pytest.raises(DataError, match=r"not a file that can be read: 'utf-8' codec"):
        list(JsonlReader(train=str(path)).examples("train"))


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    arrays = [pyarrow.array([one]) for one in "abx"]
    parquet.write_table(pyarrow.Table.from_arrays(arrays, ["text", "text", "label"]), path)
    with pytest.raises(DataError, match=r"2 columns are called 'text', .*data\.columns\.text"):
        list(JsonlReader(train=str(path)).examples("train"))


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "a.parquet", [{"text": "a", "label": "x"}])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs the package pyarrow: .*arrow"):
        list(JsonlReader(train=path).examples("train"))


def _named(path: Path, rows: list[dict[str, Any]], features: dict[str, Any]) -> str:
    """Write a file as datasets of Hugging Face do, version 4."""
    from pyarrow import ipc, parquet

    found = {name: {"dtype": "string", "_type": "Value"} for name in rows[0]} | features
    metadata = {"huggingface": json.dumps({"info": {"features": found}})}
    table = pyarrow.Table.from_pylist(rows).replace_schema_metadata(metadata)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        with ipc.new_stream(str(path), table.schema) as writer:
            writer.write_table(table)
    return str(path)


TAGS = {"names": ["O", "B-PER"], "_type": "ClassLabel"}


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
@pytest.mark.parametrize(
    "feature",
    [{"feature": TAGS, "_type": "List"}, {"feature": TAGS, "_type": "Sequence"}, [TAGS]],
    ids=["list", "sequence", "array"],
)
def test_names_of_numbers_are_those_of_the_file(tmp_path: Path, name: str, feature: Any) -> None:
    rows = [{"words": ["Ada", "ran"], "ner_tags": [1, 0]}, {"words": ["a"], "ner_tags": [-100]}]
    path = _named(tmp_path / name, rows, {"ner_tags": feature})
    columns = {"tokens": "words", "tags": "ner_tags"}
    found, wrong = JsonlReader(columns=columns, train=path).examples("train")
    (one,) = usable([found])
    assert one.fields == {"tokens": ["Ada", "ran"], "tags": ["B-PER", "O"]}
    assert str(wrong).startswith(f"{path}:2: the number -100 is not one of 0 to 1, of which the")
    assert len(usable(JsonlReader(columns=columns).inputs([path]))) == 2
    own = {"tags": ["O", "B-X"]}
    found, _ = CsvReader(columns=columns, train=path, names=own).examples("train")
    assert usable([found])[0].fields["tags"] == ["B-X", "O"]


def test_names_of_labels_and_other_metadata(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": None}]
    path = _named(tmp_path / "a.parquet", rows, {"label": {**TAGS, "names": ["no", "yes"]}})
    first, second = JsonlReader(train=path).examples("train")
    assert usable([first])[0].fields["label"] == "yes"
    assert isinstance(second, ExampleError)
    for odd in ({**TAGS, "names": []}, {**TAGS, "names": [1]}, {"names": ["a", "b"]}, 3, None):
        path = _named(tmp_path / "a.parquet", rows[:1], {"label": odd})
        assert usable(JsonlReader(train=path).examples("train"))[0].fields["label"] == "1"


SPAN = {"start": 0, "end": 3, "label": 1}
OF_SPAN = {"label": {**TAGS, "names": ["LOC", "PER"]}}


@pytest.mark.parametrize(
    ("value", "feature"),
    [
        ({"entities": [SPAN]}, {"entities": {"feature": OF_SPAN, "_type": "List"}}),
        ({"spans": [SPAN]}, {"spans": [OF_SPAN]}),
        (
            {"entities": {name: [one] for name, one in SPAN.items()}},
            {"entities": {"label": {"feature": OF_SPAN["label"], "_type": "List"}}},
        ),
        (
            {"entities": {name: [one] for name, one in SPAN.items()}},
            {"entities": {"feature": OF_SPAN, "_type": "Sequence"}},
        ),
        (
            {name: [one] for name, one in SPAN.items()},
            {"label": {"feature": OF_SPAN["label"], "_type": "List"}},
        ),
        ({"label": [{**SPAN, "label": "PER"}]}, {}),
    ],
    ids=["list", "array", "lists", "sequence", "columns", "texts"],
)
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_spans(tmp_path: Path, name: str, value: Any, feature: Any) -> None:
    path = _named(tmp_path / name, [{"text": "Ada ran", "answer": None, **value}], feature)
    (found,) = usable(SpansReader(train=path).examples("train"))
    assert found.fields == {"text": "Ada ran", "tokens": ["Ada", "ran"], "tags": ["B-PER", "O"]}
    assert str(found.origin) == f"{path}:1"


def test_wrong_spans_name_file_and_row(tmp_path: Path) -> None:
    rows = [
        {"text": "Ada ran", "spans": [{**SPAN, "label": n, "end": e}]} for n, e in ((1, 9), (7, 3))
    ]
    path = _named(tmp_path / "a.parquet", rows, {"spans": [OF_SPAN]})
    first, second = SpansReader(train=path).examples("train")
    assert str(first).startswith(f"{path}:1: the span 0 to 9 'PER' is not in the text")
    assert str(second).startswith(f"{path}:2: the number 7 is not one of 0 to 1")
    assert len(usable(SpansReader().inputs([path]))) == 2
    with pytest.raises(DataError, match=r"b\.parquet: no such file"):
        list(SpansReader(train=str(tmp_path / "b.parquet")).examples("train"))
