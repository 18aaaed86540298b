"""A run's data: what is refused, skipped and listed."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqloom.config.compose import compose_run
from seqloom.errors import DataError, ExampleError, RunError
from seqloom.interfaces import Example, Reader
from seqloom.plugins import resolve
from seqloom.train import prepare
from seqloom.train.folder import Result, RunFolder
from seqloom.train.prepare import (
    encoded_data,
    load_encoded,
    prepare_data,
    reload_data,
    store_encoded,
)
from seqloom.train.run import initial_pipeline

Fit = Callable[..., Result]
Conll = Callable[..., list[str]]

GOOD = [("Apple", "B-ORG"), ("rises", "O")]
OTHER = [("I", "O"), ("eat", "O"), ("Apple", "B-FRUIT"), ("pie", "I-FRUIT")]
BAD = [("So", "O"), ("bad", "X-ORG")]
UNSEEN = [("Paris", "B-LOC")]
RUN = ("frontend.characters=false", "encoder.hidden_size=4", "trainer=cpu", "trainer.max_epochs=1")


def _read(*overrides: str) -> Any:
    return encoded_data(compose_run([*RUN, *overrides]))


@pytest.fixture
def train(tmp_path: Any) -> Callable[..., Result]:
    """Train on any data, without the settings of the apples."""
    import seqloom

    return lambda *overrides: seqloom.fit(*RUN, *overrides, run_dir=tmp_path / "run")


def test_bad_examples_are_counted_and_the_first_ten_listed_with_their_places(conll: Conll) -> None:
    data = conll(train=[GOOD, OTHER, *[BAD] * 13, *[GOOD] * 14], val=[GOOD])
    with pytest.raises(DataError) as caught:
        _read(*data)
    lines = str(caught.value).splitlines()
    assert lines[0] == "13 examples of the train split cannot be used:"
    assert len(lines) == 13
    assert "train.conll:9: token 2 ('bad') has the tag 'X-ORG'" in lines[1]
    assert "train.conll:36:" in lines[10]
    assert lines[11] == "  … and 3 more"
    assert lines[12] == "Fix the data, or leave these examples out with on_bad=skip."


def test_one_bad_example_is_told_in_the_singular(conll: Conll) -> None:
    with pytest.raises(DataError, match=r"^1 example of the train split cannot be used:\n"):
        _read(*conll(train=[GOOD, OTHER, BAD]))


def test_skipped_examples_are_logged_listed_and_in_the_report(
    train: Fit, conll: Conll, caplog: pytest.LogCaptureFixture
) -> None:
    data = conll(train=[GOOD, BAD, OTHER, GOOD], val=[GOOD, UNSEEN], test=[OTHER, BAD])
    with caplog.at_level(logging.WARNING, "seqloom"):
        result = train(*data, "on_bad=skip")
    assert "Skipped 1 example of the train split:\n" in caplog.text
    assert "1 example of the val split: the model does not know their targets" in caplog.text
    text = (result.run_dir / "skipped.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["split"] for row in rows] == ["train", "test"]
    assert set(rows[0]) == {"split", "id", "where", "problem"}
    assert rows[0]["where"].endswith("train.conll:4")
    assert "'X-ORG'" in rows[0]["problem"]
    assert "train.conll:4" in result.report.read_text(encoding="utf-8")


def test_an_unseen_label_in_val_is_told_with_its_place(
    conll: Conll, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "seqloom"):
        data = _read(*conll(train=[GOOD, OTHER], val=[GOOD, UNSEEN]))
    assert len(data.splits["val"]) == 2
    first, second = caplog.records[0].getMessage().splitlines()
    assert first == (
        "1 example of the val split: the model does not know their targets, which count as misses "
        "and have no loss:"
    )
    assert re.search(r"val\.conll:4: token 1 .*'LOC', which no training example has\.", second)


def test_nothing_left_is_said(conll: Conll) -> None:
    with pytest.raises(DataError, match="No training example is left that can be used"):
        _read(*conll(train=[GOOD, OTHER]), "on_bad=skip", "batch.max_cost=1")


def test_an_empty_training_split_is_refused(conll: Conll, monkeypatch: pytest.MonkeyPatch) -> None:
    class Empty(Reader):
        def examples(self, split: str) -> Iterator[Example]:
            return iter(())

    monkeypatch.setattr(prepare, "build_reader", lambda section: Empty())
    with pytest.raises(DataError, match=r"training split of data=conll has no example"):
        _read(*conll(train=[GOOD]))


def test_duplicate_ids_are_refused_with_both_places(
    conll: Conll, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqloom.interfaces import Origin

    class Twice(Reader):
        def examples(self, split: str) -> Iterator[Example]:
            for line in (1, 5):
                fields = {"tokens": ["Apple"], "tags": ["B-ORG"]}
                yield Example("same", fields, Origin("here.conll", line))

    monkeypatch.setattr(prepare, "build_reader", lambda section: Twice())
    with pytest.raises(
        DataError, match=r"here\.conll:5: the example at here\.conll:1 has the same id, 'same'"
    ):
        _read(*conll(train=[GOOD]))


def test_a_plain_generator_may_yield_what_cannot_be_used(
    conll: Conll, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stranger(Reader):
        def examples(self, split: str) -> Iterator[Example | ExampleError]:
            for number, word in enumerate(("Apple", "", "Anna"), 1):
                example = Example(f"{split}:{number}", {"tokens": [word], "tags": ["B-ORG"]})
                yield example if word else ExampleError(example, "the word is empty")

    monkeypatch.setattr(prepare, "build_reader", lambda section: Stranger())
    with pytest.raises(DataError, match=r"train split cannot .*\n  example train:2: the word is e"):
        _read(*conll(train=[GOOD]))
    found = _read(*conll(train=[GOOD]), "on_bad=skip")
    assert [row.example.id for row in found.splits["train"]] == ["train:1", "train:3"]
    assert [error.example_id for error in found.skipped["train"]] == ["train:2"]


def test_an_overlong_example_is_refused_or_skipped(conll: Conll) -> None:
    data = conll(train=[GOOD, OTHER, GOOD], val=[GOOD, OTHER])
    with pytest.raises(DataError, match=r"train\.conll:4: its cost of 4 is more than .*raise b"):
        _read(*data, "batch.max_cost=3")
    found = _read(*data, "batch.max_cost=3", "on_bad=skip")
    assert [len(found.splits[split]) for split in ("train", "val", "test")] == [2, 1, 0]
    assert [fault.problem[:14] for fault in found.skipped["val"]] == ["its cost of 4 "]


def test_without_validation_the_last_epoch_is_kept_and_it_says_so(
    train: Fit, conll: Conll, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        result = train(*conll(train=[GOOD, OTHER], test=[GOOD]))
    assert "There is no validation split: the last epoch is kept" in caplog.text
    assert "No validation split: callbacks.early_stopping is not used." in caplog.text
    assert set(result.metrics) == {"test"}
    assert set(json.loads((result.run_dir / "metrics.json").read_text())) == {"test"}


def test_without_a_test_split_there_are_no_test_metrics(train: Fit, conll: Conll) -> None:
    result = train(*conll(train=[GOOD, OTHER], val=[GOOD]))
    assert set(json.loads((result.run_dir / "metrics.json").read_text())) == {"val"}


def test_a_plateau_without_validation_is_refused(train: Fit, conll: Conll) -> None:
    from seqloom.errors import ConfigError

    with pytest.raises(ConfigError, match=r"val/f1"):
        train(
            *conll(train=[GOOD, OTHER]),
            "scheduler=constant",
            "~scheduler.total_iters",
            "scheduler._target_=torch.optim.lr_scheduler.ReduceLROnPlateau",
            "scheduler.factor=0.5",
        )


@pytest.mark.parametrize("ill_formed", [BAD, [("a", "O"), ("b", "I-ORG")]])
def test_many_bad_examples_take_time_in_proportion(
    conll: Conll, ill_formed: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = [GOOD, OTHER, *[GOOD, OTHER, GOOD, ill_formed] * 200]
    seconds = time.perf_counter()
    found = _read(*conll(train=sentences), "data.split.val=0", "on_bad=skip")
    seconds = time.perf_counter() - seconds
    assert len(found.skipped["train"]) == 200
    assert len(found.splits["train"]) == 602
    assert seconds < 10  # fitting anew for each of them takes several times as long


def test_what_only_a_later_example_teaches_is_not_lost(conll: Conll) -> None:
    """A label that comes first after a bad example is new, not bad."""
    found = _read(*conll(train=[GOOD, OTHER, BAD, UNSEEN, BAD, GOOD]), "on_bad=skip")
    assert len(found.skipped["train"]) == 2
    assert "B-LOC" in found.states["heads"]["ner"]["tags"]


def test_examples_that_cannot_be_used_are_told_where_nothing_can_be_learned_without_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("text,label\ngood one,a,\nbad one,b\nbad,b\n", encoding="utf-8")
    data = ["data=csv", f"data.train={table}", "head=classification", "data.split.val=0"]
    with pytest.raises(DataError, match=r"1 example of the train split cannot be used:\n.*csv:2"):
        _read(*data)
    with pytest.raises(DataError, match="all have the label 'b'"):
        _read(*data, "on_bad=skip")
    assert "Skipped 1 example of the train split:" in caplog.text


def test_rows_that_the_reader_itself_refuses_may_be_skipped(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("text,label\ngood one,a\n ,b\nbad one,b\nno label,\n", encoding="utf-8")
    data = ["data=csv", f"data.train={table}", "head=classification"]
    with pytest.raises(DataError, match=r"2 examples of the train split cannot be used:\n.*csv:3"):
        _read(*data)
    found = _read(*data, "on_bad=skip")
    assert [row.example.fields["label"] for row in found.splits["train"]] == ["a", "b"]
    assert len(found.skipped["train"]) == 2


def test_the_same_examples_that_are_encoded_otherwise_are_told(
    conll: Conll, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cfg = compose_run([*RUN, *conll(train=[GOOD, OTHER], val=[GOOD]), f"run_dir={tmp_path}/run"])
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    prepare_data(cfg, folder)
    stored = json.loads(folder.codecs.read_text(encoding="utf-8"))
    stored["examples"]["train"] = "the digest of arrays of another version"
    del stored["sha256"]
    folder.codecs.write_text(json.dumps(stored), encoding="utf-8")
    assert len(reload_data(cfg, folder).splits["train"]) == 2
    assert "encode them differently (train)" in caplog.text
    folder.contents.unlink()
    with pytest.raises(RunError, match=r"the data has changed since this run started \(train\)"):
        reload_data(cfg, folder)


def test_ranks_start_with_the_pretrained_vectors_too(conll: Conll, tmp_path: Path) -> None:
    (tmp_path / "words.vec").write_text("Apple 1 2\npie 3 4\n", encoding="utf-8")
    vectors = (f"frontend.vectors={tmp_path / 'words.vec'}", "frontend.size=2")
    data = conll(train=[GOOD, OTHER], val=[GOOD])
    cfg = compose_run([*RUN, *vectors, *data, f"run_dir={tmp_path / 'run'}"])
    folder = RunFolder(Path(cfg.run_dir))
    folder.open(cfg)
    alone = prepare_data(cfg, folder)
    store_encoded(alone, folder)
    weights = [
        initial_pipeline(cfg, folder, found).model.state_dict()
        for found in (alone, load_encoded(cfg, folder))
    ]
    (name,) = (name for name in weights[0] if name.endswith("embedding.weight"))
    assert [1.0, 2.0] in weights[0][name].tolist()
    assert weights[1][name].tolist() == weights[0][name].tolist()


def test_rejected_examples_are_left_out_when_others_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na b,x\nc\nd,y\n")
    codec = resolve("frontend", "words").make_codec()
    section = {"name": "csv", "train": str(tmp_path / "a.csv")}
    found = [*prepare._read_again(section, "train", codec)]
    assert [one.id for one in found] == ["a:1", "a:3"]
    assert found[0].fields["tokens"] == ["a", "b"]
