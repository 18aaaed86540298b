"""Parts of the training examples."""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config.compose import compose_run
from seqloom.config.overrides import with_overrides
from seqloom.data.take import take
from seqloom.errors import ConfigError
from seqloom.interfaces import Example
from seqloom.model.build import build_reader
from seqloom.model.fields import selected
from seqloom.plugins import Component
from seqloom.train.prepare import encoded_data


def examples(labels: list[str]) -> list[Example]:
    return [Example(str(n), {"text": f"{n}", "label": one}) for n, one in enumerate(labels)]


@given(st.lists(st.sampled_from("abc"), max_size=30), st.integers(1, 30), st.integers(0, 5))
def test_larger_parts_include_smaller_ones(labels: list[str], count: int, more: int) -> None:
    every = examples(labels)
    for field in (None, "label"):
        part = [one.id for one in take(every, count, field)]
        larger = [one.id for one in take(every, count + more, field)]
        assert len(part) == min(count, len(every))
        assert set(part) <= set(larger)
        assert part == sorted(part, key=int)


def test_classes_keep_their_proportions() -> None:
    every = examples(["often"] * 600 + ["seldom"] * 300 + ["rare"] * 100)
    for count in (10, 50, 200):
        found = Counter(one.fields["label"] for one in take(every, count, "label"))
        for name, fraction in (("often", 0.6), ("seldom", 0.3), ("rare", 0.1)):
            assert abs(found[name] - fraction * count) <= 1
    plain = Counter(one.fields["label"] for one in take(every, 200, None))
    assert plain["often"] > plain["seldom"] > plain["rare"]


def test_every_reader_has_the_key(tmp_path: Path) -> None:
    apples = encoded_data(compose_run(["data.take=21"]))
    assert [len(apples.splits[split]) for split in ("train", "val", "test")] == [21, 200, 400]
    table = tmp_path / "t.csv"
    rows = [f"text {n},{'ab'[n % 2]}" for n in range(50)]
    table.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    words = ["data=csv", "head=classification", f"data.train={table}", "data.take=8"]
    data = encoded_data(compose_run(words))
    assert [len(data.splits[split]) for split in ("train", "val", "test")] == [8, 5, 5]
    assert Counter(row.example.fields["label"] for row in data.splits["train"]) == {"a": 4, "b": 4}
    section = compose_run(words).data
    assert section["take"] == 8
    assert with_overrides(section, ["data.take=9"])["take"] == 9
    assert next(iter(build_reader(section).examples("train")))


@pytest.mark.parametrize("value", ["0", "-3", "x"])
def test_a_wrong_number_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.take"):
        compose_run([f"data.take={value}"])


def test_too_large_a_number_is_told(caplog: pytest.LogCaptureFixture) -> None:
    every = examples(["a", "b"])
    with caplog.at_level(logging.WARNING, "seqloom"):
        section = {"name": "csv", "columns": {}, "kinds": {}, "take": 5}
        assert selected(section, "train", every) == every
    assert caplog.messages == ["data.take=5: train has only 2 examples."]
    assert selected({**section, "take": None}, "train", every) == every
    assert selected({**section, "take": 1}, "val", every) == every


@dataclasses.dataclass
class OwnConfig:
    """A reader whose own parameter has the name.

    Attributes:
        take: Something else.
    """

    take: str = "all"


def test_a_parameter_of_that_name_is_the_readers_own() -> None:
    component = Component("data", "own", OwnConfig, "nowhere:Own")
    assert "take" not in component.settings
    names = [one.name for one in dataclasses.fields(component.section_schema())]
    assert names.count("take") == 1
