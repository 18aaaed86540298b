"""Which reader reads a file, with which parameters."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.options import model_parser, positive_int
from seqloom.cli.predict import _read_as as read_as
from seqloom.cli.predict import _without_files, input_section
from seqloom.config.overrides import Overrides, is_override, split_overrides, with_overrides
from seqloom.errors import ConfigError, DataError, PluginError
from seqloom.inference.evaluate import uncut
from seqloom.model.build import build_reader
from seqloom.train.recognize import naming_other_reader

CONLL: dict[str, Any] = {"name": "conll", "columns": {"tokens": 2, "tags": 4}, "train": "a.conll"}


def info(data: Any = None, frontend: str = "words") -> dict[str, Any]:
    """Return what a bundle says of its data and its frontend."""
    return {"data": data, "components": {"frontend": {"section": {"name": frontend}}}}


def reader(
    info: dict[str, Any], name: str | None, paths: list[str], words: list[str]
) -> dict[str, Any]:
    return input_section(info, paths, Overrides(name, words))


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], "error"), (["--on-bad", "skip"], "skip"), (["--skip-bad"], "skip")],  # 0.1 had the last
)
def test_bad_examples_have_one_option(words: list[str], expected: str) -> None:
    assert model_parser("x", "", "").parse_args(["model", *words]).on_bad == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("data=csv", True),
        ("data.test=x", True),
        ("+data.kinds.x=label", True),
        ("data.csv", False),
        ("data", False),
        ("-", False),
        ("my.data=x", False),
        ("folder/data.x=1.csv", False),
    ],
)
def test_overrides_are_told_from_files(word: str, expected: bool) -> None:
    assert is_override(word) is expected


def test_overrides_are_split() -> None:
    words = ["data=csv", "data.test=x", "head.threshold=0.3", "+data.kinds.a=b"]
    assert split_overrides(words) == Overrides(
        "csv", ["data.test=x", "+data.kinds.a=b"], ["head.threshold=0.3"]
    )
    with pytest.raises(ConfigError) as found:
        split_overrides(["test=x"])
    assert str(found.value) == "'test=x': expected data=NAME, data.KEY=VALUE or head.KEY=VALUE."


def test_a_file_to_evaluate_on_is_named_by_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("later.csv").touch()
    with pytest.raises(ConfigError, match=r" A file to evaluate on: data\.test=later\.csv$"):
        split_overrides(["later.csv"])


def test_values_are_in_hydras_language() -> None:
    section = with_overrides(
        CONLL, ["data.test=b.conll", "data.columns={tokens: 1, tags: -1}", "data.split.val=0.25"]
    )
    assert section["name"] == "conll"
    assert section["columns"] == {"tokens": 1, "tags": -1}
    assert section["split"]["val"] == 0.25
    assert (section["train"], section["test"]) == ("a.conll", "b.conll")


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        ("data.tset=x", "data has no key 'tset'. Did you mean 'test'?"),
        ("data.split.val=much", "data.split.val: 'much' is not a number."),
        ("data.columns=3", "data.columns: "),
        ("data.test=???", "data.test has no value. Set data.test=…"),
        ("data.test={", "'data.test={' cannot be read: a bracket is not closed."),
        ("data.test=a;", "'data.test=a;' cannot be read. A value with a comma, semicolon, bracket"),
    ],
)
def test_wrong_values(pair: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as found:
        with_overrides(CONLL, [pair])
    assert str(found.value).startswith(sentence)


def test_a_stored_section_of_a_reader_that_is_gone() -> None:
    with pytest.raises(PluginError, match=r"^No installed plugin provides data=conl\. Did you"):
        with_overrides({"name": "conl"}, [])


@pytest.mark.parametrize(
    ("paths", "name"),
    [
        (["-"], "lines"),
        (["a.txt"], "lines"),
        (["a.csv", "b.TSV"], "csv"),
        (["a.csv.gz"], "csv"),
        (["a.jsonl"], "jsonl"),
        (["data.conll"], "conll"),
    ],
)
def test_the_reader_by_suffix(paths: list[str], name: str) -> None:
    assert reader(info(), None, paths, [])["name"] == name


@pytest.mark.parametrize(
    ("frontend", "path", "name"),
    [
        ("line_image", "a.png", "line_images"),
        ("line_image", "a.tsv", "line_images"),
        ("line_image", ".", "line_images"),
        ("line_image", "a.xml", "pages"),
        ("line_image", "pages.zip", "line_images"),
        ("strokes", "a.tsv", "strokes"),
        ("strokes", ".", "strokes"),
        ("strokes", "a.inkml", "strokes"),
        ("features", "a.npy", "series"),
        ("words", "a.tsv", "csv"),
    ],
)
def test_a_reader_gives_what_the_frontend_takes(frontend: str, path: str, name: str) -> None:
    assert reader(info(frontend=frontend), None, [path], [])["name"] == name


def test_the_models_own_reader_keeps_its_parameters() -> None:
    assert reader(info(CONLL), None, ["x.conll"], [])["columns"] == {"tokens": 2, "tags": 4}
    assert reader(info(CONLL), "csv", ["x.conll"], [])["name"] == "csv"
    assert reader(info(CONLL), None, ["x.csv"], [])["name"] == "csv"


def test_a_suffix_of_the_training_data_chooses_its_reader() -> None:
    trained = {**CONLL, "train": "a.tsv", "test": "b.words"}
    assert reader(info(trained), None, ["x.tsv.gz"], [])["columns"] == {"tokens": 2, "tags": 4}
    assert reader(info(trained), None, ["x.words"], [])["name"] == "conll"
    assert reader(info(trained), None, ["x.csv"], [])["name"] == "csv"


def table(**params: Any) -> dict[str, Any]:
    return info({"name": "csv", "columns": {"text": "body"}, "train": "a.txt", **params})


@pytest.mark.parametrize(
    ("text", "delimiter"), [("body\tn\na b\t1\n", "\t"), ("n,body\n1,a\n", ",")]
)
def test_plain_text_may_be_a_table(
    text: str, delimiter: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.txt"
    path.write_text(text, encoding="utf-8")
    found = reader(table(), None, [str(path)], [])
    assert (found["name"], found["delimiter"]) == ("csv", delimiter)
    assert capsys.readouterr().err == (
        f"Note: {path}: read by data=csv, as in training. One text per line: data=lines\n"
    )
    assert reader(table(), "lines", [str(path)], [])["name"] == "lines"
    assert reader(info(), None, [str(path)], [])["name"] == "lines"


def test_standard_input_may_be_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"body;n\r\na;1\r\n")))  # type: ignore[type-var]
    monkeypatch.setattr("sys.stdin", stdin)
    found = reader(table(), None, ["-"], [])
    assert (found["name"], found["delimiter"]) == ("csv", ";")
    assert capsys.readouterr().err.startswith("Note: standard input: read by data=csv, as in")
    assert [e.fields for e in build_reader(found).inputs(["-"])] == [{"text": "a"}]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann\tB-PER\nmet\tO\n", "conll"),
        ('{"text": "a"}\n', "jsonl"),
        ("text,label\na,x\n", "csv"),
        ("Ann met Bob.\nBob left, and Ann stayed.\n", None),
    ],
)
def test_text_that_looks_like_data_is_told(
    text: str, name: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.txt"
    path.write_text(text, encoding="utf-8")
    for data in (None, {"name": "apples"}):
        assert reader(info(data), None, [str(path)], [])["name"] == "lines"
        told = capsys.readouterr().err
        assert told == "" if name is None else f"but looks like data={name}. To read it so" in told
    reader(info(), "lines", [str(path)], [])
    assert not capsys.readouterr().err


def test_plain_text_stays_plain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.txt"
    path.write_text("no table, only text\nbody\n", encoding="utf-8")
    assert reader(table(), None, [str(path)], [])["name"] == "lines"
    assert "read as one text per line. As in training: data=csv" in capsys.readouterr().err
    assert reader(table(train="a.csv"), None, [str(path)], [])["name"] == "lines"
    assert not capsys.readouterr().err
    other = tmp_path / "table.txt"
    other.write_text("body\tn\na\t1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="some are like the data that the model was trained on"):
        reader(table(), None, [str(path), str(other)], [])


def test_files_that_nothing_reads() -> None:
    with pytest.raises(ConfigError) as found:
        reader(info(CONLL), None, ["x.cvs"], [])
    assert str(found.value).startswith(
        "No installed reader takes files like 'x.cvs'. Choose one: data=NAME; data=lines reads one "
        "text per line. Did you mean '.csv'? There are: "
    )


def test_folders_among_what_is_read() -> None:
    with pytest.raises(ConfigError) as found:
        reader(info(frontend="line_image"), None, ["x.doc"], [])
    assert "folders" in str(found.value)
    assert "/" not in str(found.value)


LINES: dict[str, Any] = {"name": "line_images", "train": "lines"}
PAGES: dict[str, Any] = {"name": "pages", "train": "pages"}


@pytest.mark.parametrize(
    ("files", "stored", "name"),
    [
        (["1.jpg", "1.xml"], LINES, "pages"),
        (["1.jpg", "1.txt"], LINES, "line_images"),
        (["1.jpg", "1.txt"], PAGES, "line_images"),
        (["1.JPG", ".hidden.xml"], LINES, "line_images"),
        (["1.doc"], PAGES, "pages"),  # whose own word on it is the better one
        ([], None, "line_images"),
    ],
)
def test_a_folder_is_read_by_what_lies_in_it(
    tmp_path: Path, files: list[str], stored: Any, name: str
) -> None:
    for file in files:
        (tmp_path / file).touch()
    assert reader(info(stored, "line_image"), None, [str(tmp_path)], [])["name"] == name


def test_files_of_several_kinds() -> None:
    with pytest.raises(ConfigError) as found:
        reader(info(), None, ["a.csv", "b.jsonl"], [])
    assert str(found.value) == (
        "These inputs need different readers: a.csv (csv), b.jsonl (jsonl). Predict from one kind "
        "at a time, or choose one reader for all of them: data=NAME."
    )
    assert reader(info(), "csv", ["a.csv", "b.jsonl"], [])["name"] == "csv"


def test_sizes_of_batches() -> None:
    assert positive_int("12") == 12
    for text in ("0", "-1", "x", "1.5", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a positive integer"):
            positive_int(text)


def test_stored_dicts_are_taken_up_whole() -> None:
    """Those with a schema of their own too, as a bundle's description has them."""
    stored = {
        "name": "csv",
        "train": "a.csv",
        "split": {"val": 0.1, "test": 0.2, "stratify": None, "group": None, "seed": 4},
        "columns": {"text": "review", "label": "verdict"},
    }
    section = with_overrides(stored, ["data.split.seed=5", "data.columns={tokens: words}"])
    assert section["split"].items() >= {**stored["split"], "seed": 5}.items()  # type: ignore[dict-item]
    assert section["columns"] == {"tokens": "words"}


def test_a_bundle_may_not_ask_for_its_readers_environment() -> None:
    stored = {"name": "csv", "test": "http://127.0.0.1:9/${oc.env:HOME}/x.csv#sha256=00"}
    with pytest.raises(ConfigError, match="the bundle was tampered with"):
        with_overrides(stored, [])
    with pytest.raises(ConfigError, match="tampered"):
        with_overrides({"name": "csv", "columns": {"text": "${oc.env:HOME}"}}, [])


def test_a_file_for_a_split_ends_the_cut_of_that_split() -> None:
    stored = {"name": "csv", "split": {"val": 0.1, "test": 0.1}}
    assert uncut(stored, ["data.test=b.csv"]) == ["data.split.test=0"]
    assert uncut(stored, ["data.columns={text: a}"]) == []


def test_the_models_own_reader_comes_before_others_of_the_suffix(tmp_path: Path) -> None:
    pages = info({"name": "pages", "height": 40}, "line_image")
    section = reader(pages, None, [str(tmp_path)], [])
    assert (section["name"], section["height"]) == ("pages", 40)
    assert reader(pages, None, ["a.png"], [])["name"] == "line_images"


@pytest.mark.parametrize(("head", "name"), [("classification", "sounds"), ("ctc", "speech")])
def test_of_several_readers_the_one_for_the_head_is_chosen(head: str, name: str) -> None:
    trained = info(frontend="log_mel")
    trained["components"]["head"] = {"section": {"name": head}}
    assert reader(trained, None, ["a.wav"], [])["name"] == name


@pytest.mark.parametrize("name", ["sounds", "speech"])
def test_the_models_own_reader_reads_a_folder_if_it_can(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.wav").touch()
    trained = info({"name": name}, "log_mel")
    assert reader(trained, None, [str(tmp_path)], [])["name"] == name


def test_standard_input_is_text() -> None:
    with pytest.raises(ConfigError) as found:
        reader(info(frontend="line_image"), None, ["-"], [])
    assert str(found.value) == (
        "Standard input (-) is read as one text per line, but the model's frontend=line_image "
        "does not read text. Name files, or choose a reader: data=NAME."
    )
    assert reader(info(frontend="line_image"), "lines", ["-"], [])["name"] == "lines"


def test_a_file_that_no_reader_of_the_models_inputs_takes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^No installed reader takes files like .* Choose one"):
        reader(info(frontend="features"), None, [str(tmp_path / "a.odd")], [])


def test_the_settings_of_a_reader_that_is_not_installed_are_left_as_they_are() -> None:
    stored = {"name": "gone", "train": "x.tsv", "size": 3}
    assert _without_files(stored) == stored


def test_an_error_tells_that_lines_are_read_where_the_training_data_were_others() -> None:
    lines = {"name": "lines"}
    assert read_as(CONLL, lines).endswith("; to read them as in training, add data=conll")
    assert read_as(CONLL, CONLL) == read_as(lines, lines) == read_as(None, lines) == ""
    assert read_as({"name": "apples"}, lines) == ""


@pytest.mark.parametrize(
    ("head", "suffix", "named"),
    [("classification", ".json", ""), ("ner", ".json", "spans"), ("ner", ".csv", "csv")],
)
def test_a_reader_is_named_from_which_the_head_may_learn(
    tmp_path: Path, head: str, suffix: str, named: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text('[{"text": "a", "label": "b"}]', encoding="utf-8")
    data = {"name": "jsonl", "train": str(path)}
    naming = naming_other_reader(data, {"name": "words"}, {"name": head}, "train")
    with pytest.raises(DataError) as found, naming:
        raise DataError("It is wrong.")
    assert str(found.value).partition("there is data=")[2] == (f"{named}." if named else "")
