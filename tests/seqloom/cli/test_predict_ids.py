"""``seqloom predict`` tells of ids that come again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqloom.cli.main import run


def test_an_id_that_comes_again_is_told_once(
    trained_ner: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.jsonl"
    ids = ["a", "b", "a", "b", "c"]
    path.write_text(
        "".join(json.dumps({"no": one, "tokens": ["Apple"]}) + "\n" for one in ids),
        encoding="utf-8",
    )
    words = ["data=jsonl", "data.columns={tokens: tokens}", "data.id_column=no"]
    assert run(["predict", str(trained_ner), str(path), *words]) == 0
    captured = capsys.readouterr()
    assert [json.loads(one)["id"] for one in captured.out.splitlines()] == ids
    assert captured.err == (
        f"Note: {path}:3: {path}:1 has the same id, 'a', so their predictions cannot be told "
        "apart. Give each input its own id. This is shown once.\n"
    )


def test_only_so_many_ids_are_remembered(
    trained_ner: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqloom.cli.predict.IDS", 2)
    path = tmp_path / "in.csv"
    path.write_text("id,text\na,x\nb,x\nc,x\nc,x\nb,x\n", encoding="utf-8")
    assert run(["predict", str(trained_ner), str(path), "data.id_column=id"]) == 0
    assert f"{path}:6: {path}:3 has the same id, 'b'" in capsys.readouterr().err
