"""Several references for one input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.data.references import with_all_references
from seqloom.interfaces import Example
from seqloom.model.build import build_reader
from seqloom.model.fields import selected


def _example(number: int, texts: list[str], **fields: Any) -> Example:
    return Example(str(number), {**fields, "translation": texts})


def test_examples_with_the_same_input_have_the_references_of_all() -> None:
    examples = [
        _example(1, ["va", "vas"], text="go"),
        _example(2, ["bonjour"], text="hello"),
        _example(3, ["allez", "va"], text="go"),
        _example(4, ["allez"], text="Go"),
    ]
    found = with_all_references(examples, "translation", ["text"])
    assert [(one.id, one.fields["translation"]) for one in found] == [
        ("1", ["va", "vas", "allez"]),
        ("2", ["bonjour"]),
        ("4", ["allez"]),
    ]
    assert examples[0].fields["translation"] == ["va", "vas"]


def test_inputs_that_are_not_plain_types_stay_apart() -> None:
    examples = [_example(n, ["a"], image=np.zeros(3)) for n in range(2)]
    assert len(with_all_references(examples, "translation", ["image"])) == 2


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("group", [True, False])
def test_only_what_is_evaluated_on_is_grouped(tmp_path: Path, split: str, group: bool) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("en\tfr\ngo\tva\ngo\tallez\nhi\tsalut\n", encoding="utf-8")
    section = {
        "name": "csv",
        "train": str(table),
        "val": str(table),
        "test": str(table),
        "columns": {"text": "en", "translation": "fr"},
        "kinds": {},
        "group_references": group,
    }
    examples = [one for one in build_reader(section).examples(split) if isinstance(one, Example)]
    assert [one.fields["translation"] for one in examples] == [["va"], ["allez"], ["salut"]]
    found = [one.fields["translation"] for one in selected(section, split, examples)]
    apart = split == "train" or not group
    assert found == ([["va"], ["allez"], ["salut"]] if apart else [["va", "allez"], ["salut"]])
