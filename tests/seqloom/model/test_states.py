"""Codecs' states are stored as JSON, but their bytes as files of their own."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import BundleError
from seqloom.model.states import read, write

NAMES = st.text("abcdefgh_", min_size=1, max_size=4)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
STATES = st.dictionaries(
    NAMES, st.recursive(LEAVES, lambda s: st.lists(s, max_size=3) | st.dictionaries(NAMES, s))
)


@given(STATES)
def test_any_state_comes_back(state: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        text = json.dumps(write(state, Path(folder)), allow_nan=False)
        assert read(json.loads(text), Path(folder)) == state


def test_files_are_named_for_their_places(tmp_path: Path) -> None:
    state = {"heads": {"ctc": {"ngram": b"\0\xff", "more": [1, b"x"]}}, "frontend": {"size": 3}}
    plain = write(state, tmp_path / "new")
    assert plain == {
        "heads": {
            "ctc": {
                "ngram": {"$file": "codec.heads.ctc.ngram"},
                "more": [1, {"$file": "codec.heads.ctc.more.1"}],
            }
        },
        "frontend": {"size": 3},
    }
    assert (tmp_path / "new/codec.heads.ctc.ngram").read_bytes() == b"\0\xff"


def test_a_state_without_bytes_makes_no_folder(tmp_path: Path) -> None:
    assert write({"a": [1]}, tmp_path / "new") == {"a": [1]}
    assert not (tmp_path / "new").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"codec\.x cannot be read: .*; copy it again\.$"):
        read({"x": {"$file": "codec.x"}}, tmp_path)


@pytest.mark.parametrize(
    "name", ["../secret", "codec./../../secret", "/etc/hostname", "codec.a\\b", "x", "", 3, None]
)
def test_a_file_that_no_training_writes_is_not_touched(tmp_path: Path, name: Any) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "x").write_bytes(b"x")
    with pytest.raises(BundleError, match=r"names the file .*, which training never writes\.$"):
        read({"$file": name}, tmp_path)
