"""Sources with a file for each split, and with splits cut from train."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data import SplitReader, UniqueNames
from seqloom.data.split import SplitConfig, split
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example


class Numbers(SplitReader):
    """Examples with the numbers of a list; 0 is one that cannot be used."""

    def whole(self, split: str) -> Iterator[Example | ExampleError]:
        for number in self.files.get(split, []):
            example = Example(str(number), {"number": number})
            yield example if number else ExampleError(example, "is zero")


def ids(reader: SplitReader, name: str) -> list[str]:
    return [one.id for one in reader.examples(name) if isinstance(one, Example)]


def test_a_file_for_each_split() -> None:
    reader = Numbers({"train": [1, 0, 2], "val": None, "test": [3]}, None)
    assert [ids(reader, name) for name in ("train", "val", "test")] == [["1", "2"], [], ["3"]]
    with pytest.raises(ConfigError, match=r"No split 'tests'. Did you mean 'test'\?"):
        reader.examples("tests")


def test_an_empty_name_is_no_missing_file() -> None:
    with pytest.raises(ConfigError, match=r"^data\.val is empty; is a shell variable unset"):
        Numbers({"train": [1], "val": ""}, None)


@given(st.lists(st.integers(1, 99), min_size=10, unique=True), st.integers(0, 3))
def test_cut_from_train(numbers: list[int], seed: int) -> None:
    cut = SplitConfig(val=0.3, seed=seed)
    reader = Numbers({"train": [0, *numbers, 0], "test": [100]}, {"val": 0.3, "seed": seed})
    expected = split([Example(str(n), {"number": n}) for n in numbers], cut)
    assert ids(reader, "train") == [example.id for example in expected["train"]]
    assert ids(reader, "val") == [example.id for example in expected["val"]]
    assert ids(reader, "test") == ["100"]
    train = list(reader.examples("train"))
    assert [isinstance(one, ExampleError) for one in train].count(True) == 2


def test_configs_that_do_not_fit() -> None:
    with pytest.raises(ConfigError) as caught:
        Numbers({"val": [1]}, SplitConfig(val=0.5))
    assert str(caught.value) == (
        "data.val=[1] and data.split.val=0.5 both say where val comes from; set only one of them."
    )
    with pytest.raises(
        ConfigError, match=r"^data.split.test cuts from data.train, but data.train is not set"
    ):
        Numbers({}, SplitConfig(test=0.5)).examples("test")


def test_what_could_not_be_read_is_told_where_too_little_is_left_to_cut() -> None:
    for count, expected in {
        0: ": there is no other example.",
        1: ". Without them: The val part would",
    }.items():
        reader = Numbers({"train": [0, *range(1, count + 1)]}, SplitConfig(val=0.1))
        with pytest.raises(DataError) as caught:
            reader.examples("train")
        lines = str(caught.value).splitlines()
        assert lines[0] == f"1 example of data.train={reader.files['train']} cannot be used:"
        assert lines[1] == "  example 0: is zero"
        assert lines[2].startswith(f"Fix the data{expected}")
    with pytest.raises(ConfigError, match=r"^The val part would be empty: 0\.1 of 1 example"):
        Numbers({"train": [1]}, SplitConfig(val=0.1)).examples("train")


def test_a_raised_error_does_not_pass_for_the_end_of_train() -> None:
    class Raises(Numbers):
        def whole(self, split: str) -> Iterator[Example]:
            yield Example("1", {})
            raise ExampleError(Example("2", {}), "is odd")

    with pytest.raises(DataError, match="must yield the error instead of raising it"):
        Raises({"train": [1]}, SplitConfig(val=0.5)).examples("train")


@given(st.lists(st.sampled_from(["a", "a#2", "a#2#2", "b"])))
def test_unique_names(names: list[str]) -> None:
    unique = UniqueNames()
    given_names = [unique(name) for name in names]
    assert len(set(given_names)) == len(names)
    assert all(new.startswith(old) for new, old in zip(given_names, names, strict=True))
    for name in set(names) - {"a#2", "a#2#2"}:
        assert given_names[names.index(name)] == name
