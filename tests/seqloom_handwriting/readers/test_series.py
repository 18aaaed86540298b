"""Series of vectors, against numpy's own files."""

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seqloom.errors import DataError, ExampleError
from seqloom.plugins.readers import choose_reader
from seqloom_handwriting.readers.series import ArrayFile, SeriesReader

SERIES = np.arange(6, dtype=np.float64).reshape(3, 2) / 4


@given(
    arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.uint16, np.bool_]),
        array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=5),
    )
)
def test_arrays_come_back(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    np.save(folder / "a.npy", array)
    np.savez_compressed(folder / "b.npz", a=array)
    for file in (ArrayFile(str(folder / "a.npy")), ArrayFile(str(folder / "b.npz"), "a.npy")):
        loaded = pickle.loads(pickle.dumps(file)).load()
        np.testing.assert_array_equal(loaded, array)
        assert loaded.dtype == (array.dtype if array.dtype.kind == "f" else np.float32)


@pytest.mark.parametrize("place", ["t.npz", "else.npz", "else", "."])
def test_tables_name_arrays(tmp_path: Path, place: str) -> None:
    if place.endswith(".npz"):
        np.savez(tmp_path / place, a=SERIES, b=SERIES[:1])
    else:
        (tmp_path / place).mkdir(exist_ok=True)
        np.save(tmp_path / place / "a.npy", SERIES)
        np.save(tmp_path / place / "b.npy", SERIES[:1])
    table = tmp_path / "t.tsv"
    table.write_text("features\ttext\twho\nb\tone\tx\nc\t-\tx\na.npy\ttwo\ty\n")
    given = str(tmp_path / place) if place.startswith("else") else None
    columns = {"features": "features", "label": "text", "who": "who"}
    reader = SeriesReader(train=str(table), arrays=given, columns=columns)
    one, error, two = reader.examples("train")
    assert str(error).startswith(f"{table}:3: the file 'c.npy' is not in the ")
    assert not isinstance(one, ExampleError)
    assert not isinstance(two, ExampleError)
    assert (one.id, one.fields["label"], one.meta, two.id) == ("b", "one", {"who": "x"}, "a.npy")
    np.testing.assert_array_equal(two.fields["features"].load(), SERIES)


def test_inputs(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SERIES)
    np.savez(tmp_path / "b.npz", s10=SERIES, s9=SERIES)
    examples = list(SeriesReader().inputs([str(tmp_path / "a.npy"), str(tmp_path / "b.npz")]))
    assert [e.id for e in examples] == ["a.npy", "s9.npy", "s10.npy"]
    assert examples[0].fields == {"features": ArrayFile(str(tmp_path / "a.npy"))}
    assert str(examples[1].origin) == f"{tmp_path}/b.npz/s9.npy"
    with pytest.raises(
        DataError, match=r"b.npz: arrays alone have no labels or texts. Pass a table"
    ):
        list(SeriesReader(train=str(tmp_path / "b.npz")).examples("train"))
    with pytest.raises(DataError, match=r"Pass a file \(.npy\), a table .* or a .npz file\.$"):
        list(SeriesReader().inputs(["-"]))


def test_names_in_capitals(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SERIES)
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    assert [one.id for one in SeriesReader().inputs([str(tmp_path)])] == ["A.NPY"]
    (tmp_path / "t.tsv").write_text("features\ttext\nA.NPY\tone\n")
    (one,) = SeriesReader(train=str(tmp_path / "t.tsv"), arrays=str(tmp_path)).examples("train")
    assert not isinstance(one, ExampleError)
    assert one.fields["features"].load().tolist() == SERIES.tolist()


@pytest.mark.parametrize("name", ["b.npz", "B.NPZ", "folder"])
def test_archives_and_folders_are_inputs_of_a_model(tmp_path: Path, name: str) -> None:
    section = {"name": "series", "train": "waves.tsv", "columns": {"features": "a", "label": "b"}}
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "a.npy", SERIES)
    np.savez(tmp_path / "b.npz", a=SERIES)
    (tmp_path / "b.npz").rename(tmp_path / "B.NPZ" if name == "B.NPZ" else tmp_path / "b.npz")
    assert choose_reader({"name": "features"}, section, [str(tmp_path / name)]) == "series"


def test_other_files_of_a_folder_are_left(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SERIES)
    (tmp_path / "notes.txt").write_text("not an array")
    assert [one.id for one in SeriesReader().inputs([str(tmp_path)])] == ["a.npy"]


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def huge() -> bytes:
    """Return a file whose header claims 64 TiB of numbers."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 8)}
    )
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.ones(3)), r"a.npy has float64 of shape \(3,\); expected numbers of shape \(steps"),
        (npy(np.array([["a"]])), r"a.npy has <U1 of shape \(1, 1\); expected numbers"),
        (npy(np.ones((1, 1), complex)), r"a.npy has complex128 of shape"),
        (
            npy(np.array([[{}]])),
            r"a.npy is not a readable .npy file: it holds object, not numbers\.",
        ),
        (npy(SERIES)[:-3], r"a.npy is not a readable .npy file: "),
        (pickle.dumps(SERIES), r"a.npy is not a readable .npy file: its header is damaged"),
        (huge(), r"a.npy is not a readable .npy file: it has \d+ bytes of data, but its"),
        (b"", r"a.npy is not a readable .npy file: "),
    ],
)
def test_what_is_no_series(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        ArrayFile(str(tmp_path / "a.npy")).load()


def test_missing_arrays(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a.npy cannot be read: No such file"):
        ArrayFile(str(tmp_path / "a.npy")).load()
    np.savez(tmp_path / "b.npz", s=SERIES)
    with pytest.raises(ValueError, match=r"b.npz has no member 'a.npy'"):
        ArrayFile(str(tmp_path / "b.npz"), "a.npy").load()
