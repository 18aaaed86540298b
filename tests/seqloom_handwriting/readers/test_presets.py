"""The presets of data/ give what they say, by the names of the components."""

from pathlib import Path

import pytest

from seqloom.config.compose import compose_data
from seqloom.errors import DataError
from seqloom.interfaces import Example
from seqloom.model.build import build_reader

SIZES = {
    "peraire": (2069, 204, 262),
    "pendigits": (5996, 1498, 3498),
    "pendigits_strings": (3999, 333, 774),
}


@pytest.mark.realdata
@pytest.mark.parametrize("name", SIZES)
def test_sizes(name: str, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_DATA", str(real_data))
    reader = build_reader(compose_data([f"data={name}"]))
    found = [list(reader.examples(split)) for split in ("train", "val", "test")]
    assert tuple(map(len, found)) == SIZES[name]
    assert all(isinstance(one, Example) for part in found for one in part)


@pytest.mark.parametrize("name", ["line_images", "strokes", "stroke_strings", "series"])
def test_components_build_with_their_defaults(name: str) -> None:
    columns = ["data.columns={label: label, writer: writer}"] if name == "stroke_strings" else []
    reader = build_reader(compose_data([f"data={name}", *columns]))
    assert list(reader.examples("train")) == []
    assert list(reader.inputs([])) == []


def test_presets_without_data_say_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_DATA", str(tmp_path))
    reader = build_reader(compose_data(["data=peraire"]))
    with pytest.raises(DataError, match=r"peraire_lines/train.tsv: no such file; the folder"):
        next(reader.examples("train"))
