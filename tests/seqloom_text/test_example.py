"""``seqloom example`` writes files that can be trained on, the same every time."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

import seqloom
from seqloom.cli.main import run
from seqloom.errors import ConfigError
from seqloom_text.sample_files import tickets, visits
from seqloom_text.sample_files.command import SAMPLES

CUT = ("data.split.val=0.15", "data.split.test=0.15")


def written(kind: str, path: Path) -> Path:
    assert run(["example", kind, str(path)]) == 0
    return path


@pytest.mark.parametrize(
    ("kind", "digest"),
    [("csv", "6052cf1dda18"), ("conll", "0934472ec3e6"), ("lines", "dec1714c5523")],
)
def test_a_file_is_the_same_everywhere(kind: str, digest: str, tmp_path: Path) -> None:
    content = written(kind, tmp_path / "file").read_bytes()
    assert b"\r" not in content
    assert hashlib.sha256(content).hexdigest()[:12] == digest


def test_it_says_what_it_wrote_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["example", "csv"]) == 0
    assert capsys.readouterr().out == (
        "Wrote tickets.csv: 400 messages to a shop (text), and the team that each is for (label).\n"
        "Next: seqloom train data=csv data.train=tickets.csv data.split.val=0.15 "
        "data.split.test=0.15 head=classification\n"
    )
    assert (tmp_path / "tickets.csv").read_text("utf-8").count("\n") == 401


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("precious")
    with pytest.raises(ConfigError, match=r"mine\.csv exists; it is not overwritten\. Delete it,"):
        run(["example", "csv", str(path)])
    assert path.read_text() == "precious"


def test_messages_are_balanced_and_differ_and_those_to_predict_from_are_new(tmp_path: Path) -> None:
    rows = list(tickets.rows())
    assert Counter(team for _, team in rows) == dict.fromkeys(tickets.TEAMS, 100)
    assert len({text for text, _ in rows}) == len(rows) == 400
    fresh = written("lines", tmp_path / "file").read_text("utf-8").splitlines()
    assert len(fresh) == 12
    assert not {text for text, _ in rows} & set(fresh)


def test_names_that_are_people_and_places_occur_as_both() -> None:
    tagged = Counter(pair for sentence in visits.sentences() for pair in sentence)
    assert all(tagged[name, "B-PER"] and tagged[name, "B-LOC"] for name in visits.BOTH)


@pytest.mark.parametrize(
    ("kind", "head", "metric"),
    [("csv", "classification", "accuracy"), ("conll", "ner", "f1")],
)
def test_a_small_model_learns_it(kind: str, head: str, metric: str, tmp_path: Path) -> None:
    path = written(kind, tmp_path / SAMPLES[kind].name)
    result = seqloom.fit(
        f"data={kind}",
        f"data.train={path}",
        *CUT,
        f"head={head}",
        "encoder=bigru",
        "encoder.hidden_size=24",
        "frontend.size=24",
        "optimizer.lr=0.02",
        "budget.min_steps=0",
        "trainer.max_epochs=8",
        run_dir=str(tmp_path / "run"),
    )
    assert result.metrics["test"][metric] > 0.9
