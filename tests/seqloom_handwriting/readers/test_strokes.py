"""Pen strokes in tables: round trips, and what is said of malformed ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_handwriting.readers.inkml import flip, parse_strokes
from seqloom_handwriting.readers.strokes import StrokeReader

PENDIGITS: dict[str, Any] = {
    "columns": {"strokes": "strokes", "label": "digit", "writer": "comment"},
    "patterns": {"writer": r"\S+ (\S+)"},
}
TABLE = """digit\tcomment\tstrokes
8\t8 12 1\t0,1 2,3|4,5
1\t1 25 2\t6,7
2\t2 13 3\t8;9
3\t3 25 4\t1,x
4\t4\t1,1
"""


def write(folder: Path, text: str = TABLE, name: str = "t.tsv") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


coordinate = st.floats(allow_nan=False, allow_infinity=False)
stroke_lists = st.lists(
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=4), min_size=1, max_size=4
)


@given(stroke_lists)
def test_strokes_come_back(strokes: list[list[tuple[float, float]]]) -> None:
    text = "|".join(" ".join(f"{x!r},{y!r}" for x, y in stroke) for stroke in strokes)
    assert parse_strokes(text) == strokes
    assert parse_strokes(f" {text.replace('|', ' | ').replace(' ', '  ')} ") == strokes
    assert flip(strokes) == [[(x, -y) for x, y in stroke] for stroke in strokes]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stroke 1 has no points; expected x,y x,y … and | between strokes"),
        ("1,2||3,4", "stroke 2 has no points"),
        ("1,2|3,4 5", "stroke 2, point 2 (x,y is expected): '5' is not a point of two finite"),
        ("1,2,3", "stroke 1, point 1 (x,y is expected): '1,2,3' is not a point"),
        ("1,2 a,b", "stroke 1, point 2 (x,y is expected): 'a,b' is not a point"),
        ("nan,2", "'nan,2' is not a point"),
        ("1,inf", "'1,inf' is not a point"),
    ],
)
def test_malformed_points(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is tested below
        parse_strokes(text)
    assert message in str(caught.value)


def test_inputs_need_not_have_what_patterns_take_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "strokes\n0,1 2,3\n")
    (found,) = StrokeReader(**PENDIGITS).inputs([path])
    assert isinstance(found, Example)
    assert "writer" not in {**found.fields, **found.meta}


def test_a_table_with_patterns_and_held_out_writers(tmp_path: Path) -> None:
    path = write(tmp_path)
    reader = StrokeReader(train=path, **PENDIGITS, hold_out={"writer": ["25"]}, y_up=True)
    train, val = (list(reader.examples(name)) for name in ("train", "val"))
    assert [str(one) if isinstance(one, ExampleError) else one.id for one in train] == [
        "t:1",
        f"{path}:4: the strokes are malformed: stroke 1, point 1 (x,y is expected): '8;9' is not "
        "a point of two finite numbers.",
        rf"{path}:6: data.patterns.writer=\S+ (\S+) finds nothing in '4'.",
    ]
    assert [str(one) if isinstance(one, ExampleError) else one.id for one in val] == [
        "t:2",
        f"{path}:5: the strokes are malformed: stroke 1, point 1 (x,y is expected): '1,x' is not "
        "a point of two finite numbers.",
    ]
    first = train[0]
    assert not isinstance(first, ExampleError)
    assert first.fields == {"strokes": [[(0, -1), (2, -3)], [(4, -5)]], "label": "8"}
    assert first.meta == {"writer": "12"}
    assert str(first.origin) == f"{path}:2"
    assert list(reader.examples("test")) == []


def test_ids_differ_between_splits_and_inputs(tmp_path: Path) -> None:
    table = "label\tstrokes\n1\t1,1\n"
    files = {name: write(tmp_path / name, table) for name in ("train", "test")}
    reader = StrokeReader(**files)
    assert [e.id for name in files for e in reader.examples(name)] == ["train/t:1", "test/t:1"]
    inputs = reader.inputs([*files.values(), write(tmp_path, "strokes\n2,2\n", "u.tsv")])
    assert [(e.id, e.fields.get("label")) for e in inputs] == [
        ("t:1", "1"), ("t#2:1", "1"), ("u:1", None),
    ]  # fmt: skip


def test_all_or_none_held_out(tmp_path: Path) -> None:
    path = write(tmp_path)
    none = StrokeReader(train=path, **PENDIGITS, hold_out={"writer": ["99"]})
    with pytest.raises(DataError) as caught:
        list(none.examples("val"))
    assert str(caught.value) == f"{path}, of data.hold_out={{'writer': ['99']}}: no examples in it."
    everyone = StrokeReader(train=path, **PENDIGITS, hold_out={"label": list("12348")})
    with pytest.raises(DataError, match=r"t.tsv, not of data.hold_out=.*: no examples in it"):
        list(everyone.examples("train"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"patterns": {"wrter": "(a)"}},
         "data.patterns.wrter: data.columns does not have this field. Did you mean 'writer'?"),
        ({"patterns": {"writer": "("}}, "data.patterns.writer=(: not a regular expression: "),
        ({"patterns": {"writer": "a"}}, "data.patterns.writer=a has no group; put the part"),
        ({"hold_out": {"page": ["1"]}}, "data.hold_out.page: data.columns does not have this"),
        ({"hold_out": {"writer": ["1"]}, "val": "v.tsv"},
         "data.hold_out={'writer': ['1']} and data.val both define val; set only one"),
        ({"hold_out": {"writer": ["1"]}, "split": {"val": 0.1}},
         "data.hold_out={'writer': ['1']} and data.split.val both define"),
    ],
)  # fmt: skip
def test_configs_that_do_not_fit(params: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        StrokeReader(train="t.tsv", columns={"writer": "comment"}, **params)
    assert str(caught.value).startswith(message)


def test_a_test_split_is_cut_from_what_is_not_held_out(tmp_path: Path) -> None:
    rows = "".join(f"{i % 10}\t{i}\t{i},{i}\n" for i in range(40))
    path = write(tmp_path, "label\twho\tstrokes\n" + rows)
    reader = StrokeReader(
        train=path,
        columns={"label": "label", "who": "who"},
        hold_out={"label": ["3"]},
        split={"test": 0.25},
    )
    sizes = {name: len(list(reader.examples(name))) for name in ("train", "val", "test")}
    assert sizes == {"train": 27, "val": 4, "test": 9}


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, name="a.doc")
    with pytest.raises(DataError) as caught:
        list(StrokeReader(train=path).examples("train"))
    assert str(caught.value) == (
        f"{path}: a file of this kind cannot be read; expected a table (.tsv, .csv), an .inkml "
        "file, or a folder or .zip of .inkml files."
    )
    with pytest.raises(
        DataError, match=r"^- \(standard input\) cannot be read by this reader. Pass"
    ):
        list(StrokeReader().inputs(["-"]))


@pytest.mark.realdata
def test_real_digits(real_data: Path) -> None:
    folder = real_data / "pendigits_online"
    reader = StrokeReader(
        train=str(folder / "train.tsv"),
        test=str(folder / "test.tsv"),
        **PENDIGITS,
        hold_out={"writer": ["25", "26", "27", "28", "29", "30"]},
        y_up=True,
    )
    splits = {name: list(reader.examples(name)) for name in ("train", "val", "test")}
    assert {n: len(part) for n, part in splits.items()} == {
        "train": 5996,
        "val": 1498,
        "test": 3498,
    }
    writers = {name: {e.meta["writer"] for e in part} for name, part in splits.items()}
    assert writers == {
        "train": {str(n) for n in range(1, 25)},
        "val": {str(n) for n in range(25, 31)},
        "test": {str(n) for n in range(1, 15)},
    }
    assert splits["test"][0].fields["label"] == "8"
    assert splits["test"][0].fields["strokes"][0][:2] == [(273, -323), (272, -327)]
