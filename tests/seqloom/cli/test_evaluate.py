"""``seqloom evaluate``: the model's own data, other data, and data that do not fit."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import seqloom
from seqloom.cli.evaluate import SPLITS, plain
from seqloom.cli.main import run
from seqloom.config.overrides import Overrides
from seqloom.errors import ConfigError, DataError, PluginError
from seqloom.inference.evaluate import data_section, evaluate_model, read_examples
from seqloom.interfaces import SPLITS as ALL_SPLITS
from seqloom.interfaces import Table

TAGGED = "Apple B-ORG\nopens O\n\nParis B-LOC\n"


@pytest.fixture
def conll(tmp_path: Path) -> Path:
    path = tmp_path / "new.conll"
    path.write_text(TAGGED, encoding="utf-8")
    return path


def measured(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, float]:
    assert run(["evaluate", *map(str, arguments), "--json"]) == 0
    ((split, found),) = json.loads(capsys.readouterr().out).items()
    assert split in SPLITS
    return dict(found)


def test_the_metrics_are_those_of_the_run(
    trained_ner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    stored = json.loads((trained_ner / "metrics.json").read_text())
    for split in ("val", "test"):
        found = measured(capsys, trained_ner, "--split", split)
        assert found == pytest.approx(stored[split], abs=1e-5)
    assert measured(capsys, trained_ner, "--batch", "3") == pytest.approx(stored["test"], abs=1e-4)


def test_one_long_example_does_not_make_a_batch_of_its_length(
    trained_ner: Path, tmp_path: Path
) -> None:
    path = tmp_path / "long.conll"
    path.write_text("a O\n" * 2000 + "\n" + "b O\n\n" * 50, encoding="utf-8")
    data = Overrides("conll", [f"data.test={path}"])
    rows, sampler = read_examples(seqloom.load(trained_ner), data, "test")
    sizes = [len(batch) * max(rows[one].cost for one in batch) for batch in sampler]
    assert sum(map(len, sampler)) == len(rows) == 51
    assert max(sizes) <= 2 * 2000


def test_the_table(trained_ner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", str(trained_ner)]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("test  f1 ")
    assert any(line.startswith("ORG") for line in rest)


def test_values_of_the_same_data_can_be_changed(
    trained_ner: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = measured(capsys, trained_ner, "data.seed=99")
    assert other != measured(capsys, trained_ner)


def test_other_data(trained_ner: Path, conll: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measured(capsys, trained_ner, "data=conll", f"data.test={conll}")
    assert 0 <= found["token_accuracy"] <= 1
    own = measured(
        capsys, trained_ner, "data=conll", f"data.val={conll}", "--split", "val", "--on-bad", "skip"
    )
    assert own == found


@pytest.mark.parametrize(
    ("overrides", "error", "sentence"),
    [
        (["data.tset_size=4"], ConfigError, "data has no key 'tset_size'. Did you mean"),
        (["data.test_size=x"], ConfigError, "data.test_size: 'x' is not a whole number."),
        (
            ["encoder=lstm"],
            ConfigError,
            "encoder=lstm: the components of a model are fixed by training. Only how data is read "
            "(data=NAME, data.KEY=VALUE) and how predictions are decoded (head.KEY=VALUE) can be "
            "set here; for the rest, train again.",
        ),
        (
            ["test=x"],
            ConfigError,
            "'test=x': expected data=NAME, data.KEY=VALUE or head.KEY=VALUE.",
        ),
        (
            ["data.take=5"],
            ConfigError,
            "data.take=5 has no effect here: it limits the train split, and test is always "
            "evaluated in full.",
        ),
        (["data=cvs"], ConfigError, "There is no data=cvs. Did you mean 'csv'?"),
        (["data=conll"], DataError, "The test split of data=conll has no example."),
        (
            ["data=csv", "data.columns={text: a, label: b}"],
            ConfigError,
            "head=ner needs one tag for each token in the field 'tags' (head.field); data=csv "
            "provides text (a text), label (one class for each example).",
        ),
    ],
    ids=str,
)
def test_data_that_are_wrong(
    trained_ner: Path, overrides: list[str], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as found:
        run(["evaluate", str(trained_ner), *overrides])
    assert str(found.value).startswith(sentence)


@pytest.mark.parametrize(
    ("data", "more"),
    [("jsonl", ""), ("csv", ", and data.group_column=COLUMN if each row is one token")],
)
def test_the_columns_of_data_with_tags_are_named(trained_ner: Path, data: str, more: str) -> None:
    with pytest.raises(ConfigError) as found:  # as predict --to jsonl or csv wrote it
        run(["evaluate", str(trained_ner), f"data={data}", f"data.test=out.{data}"])
    assert str(found.value).endswith(
        "label (one class for each example). Name the columns of the data: "
        f"data.columns='{{tokens: COLUMN, tags: COLUMN}}'{more}."
    )


def test_the_reader_for_files_like_this_is_named(trained_ner: Path, conll: Path) -> None:
    words = ("data=csv", f"data.test={conll}", "data.columns={tokens: tokens, tags: tags}")
    with pytest.raises(
        DataError, match=r"no column 'tokens'.* for files like this there is data=c"
    ):
        run(["evaluate", str(trained_ner), *words])
    named = conll.with_suffix(".txt")
    conll.rename(named)
    with pytest.raises(DataError, match=r"read by data=csv; for files like this there is data=con"):
        run(["evaluate", str(trained_ner), words[0], f"data.test={named}", words[2]])
    with pytest.raises(DataError, match=r"gone\.conll") as found:
        run(["evaluate", str(trained_ner), words[0], "data.test=gone.conll", words[2]])
    assert "for files like this" not in str(found.value)


def test_no_other_reader_is_named_for_a_file_that_is_recognized(
    trained_ner: Path, tmp_path: Path
) -> None:
    data = tmp_path / "a.jsonl"  # a suffix of data=jsonl
    data.write_text('{"text": "Ada", "spans": [], "answer": "reject"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="no examples; all of it is left out") as found:
        run(["evaluate", str(trained_ner), "data=spans", f"data.test={data}"])
    assert "for files like this" not in str(found.value)


def test_unusable_examples(
    trained_ner: Path, conll: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conll.write_text(TAGGED + "\nParis I-B-X\nis\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"new\.conll:\d+: "):
        run(["evaluate", str(trained_ner), "data=conll", f"data.test={conll}"])


def test_unseen_types_are_misses_with_and_without_skipping(
    trained_ner: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "mixed.conll"
    data.write_text("Apple B-ORG\nin O\nBerlin B-CITY\n\nApple B-ORG\n", encoding="utf-8")
    with caplog.at_level(logging.WARNING, "seqloom"):
        found = evaluate_model(trained_ner, "data=conll", f"data.test={data}")
    assert "1 example of the test split: the model does not know their targets" in caplog.text
    skipping = evaluate_model(trained_ner, "data=conll", f"data.test={data}", on_bad="skip")
    assert skipping.metrics == found.metrics
    assert found.metrics["recall"] <= 2 / 3
    assert len(found.losses) == 1  # the other has none
    assert found.metrics["loss"] == next(iter(found.losses.values()))


def test_a_model_that_does_not_know_its_data() -> None:
    model: Any = SimpleNamespace(info={"data": None, "components": {}})
    with pytest.raises(ConfigError) as found:
        data_section(model, Overrides())
    assert str(found.value) == "The model does not record its data. Choose some: data=NAME."
    model.info["data"] = {"name": "gone"}
    with pytest.raises(PluginError, match="provides data=gone"):
        data_section(model, Overrides())


def test_evaluation_from_python(trained_ner: Path, conll: Path) -> None:
    stored = json.loads((trained_ner / "metrics.json").read_text())
    assert evaluate_model(trained_ner).metrics == pytest.approx(stored["test"], nan_ok=True)
    pipeline = seqloom.load(trained_ner)
    other = evaluate_model(pipeline, {"data": {"name": "conll", "test": str(conll)}})
    assert set(other.metrics) == set(stored["test"])
    assert len(other.losses) == 2
    conll.write_text(TAGGED + "\nParis X-ORG\n", encoding="utf-8")
    words = ("data=conll", f"data.test={conll}")
    assert len(evaluate_model(pipeline, *words, on_bad="skip").losses) == 2


def test_splits_are_those_of_the_interface() -> None:
    assert SPLITS == ALL_SPLITS


def test_counts_have_no_decimals(trained_ner: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", str(trained_ner)]) == 0
    assert re.search(r" ill_formed \d+  loss \d+\.\d{4}$", capsys.readouterr().out, re.MULTILINE)


def test_tables_in_plain_text() -> None:
    table = Table("Types", ("type", "f1", "n"), [("ORG", 0.5, 3), ("PRODUCT", 1.0, 12)])
    assert plain(table) == ("Types\ntype     f1      n\nORG      0.5000  3\nPRODUCT  1.0000  12")


def test_long_tables_are_cut() -> None:
    table = Table("Pairs", ("n",), [(number,) for number in range(12)])
    assert plain(table, 10).splitlines()[2:] == [
        *map(str, range(10)),
        "… and 2 more (--full shows all)",
    ]
    assert plain(table, 12) == plain(table)
    assert len(plain(table).splitlines()) == 14


def test_a_head_decodes_as_it_is_told(
    trained_reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["head.decoder=beam", "head.ngram_bonus=-50", "head.skip_blank=1"]
    found = measured(capsys, trained_reader, *words)
    assert found["cer"] == 1.0  # it reads nothing
    assert found["loss"] == pytest.approx(measured(capsys, trained_reader)["loss"])


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("on_bad=skip", "on_bad=skip is written with dashes here: --on-bad skip"),
        ("head.beam_widht=3", "head has no key 'beam_widht'. Did you mean 'beam_width'? There are"),
        ("head.beam_width=x", "head.beam_width: 'x' is not a whole number."),
        ("head.decoder=beem", "head.decoder: 'beem' is not one of: greedy, beam."),
        (
            "encoder.hidden_size=3",
            "encoder.hidden_size=3: the components of a model are fixed by training. Only how ",
        ),
    ],
)
def test_a_head_is_told_what_it_does_not_know(
    trained_reader: Path, word: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as found:
        run(["evaluate", str(trained_reader), word])
    assert str(found.value).startswith(sentence)
