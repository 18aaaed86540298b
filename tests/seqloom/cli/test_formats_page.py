"""The page on formats has every field of files that real runs write, and no other."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.cli.formats import FORMS
from seqloom.cli.main import run
from seqloom.sweep.folder import Plan, read_plan

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "formats.md").read_text("utf-8")
MULTI = re.MULTILINE
OPTIONAL = {"error", "baselines"}
"""Fields of run.json that only some runs have."""

Predicted = Callable[..., str]


def section(heading: str) -> str:
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, MULTI | re.DOTALL)
    assert found, heading
    return found[1]


def told(heading: str, column: str = "field") -> set[str]:
    """Return the names in the first column of a table."""
    found = re.search(
        rf"^\| {column} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", section(heading), re.MULTILINE
    )
    assert found, (heading, column)
    return {name for row in found[1].splitlines() for name in _names(row.split("|")[1])}


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def columns(heading: str) -> list[str]:
    found = re.search(r"^Columns[^:]*: (.*?)[.;]", section(heading), MULTI)
    assert found
    return _names(found[1])


@pytest.fixture
def predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Predicted:
    path = tmp_path / "input.txt"
    path.write_text("Apple beats its competitors .\nI ate an Apple .\n", encoding="utf-8")

    def get(model: Path, form: str = "jsonl", *options: str) -> str:
        assert run(["predict", str(model), str(path), "--to", form, *options]) == 0
        return capsys.readouterr().out

    return get


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_predictions_of_classification(predicted: Predicted, trained_classes: Path) -> None:
    first = json.loads(predicted(trained_classes).splitlines()[0])
    assert set(first) == told("Predictions of classification")
    without = json.loads(predicted(trained_classes, "jsonl", "--no-scores").splitlines()[0])
    marked = set(re.findall(r"^\| `(\w+)` \| †", section("Predictions of classification"), MULTI))
    assert set(first) - set(without) == marked
    rows = list(csv.reader(io.StringIO(predicted(trained_classes, "csv"))))
    assert rows[0] == columns("Predictions of classification")


def test_predictions_of_ner(predicted: Predicted, trained_ner: Path) -> None:
    found = [json.loads(line) for line in predicted(trained_ner).splitlines()]
    assert {name for one in found for name in one} == told("Predictions of ner")
    entities = [entity for one in found for entity in one["entities"]]
    assert entities
    assert {n for one in entities for n in one} == told("Predictions of ner", "field of an entity")
    rows = list(csv.reader(io.StringIO(predicted(trained_ner, "csv"))))
    assert rows[0] == columns("Predictions of ner")


def test_predictions_of_ctc(trained_reader: Path) -> None:
    pipeline = seqloom.load(trained_reader)
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (32, 90), dtype=np.uint8) for _ in range(8)]
    found = pipeline(images)
    assert {"id", *(name for one in found for name in one)} == told("Predictions of ctc")
    characters = [one for prediction in found for one in prediction["characters"]]
    known = told("Predictions of ctc", "field of a character")
    assert {name for one in characters for name in one} in (known, set())


def test_formats_of_the_core() -> None:
    assert told("Predictions", "format") == set(FORMS)


def test_metrics(trained_ner: Path, trained_classes: Path, trained_reader: Path) -> None:
    from seqloom_classification.metrics import LabelSetMetrics
    from seqloom_translation.metric import TranslationMetric

    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", section("metrics.json"), MULTI)
    names = {head: set(_names(cell)) for head, cell in rows}
    runs = {"ner": trained_ner, "classification": trained_classes, "ctc": trained_reader}
    for head, folder in runs.items():
        metrics = read(folder / "metrics.json")
        assert set(metrics) == {"val", "test"}
        assert set(metrics["val"]) == names[head]
    assert names["translation"] == {*TranslationMetric.modes, "loss"}
    line = re.search(r"multi_label=true`, they are (.*)", section("metrics.json"))
    assert line
    assert set(_names(line[1])) == {*LabelSetMetrics.modes, "loss"}


def test_lines_of_metrics(trained_ner: Path) -> None:
    lines = (trained_ner / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = {re.sub("^val/.*", "val/NAME", name) for line in lines for name in json.loads(line)}
    assert found <= told("metrics.jsonl")
    assert {"step", "epoch", "val/NAME"} <= found


def test_the_record_of_a_run(trained_ner: Path) -> None:
    found = read(trained_ner / "run.json")
    assert set(found) == told("run.json") - OPTIONAL
    history = re.search(r"^\| `history` \| (.*) \|$", section("run.json"), MULTI)
    assert history
    assert {name for one in found["history"] for name in one} <= set(_names(history[1]))


def test_the_plan_of_a_sweep(tmp_path: Path) -> None:
    plan = Plan(tmp_path, "grid", ["seed=1,2"], "/")
    plan.add(["seed=1"])
    plan.save()
    assert set(read(tmp_path / "sweep.json")) == told("sweep.json")
    assert told("sweep.json") == {"version", "sha256", *(one.name for one in fields(Plan))} - {
        "folder"
    }
    row = re.search(r"^\| `trials` \| (.*) \|$", section("sweep.json"), MULTI)
    assert row
    assert [set(_names(row[1]))] == [set(one) for one in read(tmp_path / "sweep.json")["trials"]]
    assert read_plan(tmp_path).trials == plan.trials


def test_the_description_of_a_bundle(trained_ner: Path) -> None:
    found = read(trained_ner / "bundle" / "bundle.json")
    assert set(found) == told("bundle.json")
    row = re.search(r"^\| `components` \| (.*) \|$", section("bundle.json"), MULTI)
    assert row
    entry = found["components"]["encoder"]
    assert set(_names(row[1])) - {"frontend", "encoder", "heads"} <= set(entry)


def test_examples_are_json_with_fields_of_their_tables() -> None:
    for head in ("classification", "ner", "ctc"):
        heading = f"Predictions of {head}"
        for block in re.findall(r"```json\n(.*?)```", section(heading), re.DOTALL):
            assert all(set(json.loads(line)) == told(heading) for line in block.splitlines())
