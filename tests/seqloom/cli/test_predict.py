"""``seqloom predict``: what comes in, what goes out, and when."""

from __future__ import annotations

import functools
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seqloom.cli.main import run
from seqloom.errors import ConfigError, DataError, PluginError, RunError
from seqloom.inference.evaluate import evaluate_model
from seqloom.model.pipeline import Pipeline

APPLE = "Apple opens a shop in Paris."
PIE = "An apple pie is good."

Predict = Callable[..., str]


@pytest.fixture
def predict(
    trained_ner: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Predict:
    """Predict with the tagger in this process; returns what is printed."""

    def _predict(*arguments: str | Path, stdin: str = "", model: Path = trained_ner) -> str:
        wrapped = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        monkeypatch.setattr(sys, "stdin", wrapped)
        assert run(["predict", str(model), *map(str, arguments)]) == 0
        return capsys.readouterr().out

    return _predict


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text(f"{APPLE}\n{PIE}\n", encoding="utf-8")
    return path


def rows(out: str) -> list[dict[str, object]]:
    # A batch of one is computed in another way, so the last digits of confidences may differ.
    digits = functools.partial(json.loads, parse_float=lambda text: round(float(text), 12))
    return [digits(line) for line in out.splitlines()]


def test_standard_input_gives_a_json_line_for_each(predict: Predict) -> None:
    found = rows(predict(stdin=f"{APPLE}\n{PIE}\n"))
    assert [one["id"] for one in found] == ["stdin:1", "stdin:2"]
    assert rows(predict("-", stdin=f"{APPLE}\n{PIE}\n")) == found


def test_confidences_can_be_left_out(
    predict: Predict, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert '"confidence"' in predict(texts)
    monkeypatch.setattr("seqloom_ner.crf.CRF.lattice", None)  # where they would come from
    assert '"entities"' in (found := predict(texts, "--no-scores"))
    assert "confidence" not in found
    assert predict(texts, "--to", "tsv", "--no-scores").startswith("id\t")
    with pytest.raises(TypeError):
        predict(texts, "--scores")


def test_the_last_line_needs_no_end(predict: Predict) -> None:
    assert len(rows(predict(stdin=APPLE))) == 1
    assert predict(stdin="") == ""


def test_several_files_and_small_batches(predict: Predict, texts: Path, tmp_path: Path) -> None:
    other = tmp_path / "more.txt"
    other.write_text(f"{PIE}\n" * 5, encoding="utf-8")
    found = rows(predict(texts, other, "--batch", "2"))
    assert [one["id"] for one in found] == [
        "texts:1",
        "texts:2",
        *(f"more:{n}" for n in range(1, 6)),
    ]
    assert rows(predict(texts, other)) == found


def test_what_is_settled_in_training_cannot_be_given(
    predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.txt").touch()
    for word in ("frontend.ink=auto", "+encoder.hidden_size=3", "encoder=lstm", "head=ner"):
        with pytest.raises(ConfigError, match=r"components of a model are fixed by training\."):
            predict("x.txt", word)
    Path("head=ner.txt").write_text(f"{APPLE}\n", encoding="utf-8")
    assert len(rows(predict("head=ner.txt"))) == 1


@pytest.mark.parametrize("word", ["data.take=5", "data.test=a.txt", "data.split.val=0"])
def test_what_only_training_reads_cannot_be_given(predict: Predict, word: str) -> None:
    with pytest.raises(ConfigError, match=f"^{word} has no effect here: all inputs are predicted"):
        predict(word)


def test_a_file_called_like_an_override(
    predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(f"text,label\n{APPLE},x\n", encoding="utf-8")
    assert len(rows(predict("data.csv", "data.columns={text: text}"))) == 1


def test_how_to_read_can_be_said(predict: Predict, tmp_path: Path) -> None:
    path = tmp_path / "table.psv"
    path.write_text(f"body|x\n{APPLE}|1\n", encoding="utf-8")
    ways = (
        ["data=csv", "data.columns={text: body}", "data.delimiter='|'"],
        ["--data", "csv", "data.columns={text: body}", "data.delimiter='|'"],
    )
    assert rows(predict(path, *ways[0])) == rows(predict(path, *ways[1]))


def test_tsv_has_one_header(predict: Predict, texts: Path) -> None:
    lines = predict(texts, "--to", "tsv", "--batch", "1").splitlines()
    assert lines[0].startswith("id\t")
    assert sum(line.startswith("id\t") for line in lines) == 1
    assert {line.count("\t") for line in lines} == {lines[0].count("\t")}


def test_conll_can_be_read_again(predict: Predict, texts: Path, tmp_path: Path) -> None:
    blocks = predict(texts, "--to", "conll").strip().split("\n\n")
    tokens = [[row.split("\t")[0] for row in block.split("\n")] for block in blocks]
    assert tokens[0] == ["Apple", "opens", "a", "shop", "in", "Paris", "."]
    assert len(tokens) == 2
    path = tmp_path / "again.conll"
    path.write_text(predict(texts, "--to", "conll"), encoding="utf-8")
    assert predict(path, "--to", "conll") == predict(texts, "--to", "conll")


ROUND_TRIPS = {
    "conll": ["data=conll", "data.columns={tokens: 1, tags: 2}"],
    "jsonl": ["data=jsonl", "data.columns={tokens: tokens, tags: tags}"],
    "tsv": ["data=csv", "data.columns={tokens: token, tags: tag}", "data.group_column=id"],
    "csv": ["data=csv", "data.columns={tokens: token, tags: tag}", "data.group_column=id"],
}


@pytest.mark.parametrize("form", ROUND_TRIPS)
def test_what_is_predicted_can_be_evaluated(
    predict: Predict, trained_ner: Path, tmp_path: Path, form: str
) -> None:
    (tmp_path / "in.txt").write_text(f'{APPLE}\n" {PIE}\n# _ \u00a0x "y" {PIE}\n', encoding="utf-8")
    path = tmp_path / f"out.{form}"
    path.write_text(predict(tmp_path / "in.txt", "--to", form), encoding="utf-8")
    found = evaluate_model(trained_ner, *ROUND_TRIPS[form], f"data.test={path}")
    assert len(found.losses) == 3
    again = rows(predict(path, *ROUND_TRIPS[form], "--gold"))
    assert [one["gold"] for one in again] == [one["tags"] for one in again]


@pytest.mark.parametrize("form", ["jsonl", "tsv", "csv"])
def test_predicted_classes_can_be_evaluated(
    predict: Predict, trained_classes: Path, texts: Path, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"out.{form}"
    path.write_text(predict(texts, "--to", form, model=trained_classes), encoding="utf-8")
    reader = {"jsonl": "jsonl"}.get(form, "csv")
    found = evaluate_model(trained_classes, f"data={reader}", f"data.test={path}")
    assert found.metrics["accuracy"] == 1.0


def test_gold_stands_before_what_is_predicted(
    predict: Predict, trained_classes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.conll"
    path.write_text("Apple B-ORG\nfell O\n\nOh I-ORG\n\nno O\n", encoding="utf-8")
    lines = predict(path, "--gold", "--to", "conll", "--on-bad", "skip").splitlines()
    assert [line.split("\t")[:2] for line in lines if line] == [
        ["Apple", "B-ORG"],
        ["fell", "O"],
        ["no", "O"],
    ]
    assert {line.count("\t") for line in lines} == {0, 2}
    with pytest.raises(DataError, match=r"a\.conll:4: .* 'I-ORG' .* To skip such .*--on-bad skip"):
        predict(path, "--gold")
    capsys.readouterr()
    (first, *_) = rows(predict(path, "--gold", "--on-bad", "skip"))
    assert first["gold"] == ["B-ORG", "O"]
    table = tmp_path / "a.csv"
    table.write_text(f"text,label\n{PIE},fruit\n", encoding="utf-8")
    out = predict(table, "--gold", "--to", "tsv", model=trained_classes).splitlines()
    assert out[0].split("\t") == ["id", "gold", "label", "confidence", "text"]
    assert out[1].split("\t")[1] == "fruit"
    with pytest.raises(DataError, match="it has no target for --gold to write"):
        predict("-", "--gold", stdin=APPLE)
    with pytest.raises(ConfigError, match="--gold does not work with --to text; use conll, csv"):
        predict("-", "--gold", "--to", "text", stdin=APPLE)


def test_no_conll_where_there_is_no_tag_for_each_token(
    predict: Predict, texts: Path, trained_classes: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as found:
        predict(texts, "--to", "conll", "--out", tmp_path / "out", model=trained_classes)
    assert str(found.value) == (
        "The model does not predict a tag for each token, so there is no CoNLL output; "
        "use --to jsonl or --to tsv."
    )
    assert not (tmp_path / "out").exists()
    assert len(predict(texts, "--to", "tsv", model=trained_classes).splitlines()) == 3


def test_tags_have_no_place_in_text(predict: Predict) -> None:
    with pytest.raises(ConfigError, match="which --to text cannot write; use --to conll, tsv,"):
        predict("-", "--to", "text", stdin=APPLE)


def test_a_file_as_output_is_whole_or_not_there(
    predict: Predict, texts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out.jsonl"
    assert predict(texts, "--out", out) == ""
    whole = out.read_text(encoding="utf-8")
    assert whole == predict(texts)
    texts.write_text(f"{APPLE}\n\n{PIE}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"To skip such examples: --on-bad skip"):
        predict(texts, "--out", out)
    assert out.read_text(encoding="utf-8") == whole
    assert list(out.parent.iterdir()) == [out]
    with pytest.raises(RunError, match=r" is a folder; expected a regular file\. Rename it, or "):
        predict(texts, "--on-bad", "skip", "--out", tmp_path)


def test_an_empty_line_ends_it(predict: Predict, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match=r"^<stdin>:2: 'text' has no token"):
        predict(stdin=f"{APPLE}\n\n{PIE}\n")
    assert len(rows(capsys.readouterr().out)) == 1  # what came before it is out


def test_a_table_without_rows_is_told(
    trained_ner: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.csv"
    path.write_text("text,label\n", encoding="utf-8")
    assert run(["predict", str(trained_ner), str(path), "data=csv"]) == 0
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.endswith(
        f"Note: nothing to predict: {path} is empty or has only a header.\n"
    )


def test_an_empty_line_may_be_skipped(
    trained_ner: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{APPLE}\n\n{PIE}\n".encode())))
    assert run(["predict", str(trained_ner), "--on-bad", "skip"]) == 0
    captured = capsys.readouterr()
    assert [one["id"] for one in rows(captured.out)] == ["stdin:1", "stdin:3"]
    assert captured.err.startswith("Skipped: ")
    assert captured.err.count("\n") == 1


def test_inputs_of_which_none_can_be_read_are_an_error(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "rows.jsonl", tmp_path / "out.tsv"
    path.write_text('{"text": 1.5}\n{"text": {}}\n', encoding="utf-8")
    words = [path, "data.columns={text: text}", "--on-bad", "skip", "--out", out, "--to", "tsv"]
    with pytest.raises(DataError, match=r"^Nothing was predicted: all 2 inputs were"):
        predict(*words)
    assert capsys.readouterr().err.count("Skipped: ") == 2
    assert not out.exists()


def test_a_label_that_cannot_be_read_does_not_matter(predict: Predict, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a b", "label": 1.0}\n{"text": "c", "label": true}\n', "utf-8")
    way = ["data=jsonl", "data.columns={text: text, label: label}"]
    assert len(rows(predict(path, *way))) == 2


def test_a_bad_record_is_skipped_and_what_follows_is_read(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a b"}\n{"text": {}}\n{"text": "c d"}\n', encoding="utf-8")
    way = ["data.columns={text: text}"]
    with pytest.raises(DataError, match=r"rows\.jsonl:2: "):
        predict(path, *way)
    capsys.readouterr()
    assert [one["id"] for one in rows(predict(path, *way, "--on-bad", "skip"))] == [
        "rows:1",
        "rows:3",
    ]


@pytest.mark.parametrize("form", ["jsonl", "tsv", "csv", "conll"])
def test_a_lone_surrogate_is_skipped_or_an_error(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    path = tmp_path / "caf\udce9.jsonl"  # a name in Latin 1
    path.write_text('{"text": "a \\ud83d"}\n{"text": "b"}\n', encoding="utf-8")
    words = [path, "data.columns={text: text}", "--to", form]
    with pytest.raises(
        DataError, match=r"caf\\udce9\.jsonl:1: the field 'text' has '\\ud83d' at ch"
    ):
        predict(*words)
    out = predict(*words, "--on-bad", "skip")
    assert "b" in out
    assert out.encode()


def test_files_that_cannot_be_read(
    predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.xyz").touch()
    with pytest.raises(
        ConfigError, match=r"^No installed reader takes files like 'x\.xyz'\. Choose one"
    ):
        predict("x.xyz")
    with pytest.raises(DataError, match=r"nowhere\.txt"):
        predict(tmp_path / "nowhere.txt")
    with pytest.raises(PluginError, match=r"provides data=cvs\. Did you mean 'csv'\?"):
        predict("x.xyz", "data=cvs")
    with pytest.raises(DataError, match=r"ApplesReader does not read files.*data=NAME\.$"):
        predict("x.xyz", "data=apples")


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """Return the image of a line."""
    pixels = np.full((16, 60), 255, dtype=np.uint8)
    pixels[4:12, 10:50:6] = 0
    path = tmp_path / "line.png"
    Image.fromarray(pixels).save(path)
    return path


def test_text_alone_needs_no_confidences(
    predict: Predict, trained_reader: Path, line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = rows(predict(line, model=trained_reader))
    asked, whole = [], Pipeline.predict

    def spy(*args: Any, scores: bool, **options: Any) -> Any:
        asked.append(scores)
        return whole(*args, scores=scores, **options)

    monkeypatch.setattr(Pipeline, "predict", spy)
    assert predict(line, "--to", "text", model=trained_reader) == f"{found['text']}\n"
    predict(line, "--to", "text", "--scores", model=trained_reader)
    assert asked == [False, True]


def test_a_folder_is_read_by_what_fits_the_model(
    predict: Predict, trained_reader: Path, line: Path
) -> None:
    (found,) = rows(predict(line.parent, model=trained_reader))
    assert found["text"] == rows(predict(line, model=trained_reader))[0]["text"]


def test_a_head_decodes_as_it_is_told(predict: Predict, trained_reader: Path, line: Path) -> None:
    words = ["head.decoder=beam", "head.ngram_bonus=-50", "head.skip_blank=1", "--to", "text"]
    assert predict(line, *words, model=trained_reader) == "\n"
    with pytest.raises(ConfigError, match=r"^head has no key 'beam_widht'\. Did you mean 'beam_wi"):
        predict(line, "head.beam_widht=3", model=trained_reader)


def test_a_form_that_there_is_not_is_refused_before_the_model_is_looked_for(
    predict: Predict,
) -> None:
    with pytest.raises(ConfigError, match=r"^--to txt: unknown format\. Did you mean 'text'\?"):
        predict("-", "--to", "txt", model=Path("nowhere"))


def test_an_empty_name_is_not_the_current_folder(trained_ner: Path) -> None:
    with pytest.raises(ConfigError, match="The name of an input is empty; is a shell"):
        run(["predict", str(trained_ner), ""])


def test_an_output_does_not_replace_what_is_read(
    predict: Predict, texts: Path, trained_ner: Path
) -> None:
    description = trained_ner / "bundle" / "bundle.json"
    link = texts.with_name("link")
    link.symlink_to(texts)
    for out in (texts, link, description):
        content = out.read_bytes()
        with pytest.raises(ConfigError, match=rf"^--out {out} is also an input of this.* another"):
            predict(texts, "--out", out)
        assert out.read_bytes() == content
