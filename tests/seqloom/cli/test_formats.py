"""How predictions are written: nothing in a text can break a row or a line."""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.cli.formats import FORMS, forms, refuse_unknown_form, writing
from seqloom.errors import ConfigError, DataError, ExampleError, PluginError
from seqloom.interfaces import Example


class Tags:
    """Just enough of a head's codec to be written."""

    column_names = ("token", "tag")
    row_per_token = True

    def columns(self, example: Example, prediction: dict[str, Any]) -> list[list[str]]:
        return [list(row) for row in zip(example.fields["tokens"], prediction["tags"], strict=True)]


class Words(Tags):
    """A codec whose rows are not those of tokens."""

    row_per_token = False


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_stays_in_its_cell(tokens: list[str]) -> None:
    example = Example("x", {"tokens": tokens})
    prediction = {"tags": ["O"] * len(tokens)}
    codec: Any = Tags()
    tsv = FORMS["tsv"](codec)(example, prediction)
    assert [line.count("\t") for line in tsv.split("\n")[:-1]] == [2] * (len(tokens) + 1)
    conll = FORMS["conll"](codec)(example, prediction)
    assert [line.count("\t") for line in conll.split("\n")[:-2]] == [1] * len(tokens)
    assert conll.endswith("\tO\n\n")


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        (["a", " b"], "' b' is written as 'b'"),
        (["a", "b\tc"], r"'b\tc' is written as 'b c'"),
        (["a", " "], "' ' is written as '_'"),
        (["-DOCSTART-", "a"], "'-DOCSTART-' will be read as the beginning of a document"),
        (["a", "-DOCSTART-", "b"], "'-DOCSTART-' will be read as the beginning of a document"),
        (["\u00a0a", "b\u00a0", "\u00a0", "c d", "_"], ""),
    ],
)
def test_conll_tells_of_tokens_that_it_cannot_hold(
    tokens: list[str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    codec: Any = Tags()
    codec.columns = lambda example, _: [[one, "O", "0.9"] for one in example.fields["tokens"]]
    write = FORMS["conll"](codec)
    for ident in ("one", "two"):
        write(Example(ident, {"tokens": tokens}), {})
    assert caplog.messages == [
        f"--to conll: the token {told}, in one. --to jsonl keeps all tokens as they are. This is "
        "shown once."
    ] * bool(told)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_csv_keeps_any_text(tokens: list[str]) -> None:
    codec: Any = Tags()
    text = FORMS["csv"](codec)(Example("x", {"tokens": tokens}), {"tags": ["O"] * len(tokens)})
    read = [*csv.reader(io.StringIO(text, newline=""))]
    assert read == [["id", "token", "tag"], *(["x", token, "O"] for token in tokens)]


def test_the_header_comes_once() -> None:
    codec: Any = Tags()
    write = FORMS["tsv"](codec)
    example = Example("x", {"tokens": ["a"]})
    assert write(example, {"tags": ["O"]}) == "id\ttoken\ttag\nx\ta\tO\n"
    assert write(example, {"tags": ["O"]}) == "x\ta\tO\n"


def test_cells_of_the_input_stand_after_those_of_the_head_and_before_a_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Times:
        cell_names = ("start", "end")

        def cells(self, example: Example, prediction: dict[str, Any]) -> list[str]:
            return ["1.5", "2\t0"] if example.id == "part" else ["", ""]

    frontend = Times()
    expected = {
        "tsv": "id\ttoken\ttag\tstart\tend\npart\ta\tO\t1.5\t2 0\nall\ta\tO\t\t\n",
        "csv": "id,token,tag,start,end\npart,a,O,1.5,2\t0\nall,a,O,,\n",
        "text": "1.5\t2 0\ta\na\n",
        "conll": "a\tO\n\na\tO\n\n",
    }
    for form, text in expected.items():
        codec = Words() if form == "text" else Tags()
        with writing(form, None, codec, frontend=frontend) as writer:  # type: ignore[arg-type]
            for name in ("part", "all"):
                writer.write(Example(name, {"tokens": ["a"]}), {"tags": ["O"]})
        assert capsys.readouterr().out == text


def test_json_has_no_nan_and_keeps_letters() -> None:
    codec: Any = Tags()
    line = FORMS["jsonl"](codec)(Example("é", {}), {"score": float("nan"), "text": "a\nb"})
    assert line == '{"id": "é", "score": null, "text": "a\\nb"}\n'
    assert json.loads(line)["score"] is None


def test_text_is_the_first_column_alone() -> None:
    codec: Any = Words()
    write = FORMS["text"](codec)
    example = Example("x", {"tokens": ["a\tb", "c\n"]})
    assert write(example, {"tags": ["O", "O"]}) == "a b\nc \n"


WRITER = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Params:
    train: str = "x"

@hookimpl
def seqloom_components():
    writers = {"boxes": "faulty_boxes_writer:Boxes", "gone": "faulty_nowhere:Boxes"}
    return [Component("data", "boxes", Params, "faulty_boxes_writer:Reader", writers=writers)]
"""
BOXES = """
from seqloom.errors import ConfigError

class Boxes:
    def __init__(self, out, codec):
        if out is None:
            raise ConfigError("--to boxes writes a file; name it: --out PATH")
        self.out, self.codec, self.written = out, codec, []
    def write(self, example, prediction):
        self.written.append(f"{example.id}={prediction['tags']}")
    def close(self):
        self.out.write_text(" ".join([*self.written, type(self.codec).__name__]))
"""


@pytest.fixture
def boxes(install: Callable[..., Path]) -> None:
    install("faulty_boxes", WRITER)
    install("faulty_boxes_writer", BOXES)


def test_a_plugins_form_is_found_and_finished(boxes: None, tmp_path: Path) -> None:
    codec: Any = Tags()
    assert {*FORMS, "boxes", "alto", "page"} <= set(forms())
    with writing("boxes", tmp_path / "out", codec) as writer:
        writer.write(Example("a", {}), {"tags": 1})
        writer.write(Example("b", {}), {"tags": 2})
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").read_text() == "a=1 b=2 Tags"


def test_a_plugins_form_is_not_finished_after_an_error(boxes: None, tmp_path: Path) -> None:
    codec: Any = Tags()
    with pytest.raises(DataError, match="is bad"), writing("boxes", tmp_path / "out", codec):
        raise DataError("is bad")
    assert not (tmp_path / "out").exists()


def test_a_plugins_form_that_does_not_fit_or_is_broken(boxes: None, tmp_path: Path) -> None:
    codec: Any = Tags()
    with (
        pytest.raises(ConfigError, match=r"^--to boxes writes a file"),
        writing("boxes", None, codec),
    ):
        pass
    with (
        pytest.raises(PluginError, match=r"^--to gone cannot be loaded: .* 'faulty_nowhere:Boxes'"),
        writing("gone", tmp_path / "out", codec),
    ):
        pass


def test_a_form_that_there_is_not(boxes: None) -> None:
    codec: Any = Tags()
    expected = (
        f"--to bxes: unknown format. Did you mean 'boxes'? There are: {', '.join(sorted(forms()))}."
    )
    for attempt in (lambda: refuse_unknown_form("bxes"), writing("bxes", None, codec).__enter__):
        with pytest.raises(ConfigError) as found:
            attempt()
        assert str(found.value) == expected


def test_a_form_of_seqlooms_own_is_written_to_a_file(tmp_path: Path) -> None:
    codec: Any = Words()
    with writing("text", tmp_path / "out", codec) as writer:
        writer.write(Example("x", {"tokens": ["a"]}), {"tags": ["O"]})
        writer.close()
    assert (tmp_path / "out").read_text() == "a\n"


def test_gold_tags_that_are_too_few_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    codec: Any = Tags()
    codec.target = lambda example: example.fields["gold"]
    with writing("tsv", None, codec, gold=True) as writer:
        writer.write(Example("x", {"tokens": ["a", "b"], "gold": ["O", "X"]}), {"tags": ["O", "O"]})
        short = Example("y", {"tokens": ["a", "b"], "gold": ["O"]})
        with pytest.raises(ExampleError, match="it has 1 tag for 2 tokens; --gold needs one tag"):
            writer.write(short, {"tags": ["O", "O"]})
    assert "x\tb\tX\tO" in capsys.readouterr().out


def test_a_pipe_as_output_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.append((tmp_path / "out").read_text()))
    reader.start()
    codec: Any = Words()
    with writing("text", tmp_path / "out", codec) as writer:
        writer.write(Example("x", {"tokens": ["a"]}), {"tags": ["O"]})
        writer.close()
    reader.join(600)
    assert said == ["a\n"]
    assert (tmp_path / "out").is_fifo()


def test_spans_are_in_the_text_or_in_the_joined_tokens() -> None:
    codec: Any = Tags()
    found = {"tokens": ["Ada", "5", "x"], "entities": [{"type": "A", "start": 0, "end": 2}]}
    write = FORMS["spans"](codec)
    joined = Example("a", {"tokens": found["tokens"]})
    assert json.loads(write(joined, found)) == {
        "id": "a",
        "text": "Ada 5 x",
        "label": [[0, 5, "A"]],
    }
    meta = {"offsets": [[1, 4], [4, 5], [7, 8]]}
    whole = Example("a", {"tokens": found["tokens"], "text": " Ada5  x"}, meta=meta)
    assert json.loads(write(whole, found))["label"] == [[1, 5, "A"]]
    codec.row_per_token = False
    with pytest.raises(ConfigError, match="--to spans: the model does not predict a tag for each"):
        FORMS["spans"](codec)
