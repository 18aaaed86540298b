"""How predictions are written: nothing in a text can break a row or a line."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seqloom.cli.formats import FORMS
from seqloom.interfaces import Example


class Tags:
    """Just enough of a head to be written."""

    column_names = ("token", "tag")
    row_per_token = True

    def columns(self, example: Example, prediction: dict[str, Any]) -> list[list[str]]:
        return [list(row) for row in zip(example.fields["tokens"], prediction["tags"], strict=True)]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_text_stays_in_its_cell(tokens: list[str]) -> None:
    example = Example("x", {"tokens": tokens})
    prediction = {"tags": ["O"] * len(tokens)}
    head: Any = Tags()
    tsv = FORMS["tsv"](head)(example, prediction)
    assert [line.count("\t") for line in tsv.split("\n")[:-1]] == [2] * (len(tokens) + 1)
    conll = FORMS["conll"](head)(example, prediction)
    assert [line.count("\t") for line in conll.split("\n")[:-2]] == [1] * len(tokens)
    assert conll.endswith("\tO\n\n")


def test_the_header_comes_once() -> None:
    head: Any = Tags()
    write = FORMS["tsv"](head)
    example = Example("x", {"tokens": ["a"]})
    assert write(example, {"tags": ["O"]}) == "id\ttoken\ttag\nx\ta\tO\n"
    assert write(example, {"tags": ["O"]}) == "x\ta\tO\n"


def test_json_has_no_nan_and_keeps_letters() -> None:
    head: Any = Tags()
    line = FORMS["jsonl"](head)(Example("é", {}), {"score": float("nan"), "text": "a\nb"})
    assert line == '{"id": "é", "score": null, "text": "a\\nb"}\n'
    assert json.loads(line)["score"] is None
