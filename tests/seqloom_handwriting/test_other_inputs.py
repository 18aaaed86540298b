"""Pens and series of vectors, from a table to a report and a prediction."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.cli.main import run

SMALL = (
    "encoder=bilstm",
    "encoder.hidden_size=8",
    "head=ctc",
    "head.ngram_order=2",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "callbacks=none",
)


def pen(table: Path, count: int) -> Path:
    """Write a table of a dash, a dot and an angle by turns, of one writer."""
    shapes = {"1": "0,0 0,5 0,9", "2": "0,0 9,0 9,9|4,4", "3": "5,5"}
    rows = [f"{'123'[i % 3]}\tann\t{shapes['123'[i % 3]]}" for i in range(count)]
    table.write_text("\n".join(["label\twriter\tstrokes", *rows]) + "\n", encoding="utf-8")
    return table


def test_strings_of_a_pen(tmp_path: Path) -> None:
    data = [f"data.{split}={pen(tmp_path / f'{split}.tsv', 30)}" for split in ("train", "test")]
    columns = "data.columns={strokes: strokes, label: label, writer: writer}"
    words = ("data=stroke_strings", *data, columns, "frontend=strokes", *SMALL)
    result = seqloom.fit(*words, run_dir=tmp_path / "run")
    report = result.report.read_text(encoding="utf-8")
    assert '<polyline points="' in report
    assert "<div>read: " in report
    assert result.metrics["test"]["cer"] >= 0
    (one,) = seqloom.load(result.bundle)([[[(0, 0), (0, 5), (1, 9)], [(3, 3)]]])
    assert set(one) == {"text", "confidence", "characters"}


def test_series_of_vectors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    rows = ["features\ttext"]
    for number in range(8):
        np.save(tmp_path / f"{number}.npy", rng.normal(size=(12, 3)).astype(np.float32))
        rows.append(f"{number}.npy\t{'ab ba'[: 1 + number % 5].strip()}")
    table = tmp_path / "lines.tsv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    words = ("data=series", f"data.train={table}", f"data.val={table}", f"data.test={table}")
    result = seqloom.fit(*words, "frontend=features", *SMALL, run_dir=tmp_path / "run")
    report = result.report.read_text(encoding="utf-8")
    assert "<div>truth: ab ba</div>" in report
    assert "cannot be shown" not in report
    assert run(["predict", str(result.bundle), str(tmp_path / "0.npy")]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "0.npy"
