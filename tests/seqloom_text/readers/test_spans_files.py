"""JSON files of texts with spans: malformed ones, and the places of their items."""

from pathlib import Path

import pytest

from seqloom.errors import DataError, ExampleError
from seqloom.interfaces import Example
from seqloom_text.readers.spans import SpansReader


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", r"a\.json:1: not JSON: Expecting value at column 2; expected an array of objects"),
        ('[\n{"text": "a"},\n{"text" "b"}]', r"a\.json:3: not JSON: Expecting ':'"),
        ('[{"text": "a", "label": []}', r":1: not JSON: expected a comma or the end"),
        ('[{"text": "a", "label": []}] x', r":1: not JSON: expected a comma or the end"),
        ('[{"text": "a", "label": []},]', r":1: not JSON: Expecting value"),
        ("[]", r"a\.json: no examples"),
        ("", r"a\.json: no examples"),
        ('{\n"text": "a"\n}', r"a\.json:1: an object on several lines; expected one on each"),
        ("[" * 5000, r":1: lists and objects are nested too deeply"),
        ("[" + "9" * 5000 + "]", r":1: not JSON: a number has too many digits"),
    ],
)
def test_files_that_are_malformed(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        list(SpansReader(train=str(tmp_path / "a.json")).examples("train"))


def test_items_of_an_array_have_lines_and_problems_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        '[\n {"text": "a",\n  "label": []},\n\n {"a": 1, "a": 2}, {"text": "b", "label": []}\n]\n',
        encoding="utf-8",
    )
    first, wrong, last = SpansReader(train=str(path)).examples("train")
    assert isinstance(first, Example)
    assert isinstance(wrong, ExampleError)
    assert isinstance(last, Example)
    assert [one.origin.line for one in (first, last) if one.origin] == [2, 5]
    with pytest.raises(
        ExampleError, match=r"a\.json:5: the key 'a' occurs twice in one object; expected an"
    ):
        raise wrong
