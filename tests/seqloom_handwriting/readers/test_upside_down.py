"""Strokes whose y grows the other way than the reader was told."""

from pathlib import Path

import pytest

from seqloom_handwriting.readers.strokes import StrokeReader

DIGITS = ["0,9 0,0", "0,9 3,1|2,8 2,0", "5,9 0,6 5,3 0,0"]  # drawn downwards, y growing upwards


def write(folder: Path, count: int, cells: list[str] = DIGITS) -> str:
    rows = [f"{cells[n % len(cells)]}\t1" for n in range(count)]
    table = folder / "ink.tsv"
    table.write_text("\n".join(["strokes\tlabel", *rows]) + "\n")
    return str(table)


@pytest.mark.parametrize("how", ["split", "inputs"])
def test_upside_down_strokes_are_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    table = write(tmp_path, 60)
    reader = StrokeReader(train=table)
    for _ in range(2):
        found = reader.examples("train") if how == "split" else reader.inputs([table])
        assert len(list(found)) == 60
    (message,) = caplog.messages
    assert message == (
        f"{table}:2: the strokes look upside down: 80 of 80 end above their start. If y grows "
        "upwards in these data, set data.y_up=true."
    )


def test_the_right_direction_is_not_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(StrokeReader(train=write(tmp_path, 60), y_up=True).examples("train"))
    assert not caplog.messages


def test_a_wrong_y_up_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = write(tmp_path, 60, ["0,0 0,9"])
    assert list(StrokeReader(train=table, y_up=True).examples("train"))
    assert "If y grows downwards in these data, set data.y_up=false" in caplog.text


@pytest.mark.parametrize(
    ("count", "cells"), [(30, DIGITS), (200, ["0,0 9,0"]), (200, ["0,0 0,9", "0,9 0,0"])]
)
def test_few_level_or_mixed_strokes_say_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, count: int, cells: list[str]
) -> None:
    assert list(StrokeReader(train=write(tmp_path, count, cells)).examples("train"))
    assert not caplog.messages
