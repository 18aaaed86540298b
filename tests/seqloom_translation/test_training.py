"""A model learns Lingo, and translates from Python and from the command line."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

import seqloom
from seqloom.cli.evaluate import evaluate
from seqloom.cli.predict import predict
from seqloom.data.sampler import BatchSampler
from seqloom.errors import ConfigError
from seqloom.interfaces import SPLITS, Example
from seqloom_ner.codec import NerCodec
from seqloom_ner.head import NerHead
from seqloom_translation.codec import TranslationCodec
from seqloom_translation.head import TranslationHead
from seqloom_translation.lingo import reader
from seqloom_translation.lingo.grammar import sentence
from seqloom_translation.lingo.reader import LingoReader

Trained = tuple[seqloom.Result, Path]

TEXT = "The small dogs see an old river."
LINGO = "Loi rukoi pivoi una anela veta vidunt."


def test_it_learns_word_order_and_agreement(trained: Trained) -> None:
    result, folder = trained
    assert result.metrics["test"]["exact"] >= 0.98
    assert result.metrics["test"]["bleu"] >= 0.99
    assert result.metrics["test"]["perplexity"] < 1.5
    report = (folder / "report.html").read_text("utf-8")
    assert "Attention of each piece to the steps of the input" in report
    assert "Lengths of the targets" in report
    assert "Random examples" in report
    assert "BLEU by length of the input" in report


def test_each_unit_counts_equally_in_a_step(trained: Trained) -> None:
    """Two ranks that accumulate two batches each: their losses, weighted, are a mean over units."""
    codec = seqloom.load(trained[1]).codecs.heads["translation"]
    lengths = [9, 2, 1, 3, 8, 2, 2, 7]
    assert [codec.terms({"units": np.zeros(length)}) for length in lengths] == lengths
    mean = sum(lengths) / len(lengths)  # by which the head divides
    settings = {"max_examples": 3, "max_cost": 9, "shuffle": True, "seed": 1, "accumulate": 2}
    samplers = [
        BatchSampler(lengths, **settings, rank=rank, world_size=2, terms=lengths)
        for rank in range(2)
    ]
    batches = [batch for one in samplers for batch in list(one)[:2]]
    losses = [sum(lengths[i] * 0.5 for i in one) / mean / len(one) for one in batches]
    step = sum(one.weight * loss for one, loss in zip(batches, losses, strict=True)) / 4
    assert step == pytest.approx(0.5)  # whatever their lengths


def test_it_translates(trained: Trained) -> None:
    pipeline = seqloom.load(trained[1])
    found = pipeline(TEXT)
    assert found["translation"] == LINGO
    assert 0 < found["confidence"] <= 1
    assert [word["text"] for word in found["words"]] == LINGO.split()
    assert pipeline([TEXT, "", TEXT])[1]["translation"] == ""


def test_a_translation_begins_with_its_prefix(trained: Trained) -> None:
    pipeline = seqloom.load(trained[1])
    found, free = pipeline([{"text": TEXT, "prefix": "Hodi loi"}, {"text": TEXT}])
    assert found["translation"].startswith("Hodi loi ")
    assert free["translation"] == LINGO


@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv"])
def test_a_column_has_the_prefix(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """Also in other rows, in another column, and where the column belongs to another field."""

    def translated(*words: str) -> list[str]:
        assert predict([str(trained[1]), str(file), "--to", "csv", *words]) == 0
        rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
        return [row["translation"] for row in rows]

    file = tmp_path / f"new.{form}"
    if form == "jsonl":
        lines = [
            {"text": TEXT, "prefix": "Hodi loi"},
            {"text": TEXT},
            {"text": TEXT, "prefix": None},
        ]
        file.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    else:
        rows = ["text,prefix", f"{TEXT},Hodi loi", f"{TEXT},", f"{TEXT}, "]
        content = "\n".join(rows).replace(",", "\t" if form == "tsv" else ",")
        file.write_text(content, encoding="utf-8")
    found = translated()
    assert found[0].startswith("Hodi loi ")
    assert found[1:] == [LINGO, LINGO]
    assert translated("head.prefix_field=start")[0] == LINGO
    assert translated("data.columns={text: prefix}", "--on-bad", "skip")[0] != found[0]


def test_alternatives_and_word_pairs(trained: Trained) -> None:
    pipeline = seqloom.load(trained[1], head={"alternatives": 3, "alignment": True})
    found = pipeline(TEXT)
    texts = [one["translation"] for one in found["alternatives"]]
    assert (texts[0], len(set(texts))) == (LINGO, 3)
    # The verb comes last in Lingo: its place in English is 3.
    assert len(found["alignment"]) == len(LINGO.split())
    assert len(found["attention"]) == len(found["pieces"])


def test_predictions_do_not_depend_on_batch_and_order(trained: Trained) -> None:
    pipeline = seqloom.load(trained[1])
    texts = [one.fields["text"] for one in LingoReader(val_size=12).examples("val")]
    together = [one["translation"] for one in pipeline(texts)]
    assert [one["translation"] for one in pipeline(texts[::-1])][::-1] == together
    assert [pipeline(text)["translation"] for text in texts[:4]] == together[:4]


def test_lines_stay_aligned(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text(f"{TEXT}\n\n{TEXT}\n", encoding="utf-8")
    assert predict([str(trained[1]), str(lines), "--to", "tsv"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    column = rows[0].index("translation")
    assert [row[column] for row in rows[1:]] == [LINGO, "", LINGO]
    assert predict([str(trained[1]), str(lines)]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["translation"] for one in found] == [LINGO, "", LINGO]


def test_it_is_evaluated_with_other_parameters_of_the_search(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["head.beam=1", "head.length_penalty=0", "--json"]
    assert evaluate([str(trained[1]), *words]) == 0
    assert json.loads(capsys.readouterr().out)["test"]["exact"] >= 0.95


def test_weights_of_known_units_are_taken_over(trained: Trained) -> None:
    old = seqloom.load(trained[1]).head
    codec = type(old).make_codec(unit="word", size=96)
    texts = ["Nova rukoi vidunt.", "rukoi nova"]
    codec.restore(codec.fit([Example(str(n), {"translation": one}) for n, one in enumerate(texts)]))
    torch.manual_seed(0)
    new = type(old)(codec, 96, unit="word", size=96)
    new.load_matching(old)
    place, theirs = (one.codec.units.numbers("rukoi")[0] for one in (new, old))
    weights = [one.decoder.embedding.weight for one in (new, old)]
    torch.testing.assert_close(weights[0][place], weights[1][theirs])
    torch.testing.assert_close(new.decoder.output.weight, old.decoder.output.weight)


def test_a_decoder_takes_over_nothing_of_another_head(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    own, codec = TranslationCodec(unit="word"), NerCodec()
    own.restore(own.fit([Example("1", {"translation": "a"})]))
    codec.restore({"scheme": "iob2", "tags": ["O"]})
    old = TranslationHead(own, 8, unit="word")
    before = {name: one.clone() for name, one in old.state_dict().items()}
    old.load_matching(NerHead(codec, 8))
    torch.testing.assert_close(old.state_dict(), before)
    assert "TranslationHead is initialized from scratch: its classes differ" in caplog.text


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"train_size": -1}, "data.train_size=-1: expected at least 0"),
        ({"val_size": 9000}, "data.val_size=9000: the grammar makes no more sentences"),
    ],
)
def test_impossible_sizes_of_splits_are_refused(
    params: dict[str, int], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "ATTEMPTS", 1)
    with pytest.raises(ConfigError, match=message):
        next(
            LingoReader(**{"train_size": 1, "val_size": 1, "test_size": 1, **params}).examples(
                "val"
            )
        )


def test_sentences_are_distinct_and_the_same_every_time() -> None:
    assert sentence(random.Random(3)) == sentence(random.Random(3))
    lingo = LingoReader(train_size=300, val_size=50, test_size=50)
    found = [one for split in SPLITS for one in lingo.examples(split)]
    texts = [one.fields["text"] for one in found]
    assert len(set(texts)) == 400
    assert all(text[0].isupper() and text.endswith(".") for text in texts)
