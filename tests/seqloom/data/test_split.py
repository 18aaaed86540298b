"""Splits have no leaks, keep proportions, and are the same each time."""

import re
import subprocess
import sys
from collections import Counter
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.split import SplitConfig, _stratum, content_hash, places, split
from seqloom.errors import ConfigError
from seqloom.interfaces import Example, Origin

PARTS = ("train", "val", "test")


def labelled(labels: list[str]) -> list[Example]:
    return [Example(f"e{i}", {"text": f"t{i}", "label": x}) for i, x in enumerate(labels)]


fractions = st.tuples(st.floats(0.0, 0.45), st.floats(0.0, 0.45))
texts = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60)


def try_split(examples: list[Example], config: SplitConfig) -> dict[str, list[Example]] | None:
    """Return the split, or None where it says that a part would be empty."""
    try:
        return split(examples, config)
    except ConfigError as error:
        assert "would be empty" in str(error)  # noqa: PT017
        return None


@given(texts, fractions, st.integers(0, 5))
def test_every_example_once_in_file_order_and_duplicates_on_one_side(
    words: list[str], parts: tuple[float, float], seed: int
) -> None:
    examples = [Example(str(i), {"text": word, "id": i}) for i, word in enumerate(words)]
    config = SplitConfig(val=parts[0], test=parts[1], seed=seed)
    result = try_split(examples, config)
    if result is None:
        return
    ids = [[int(e.id) for e in result[part]] for part in PARTS]
    assert sorted(chain(*ids)) == list(range(len(words)))
    assert all(part == sorted(part) for part in ids)
    sides = [{e.fields["text"] for e in result[part]} for part in PARTS]
    assert sum(map(len, sides)) == len(set(words))
    assert split(examples, config) == result


@given(st.lists(st.sampled_from("xyz"), min_size=1, max_size=80), fractions, st.integers(0, 5))
def test_each_label_keeps_its_fraction_within_one_example(
    labels: list[str], parts: tuple[float, float], seed: int
) -> None:
    config = SplitConfig(val=parts[0], test=parts[1], stratify="label", seed=seed)
    result = try_split(labelled(labels), config)
    if result is None:
        return
    wanted = {"train": 1 - sum(parts), "val": parts[0], "test": parts[1]}
    for part in PARTS:
        found = Counter(e.fields["label"] for e in result[part])
        for label, count in Counter(labels).items():
            assert abs(found[label] - count * wanted[part]) <= 1 + 1e-9


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 7)), min_size=1, max_size=50),
    fractions,
)
def test_a_group_never_crosses_even_through_duplicates(
    rows: list[tuple[str, int]], parts: tuple[float, float]
) -> None:
    # The group stands in meta, so that equal texts of two groups are duplicates: they tie them.
    examples = [
        Example(str(i), {"text": text}, meta={"document": document})
        for i, (text, document) in enumerate(rows)
    ]
    config = SplitConfig(val=parts[0], test=parts[1], group="document")
    result = try_split(examples, config)
    if result is None:
        return
    for of in (lambda e: e.meta["document"], lambda e: e.fields["text"]):
        sides = [{of(e) for e in result[part]} for part in PARTS]
        assert all(a.isdisjoint(b) for a, b in combinations(sides, 2))


def test_sizes_are_exact_without_duplicates() -> None:
    result = split(labelled(["a"] * 100), SplitConfig(val=0.1, test=0.2))
    assert [len(result[part]) for part in PARTS] == [70, 10, 20]


def test_many_small_strata_do_not_all_round_down() -> None:
    labels = [str(i % 100) for i in range(300)]
    result = split(labelled(labels), SplitConfig(val=0.1, stratify="label"))
    assert len(result["val"]) == 30


def test_a_part_is_drawn_even_if_groups_are_larger_than_it() -> None:
    examples = [Example(str(i), {"text": str(i), "doc": i // 60}) for i in range(480)]
    result = split(examples, SplitConfig(val=0.1, group="doc"))
    assert len(result["val"]) == 60


def test_the_seed_changes_the_draw() -> None:
    examples = labelled(["a"] * 50)
    first, second = (split(examples, SplitConfig(val=0.2, seed=seed)) for seed in (0, 1))
    assert first["val"] != second["val"]


def test_equal_arrays_are_duplicates() -> None:
    examples = [
        Example(str(i), {"image": np.full((2, 2), i // 4), "n": {"b": [1]}}) for i in range(16)
    ]
    result = split(examples, SplitConfig(val=0.25))
    assert len({e.fields["image"][0, 0] for e in result["val"]}) == 1
    assert len(result["val"]) == 4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (SplitConfig(val=0.5, test=0.5), "leave nothing to train on"),
        (SplitConfig(val=-0.1), r"split\.val=-0\.1: expected a number in"),
        (SplitConfig(test=1.0), r"split\.test=1\.0: expected a number in"),
        (SplitConfig(test=float("nan")), "expected a number in"),
        (SplitConfig(val=0.1, stratify="lable"), "Did you mean 'label'"),
        (SplitConfig(val=0.1, group="doc"), r"split\.group=doc: f\.csv:3 has no such field"),
        (SplitConfig(val=0.01), "The val part would be empty: 0.01 of 4 examples"),
    ],
)
def test_what_cannot_be_split(config: SplitConfig, message: str) -> None:
    examples = [
        Example(str(i), {"text": str(i), "label": "a"}, Origin("f.csv", i + 3)) for i in range(4)
    ]
    with pytest.raises(ConfigError, match=message):
        split(examples, config)


def test_equal_examples_are_why_a_part_is_empty() -> None:
    examples = [Example(str(n), {"text": "same" if n else "other"}) for n in range(20)]
    text = "0.2 of 20 examples, of which 2 differ: equal ones stay in one part. Change split.val "
    with pytest.raises(ConfigError, match=re.escape(text)) as caught:
        split(examples, SplitConfig(val=0.2, test=0.2))
    assert str(caught.value).endswith("or use more different examples.")


def test_the_train_part_may_not_be_empty() -> None:
    with pytest.raises(ConfigError, match="train part would be empty"):
        split([], SplitConfig())
    one_group = [Example(str(i), {"text": str(i), "doc": 1}) for i in range(4)]
    with pytest.raises(ConfigError, match="in groups by 'doc'"):
        split(one_group, SplitConfig(val=0.3, group="doc"))


def test_examples_that_differ_are_not_read_again() -> None:
    examples = labelled(["a"] * 50)
    config = SplitConfig(val=0.2, test=0.1, seed=3)
    hashes = [content_hash(one, config) for one in examples]
    found = places([None] * 50, config, hashes)  # type: ignore[list-item]
    expected = split(examples, config)
    assert {part: [examples[at] for at in own] for part, own in found.items()} == expected
    # As every version has split them: a run that is resumed finds its examples.
    assert list(found["test"]) == [3, 11, 17, 25, 49]


def test_the_schema_needs_no_torch() -> None:
    code = "import sys, seqloom.data.split; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_field_to_stratify_by_may_be_absent_if_nobody_asked_for_it() -> None:
    example = Example("a", {"text": "x"})
    assert _stratum(example, SplitConfig(val=0.5, stratify="label", automatic=True)) is None
    with pytest.raises(ConfigError, match="label"):
        _stratum(example, SplitConfig(val=0.5, stratify="label"))
