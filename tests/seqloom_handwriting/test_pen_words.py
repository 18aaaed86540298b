"""The recipe for pen words, on words of generated hands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pen_words import GLYPHS, words, write_tables

from seqloom.config.compose import compose_run
from seqloom.train.prepare import encoded_data
from seqloom_handwriting.readers.strokes import StrokeReader


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three small tables of words."""
    folder = tmp_path_factory.mktemp("words")
    write_tables(folder, train=24, val=6, test=6)
    return folder


def test_generated_words_have_every_letter_and_come_back_from_their_table(tables: Path) -> None:
    columns = {"strokes": "strokes", "text": "text", "writer": "writer"}
    reader = StrokeReader(val=str(tables / "val.tsv"), columns=columns)
    read = [(one.fields["strokes"], one.fields["text"]) for one in reader.examples("val")]
    made = [(strokes, text) for strokes, text, _ in words("val", 6, writers=20)]
    assert [text for _, text in read] == [text for _, text in made]
    for (points, _), (strokes, _) in zip(read, made, strict=True):
        np.testing.assert_array_equal(np.concatenate(points), np.concatenate(strokes))
    assert {letter for _, text, _ in words("train", 300, 1) for letter in text} == set(GLYPHS)


def test_the_recipe_reads_a_table_of_words(tables: Path) -> None:
    files = [f"data.{split}={tables}/{split}.tsv" for split in ("train", "val")]
    cfg = compose_run(["experiment=strokes", *files, "run_dir=x"])
    rows = encoded_data(cfg).splits["train"]
    assert len(rows) == 24
    frontend, targets = rows.arrays(0)
    assert frontend["strokes"].shape[1] == 5
    assert list(targets) == ["ctc"]


def test_the_recipe_trains_words_for_twice_the_steps_of_digits() -> None:
    own, digits = (
        compose_run([f"experiment={name}", "run_dir=x"])
        for name in ("strokes", "pendigits_strings")
    )
    assert own.budget.min_steps == 2 * digits.budget.min_steps
