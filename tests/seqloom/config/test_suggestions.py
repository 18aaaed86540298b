"""What a head or a data set suggests for other sections, where the user has not set it."""

from __future__ import annotations

import pytest

from seqloom.config.compose import compose_run

CSV = ("data=csv", "data.train=x.csv", "run_dir=x")


def test_a_classifier_of_sentences_gets_its_own_defaults() -> None:
    found = compose_run([*CSV, "head=classification"])
    assert found.frontend["dropout"] == 0.4
    assert found.frontend["subwords"] is True
    assert found.budget.min_steps == 1500


@pytest.mark.parametrize("reader", ["csv", "conll", "jsonl"])
def test_a_tagger_of_sentences_from_files_gets_its_own_defaults(reader: str) -> None:
    columns = "data.columns={tokens: 1, tags: 2}"
    found = compose_run([f"data={reader}", columns, "data.train=x", "run_dir=x", "head=ner"])
    assert (found.head["dropout"], found.frontend["dropout"]) == (0.4, 0.4)
    assert found.frontend["subwords"] is False
    assert found.budget.min_steps == 1500


def test_what_is_set_for_a_tagger_counts() -> None:
    found = compose_run(
        ["data=conll", "data.train=x", "run_dir=x", "head.dropout=0", "budget.min_steps=10"]
    )
    assert (found.head["dropout"], found.frontend["dropout"]) == (0, 0.4)
    assert found.budget.min_steps == 10


def test_what_is_set_counts() -> None:
    found = compose_run(
        [*CSV, "head=classification", "frontend.subwords=false", "budget.min_steps=0"]
    )
    assert (found.frontend["dropout"], found.frontend["subwords"]) == (0.4, False)
    assert found.budget.min_steps == 0


def test_other_data_and_frontends_do_not_follow() -> None:
    tagger = compose_run(["run_dir=x"])
    assert (tagger.head["dropout"], tagger.frontend["dropout"]) == (0.0, 0.0)
    assert tagger.frontend["subwords"] is False
    assert tagger.budget.min_steps is None
    characters = compose_run([*CSV, "head=classification", "frontend=characters"])
    assert characters.frontend["dropout"] == 0.0
