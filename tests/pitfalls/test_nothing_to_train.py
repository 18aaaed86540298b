"""A step in which one rank has nothing to train on must not leave the others waiting.

Lightning refuses a ``training_step`` that returns None on one of several ranks, by an error on that
rank (see ``test_failing_rank`` for what comes of it); a loss without a graph hangs as well. Such
batches come of lines that are too short for their text, since no CTC path spells it. We find these
before training, and the sampler then deals out what is left: each rank has a loss in each step.
"""

from __future__ import annotations

import json

from .conftest import Ended


def test_what_cannot_be_trained_is_left_out_and_counted(terminated: Ended) -> None:
    rows = (terminated.folder / "skipped.jsonl").read_text().splitlines()
    skipped = {one["id"] for one in map(json.loads, rows) if one["split"] == "train"}
    assert 0 < len(skipped) < 40
    assert all("too long for the line" in row for row in rows)
    assert f"Skipped {len(skipped)} examples of the train split:" in terminated.said
    assert f"Examples: train {40 - len(skipped)}, " in terminated.said
    trained = {one for rank in terminated.seen() for batch in rank["trained"] for one in batch}
    assert not trained & skipped
    assert len(trained) == 40 - len(skipped)


def test_each_rank_has_a_loss_in_each_step(terminated: Ended) -> None:
    first, second = terminated.seen()
    assert len(first["losses"]) == len(second["losses"]) > 1
    assert all(first["losses"] + second["losses"])
