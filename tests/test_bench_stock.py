"""The stock networks of scripts/bench compute what a pipeline does, and rows of data at size."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCH = Path(__file__).parent.parent / "scripts" / "bench_parts"
LINGO = (
    "experiment=lingo",
    "trainer=cpu",
    *("frontend.size=24", "encoder.hidden_size=24", "head.size=24"),
    *("data.train_size=60", "data.val_size=10", "data.test_size=10"),
    *("head.beam=1", "head.no_repeat=0"),
)
SPOKEN = (
    *("experiment=spoken", "trainer=cpu", "encoder=bilstm", "encoder.num_layers=1"),
    *("encoder.dropout=0", "encoder.hidden_size=24"),
    *("frontend.stack=1", "frontend.stride=1", "frontend.subsampling=4", "frontend.center=true"),
    *("data.train_size=24", "data.val_size=6", "data.test_size=6"),
    *(f"frontend.augment.{name}=0" for name in ("stretch", "gain", "time_masks", "band_masks")),
)


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def opened(part: Any, *words: str) -> tuple[ModuleType, Any, Any, Any]:
    steps = part("_steps")
    cfg, data = steps.recipe(*words)
    return steps, cfg, data, part("seqloom.model.build").build_pipeline(cfg.components, data.codecs)


def test_the_stock_translator_computes_what_the_pipeline_does(part: Any) -> None:
    translation = part("translation")
    steps, cfg, data, pipeline = opened(part, *LINGO)

    def stock(pipeline: Any, smoothing: float = 0.1) -> Any:
        network = translation.stock(pipeline, exact=True)
        network.smoothing = smoothing
        return network

    steps.check_same(cfg, data, stock)
    with pytest.raises(AssertionError):
        steps.check_same(cfg, data, lambda pipeline: stock(pipeline, 0.2))
    texts = [one.fields["text"] for one in data.splits["train"].examples(range(30))]
    ours, by_hand = translation.sides(pipeline, texts)
    found = ours()
    assert len(set(found)) > 1
    assert found == by_hand()


def test_the_stock_recognizer_computes_what_the_pipeline_does(part: Any) -> None:
    speech = part("speech")
    steps, cfg, data, _ = opened(part, *SPOKEN)
    steps.check_same(cfg, data, lambda pipeline: speech.stock(cfg, pipeline, exact=True))
    ours, by_hand = speech.sides(data)
    for one, other in zip(ours(), by_hand(), strict=True):
        np.testing.assert_allclose(one, other, atol=0.01)


def test_a_loop_by_hand_trains_its_network(part: Any) -> None:
    translation, torch = part("translation"), part("torch")
    steps, cfg, data, pipeline = opened(part, *LINGO)
    network = translation.stock(pipeline)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, fused=True)
    batch = next(steps.endless(cfg, data))
    loop = part("baselines.stock").Loop(network, optimizer, iter([batch] * 9), 1.0, half=True)
    before = network.loss(batch).item()
    assert [loop() for _ in range(9)] == [steps.size_of(batch)] * 9
    assert network.loss(batch).item() < before - 0.5


def test_a_recipe_without_its_data_is_skipped(part: Any, tmp_path: Path) -> None:
    found = part("_steps").recipe("experiment=tatoeba", f"data.train={tmp_path}/none.tsv")
    assert found.startswith("the data of experiment=tatoeba are not there: ")
    assert "none.tsv" in found


def test_the_rows_of_the_size_of_the_data(part: Any) -> None:
    found = [
        (
            10**power,
            {"first": 10.0**power, "again": 0.1, "step": 1e-5, "memory": 400.0 + 10 * power},
        )
        for power in range(3, 7)
    ]
    first, again, step, memory = part("sizes_data").rows(found)
    assert [one["id"] for one in (first, again, step)] == [
        "sizes-data",
        "sizes-data-again",
        "sizes-data-step",
    ]
    assert [round(one["ratio"], 6) for one in (first, again, step)] == [1.0, 0.0, 0.0]
    assert "1,000 to 1,000,000" in first["what"]
    assert first["points"][-1] == (10**6, 10.0**6)
    assert "points" not in step
    assert "1,000,000 sentences, 460 MiB against 430 for 1,000" in memory["what"]
