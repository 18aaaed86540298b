"""Predictions as folders of brat, which are read as they were written."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.cli.main import run
from seqloom.data import entity_spans
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_text.brat_writer import BratWriter
from seqloom_text.readers.spans import SpansReader


class Tags:
    """Just enough of a head's codec to be written."""

    row_per_token = True


CODEC: Any = Tags()
NER: dict[str, Any] = {"tokens": ["Ada", "met", "Li"]}
NER |= {"entities": [{"type": "PER", "start": 0, "end": 1}, {"type": "PER", "start": 2, "end": 3}]}


def files(folder: Path) -> dict[str, str]:
    return {
        one.relative_to(folder).as_posix(): one.read_bytes().decode()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def entities(example: Example) -> list[tuple[int, int, str]]:
    """Return the entities of the tags of an example, in characters."""
    found = list[tuple[int, int, str]]()
    for (start, end), tag in zip(example.meta["offsets"], example.fields["tags"], strict=True):
        if tag[0] == "I":
            found[-1] = (found[-1][0], end, tag[2:])
        elif tag != "O":
            found.append((start, end, tag[2:]))
    return found


def test_predictions_are_read_back_with_their_entities(trained_ner: Path, tmp_path: Path) -> None:
    texts = ["😀 Apple beats 𝐆oogle .", "I ate an Apple\nand Apple  fell.", "Apple\r\nApple"]
    source = tmp_path / "in.jsonl"
    source.write_text(
        "".join(json.dumps({"id": f"a/{n}", "text": t}) + "\n" for n, t in enumerate(texts))
    )
    read = ["data=jsonl", "data.columns={text: text}", "data.id_column=id", str(source)]
    expected = tmp_path / "out.jsonl"
    out = tmp_path / "brat"
    assert run(["predict", str(trained_ner), *read, "--to", "spans", "--out", str(expected)]) == 0
    assert run(["predict", str(trained_ner), *read, "--to", "brat", "--out", str(out)]) == 0
    told = [json.loads(line) for line in expected.read_text("utf-8").splitlines()]
    back = usable(SpansReader(train=str(out)).examples("train"))
    assert [one.fields["text"] for one in back] == texts == [one["text"] for one in told]
    assert [[list(span) for span in entities(one)] for one in back] == [o["label"] for o in told]
    assert sum(len(one["label"]) for one in told) > 0
    assert sorted(files(out)) == [f"a_{n}.{suffix}" for n in range(3) for suffix in ("ann", "txt")]
    again = tmp_path / "again"  # of a folder of brat, the names are those of its documents
    assert run(["predict", str(trained_ner), str(out), "--to", "brat", "--out", str(again)]) == 0
    assert files(again) == files(out)
    with pytest.raises(ConfigError, match=r"already has texts or annotations, such as a_0\.ann\. "):
        run(["predict", str(trained_ner), *read, "--to", "brat", "--out", str(out)])


def _lead(text: str) -> int:
    return len(text) - len(text.lstrip())


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5), st.data())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[str], data: st.DataObject
) -> None:
    tmp_path = tmp_path_factory.mktemp("brat")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(tokens)))))
    marked = [{"type": "X", "start": a, "end": b} for a, b in pairwise(cuts)]
    example, prediction = Example("a", {}), {"tokens": tokens, "entities": marked}
    text, found = entity_spans(example, prediction)
    spans = [(a + _lead(text[a:b]), a + len(text[a:b].rstrip()), kind) for a, b, kind in found]
    try:
        BratWriter(tmp_path / "c", CODEC).write(example, prediction)
    except ExampleError:
        assert not files(tmp_path)
        assert not text.isprintable() or not all(map(str.strip, tokens))
        return
    (back,) = usable(SpansReader().inputs([str(tmp_path / "c")]))
    assert back.fields["text"] == text
    if text.isspace():
        return
    (back,) = usable(SpansReader(train=str(tmp_path / "c")).examples("train"))
    assert entities(back) == spans


def test_an_entity_in_two_lines_has_a_piece_for_each(tmp_path: Path) -> None:
    example = Example("a", {"text": "Ada \r\n Li"}, meta={"offsets": [[0, 3], [7, 9]]})
    marked = [{"type": "PER", "start": 0, "end": 2}]
    BratWriter(tmp_path, CODEC).write(example, {"tokens": ["Ada", "Li"], "entities": marked})
    assert files(tmp_path) == {"a.txt": "Ada \r\n Li", "a.ann": "T1\tPER 0 3;7 9\tAda Li\n"}


def test_names_are_safe_and_differ_in_more_than_case(tmp_path: Path) -> None:
    writer = BratWriter(tmp_path / "c", CODEC)
    ids = ["../../x", ".x", "X", "x-2", "x", "", "..", "/etc/é 1", "a\0b", "ü" * 300, "stdin:1"]
    for ident in ids:
        writer.write(Example(ident, {}), NER)
    writer.write(Example("c:s/.t/../u", {}, meta={"document": "s/.t/../u"}), NER)
    names = {name.removesuffix(".ann") for name in files(tmp_path) if name.endswith(".ann")}
    expected = ["x", "x-2", "X-3", "x-2-2", "x-4", "_", "_-2", "etc_é_1", "a_b", "ü" * 100]
    assert names == {f"c/{one}" for one in (*expected, "stdin_1", "s/t/_/u")}
    assert len(usable(SpansReader(train=str(tmp_path / "c")).examples("train"))) == 12


@pytest.mark.parametrize(
    ("tokens", "kind", "told"),
    [
        (["Ada"], "first name", r"'T1\\tfirst name 0 3\\tAda': expected T1<TAB>TYPE"),
        ([" "], "PER", "is white space"),
        (["a\rb"], "PER", "characters or line ends that a text file cannot hold"),
        (["\ufeffa"], "PER", "characters or line ends that a text file cannot hold"),
        (["\ud800"], "PER", "characters or line ends that a text file cannot hold"),
    ],
)
def test_what_brat_cannot_hold_is_named(
    tmp_path: Path, tokens: list[str], kind: str, told: str
) -> None:
    marked = [{"type": kind, "start": 0, "end": 1}]
    with pytest.raises(ExampleError, match=f"b: --to brat cannot hold it: .*{told}"):
        BratWriter(tmp_path, CODEC).write(Example("b", {}), {"tokens": tokens, "entities": marked})
    assert files(tmp_path) == {}


def test_what_cannot_be_written_is_refused_at_once(trained_classes: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        ConfigError, match=r"--to brat writes .* but --out is missing\. Pass a folder"
    ):
        BratWriter(None, CODEC)
    with pytest.raises(ConfigError, match=r"file is a file\. Pass a folder: --out FOLDER"):
        BratWriter(tmp_path / "file", CODEC)
    with pytest.raises(ConfigError, match="--to brat: the model does not predict a tag for each"):
        run(["predict", str(trained_classes), "-", "--to", "brat", "--out", str(tmp_path / "c")])


def test_a_folder_with_two_files_for_a_text_is_refused(tmp_path: Path) -> None:
    for name in ("a.txt", "a.TXT", "a.ann"):
        (tmp_path / name).write_text("Ada")
    with pytest.raises(DataError, match=r"a\.TXT and a\.txt are two files for one document"):
        list(SpansReader(train=str(tmp_path)).examples("train"))
