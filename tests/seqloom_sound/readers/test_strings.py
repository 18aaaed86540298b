"""Strings of recordings: every one is used, in its own split, and no one else speaks in between."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import SPLITS, Example
from seqloom_sound.readers.compose import coloured_noise, trimmed
from seqloom_sound.readers.strings import SoundStringReader

RATE = 1000
PATTERN = r"(?P<label>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)\.wav"
HOLD_OUT = {"val": {"index": ["0"]}}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return parameters for two folders of recordings: each digit has a loudness of its own."""
    folder = tmp_path_factory.mktemp("digits")
    for split, indices in (("train", range(4)), ("test", range(4, 6))):
        (folder / split).mkdir()
        for speaker in ("ann", "bob", "eve"):
            for digit in range(1, 7):
                for index in indices:
                    samples = np.full(100 + 10 * index, 0.1 * digit, np.float32)
                    file = folder / split / f"{digit}_{speaker}_{index}.wav"
                    soundfile.write(file, samples, RATE, subtype="FLOAT")
    files = {split: str(folder / split) for split in ("train", "test")}
    return {**files, "pattern": PATTERN, "hold_out": HOLD_OUT}


def read(params: dict[str, Any], split: str, **more: Any) -> list[Example]:
    found = list(SoundStringReader(**{**params, **more}).examples(split))
    return [one for one in found if isinstance(one, Example)]


def parts(examples: list[Example]) -> Counter[str]:
    return Counter(name for one in examples for name in one.meta["recordings"])


def test_each_recording_is_in_one_split_as_often_as_asked(recordings: dict[str, Any]) -> None:
    found = {split: read(recordings, split, repeats=2) for split in SPLITS}
    used = {split: parts(examples) for split, examples in found.items()}
    assert {split: len(names) for split, names in used.items()} == {
        "train": 54,
        "val": 18,
        "test": 36,
    }
    assert len(used["train"] | used["val"] | used["test"]) == 108
    assert {split: set(names.values()) for split, names in used.items()} == {
        "train": {2},
        "val": {1},
        "test": {1},
    }
    for example in (one for examples in found.values() for one in examples):
        assert 3 <= len(example.fields["text"]) <= 9  # of the rest of less than 3, none is left
        assert all(f"_{example.meta['speaker']}_" in name for name in example.meta["recordings"])


def test_unseen_speakers_are_in_test_only_with_all_their_recordings(
    recordings: dict[str, Any],
) -> None:
    found = {split: read(recordings, split, unseen=["bob"]) for split in SPLITS}
    speakers = {split: {one.meta["speaker"] for one in rows} for split, rows in found.items()}
    assert speakers == {"train": {"ann", "eve"}, "val": {"ann", "eve"}, "test": {"bob"}}
    assert len(parts(found["test"])) == 36


def test_words_and_pauses_are_in_order(recordings: dict[str, Any]) -> None:
    quiet = {"min_snr": 200, "max_snr": 200, "min_pause": 0.05, "max_pause": 0.05}
    example = read(recordings, "test", **quiet, trim=0)[0]
    samples, rate = example.fields["sound"].load()
    assert rate == RATE
    loud = np.abs(samples) > 0.05
    starts = np.flatnonzero(np.diff(loud.astype(int)) == 1) + 1
    ends = np.flatnonzero(np.diff(loud.astype(int)) == -1) + 1
    heard = [round(float(samples[a:b].max()) * 10) for a, b in zip(starts, ends, strict=True)]
    assert "".join(map(str, heard)) == example.fields["text"]
    assert all(45 <= gap <= 65 for gap in [starts[0], *(starts[1:] - ends[:-1])])


def test_the_noise_has_the_power_that_is_asked(recordings: dict[str, Any]) -> None:
    example = read(recordings, "test", min_snr=20, max_snr=20, min_pause=1, max_pause=1, trim=0)[0]
    sound = example.fields["sound"]
    samples, _ = sound.load()
    speech = np.concatenate([soundfile.read(part.path)[0] for part in sound.parts])
    wanted = (speech**2).mean() / 100
    assert (samples[:900] ** 2).mean() == pytest.approx(wanted, rel=0.35)
    noise = coloured_noise(10_000, 1.0, np.random.default_rng(1))
    assert (noise**2).mean() == pytest.approx(1, rel=1e-3)
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert power[100:200].mean() == pytest.approx(10 * power[1000:2000].mean(), rel=0.3)


def test_a_string_does_not_depend_on_order_and_process(recordings: dict[str, Any]) -> None:
    first, again = (read(recordings, "train") for _ in range(2))
    assert [one.id for one in first] == [one.id for one in again]
    late = [one.fields["sound"].load()[0] for one in reversed(again)][::-1]
    for one, samples in zip(first, late, strict=True):
        sent = pickle.loads(pickle.dumps(one.fields["sound"]))
        np.testing.assert_array_equal(sent.load()[0], samples)
    other = read(recordings, "train", seed=2)
    assert [one.fields["text"] for one in other] != [one.fields["text"] for one in first]


def test_the_quiet_ends_are_cut_off() -> None:
    samples = np.concatenate([np.full(200, 0.001), np.full(100, 0.5), np.full(300, 0.001)])
    assert len(trimmed(samples, RATE, 30)) == 100 + 2 * 20
    assert len(trimmed(samples, RATE, 60)) == 600


def test_the_separator(recordings: dict[str, Any]) -> None:
    assert read(recordings, "test", separator=" ")[0].fields["text"][1] == " "


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"min_length": 4, "max_length": 3}, r"data.min_length=4 .* 1 <= min_length"),
        ({"min_pause": -1}, r"data.min_pause=-1 .* 0 <= min_pause"),
        ({"min_snr": 50}, r"data.min_snr=50 .* expected min_snr <= max_snr"),
        ({"trim": -1}, "data.trim=-1: expected 0 or more"),
        ({"repeats": 0}, "data.repeats=0: expected at least 1"),
    ],
)
def test_wrong_parameters(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SoundStringReader(**params)


def test_recordings_without_speaker_or_label_are_named(recordings: dict[str, Any]) -> None:
    wrong = next(SoundStringReader(**recordings, group="speeker").examples("test"))
    assert isinstance(wrong, ExampleError)
    assert "has no speeker" in wrong.problem
    assert "'speaker'" in wrong.problem
    unlabelled = {**recordings, "pattern": PATTERN.replace("label", "digit")}
    wrong = next(SoundStringReader(**unlabelled).examples("test"))
    assert isinstance(wrong, ExampleError)
    assert "has no label" in wrong.problem
    with pytest.raises(DataError, match=r"data.unseen=bab: .* this speaker.*'bob'"):
        list(SoundStringReader(**recordings, unseen=["bab"]).examples("test"))


def test_recordings_that_cannot_be_used_are_reported(recordings: dict[str, Any]) -> None:
    folder = Path(recordings["test"])
    rows = "".join(f"{name}\tx\tann\n" for name in ("1_ann_4.wav", "2_ann_4.wav", "gone.wav"))
    (folder / "some.tsv").write_text(f"sound\tlabel\tspeaker\n{rows}")
    columns = {"label": "label", "speaker": "speaker"}
    reader = SoundStringReader(test=str(folder / "some.tsv"), columns=columns)
    error, *strings = reader.examples("test")
    assert f"some.tsv:4: the sound 'gone.wav' is not in {folder}." in str(error)
    assert "".join(one.fields["text"] for one in strings if isinstance(one, Example)) == "xx"


def test_a_damaged_part_is_named(recordings: dict[str, Any], tmp_path: Path) -> None:
    for digit in range(3):
        (tmp_path / f"{digit}_ann_0.wav").write_bytes(b"no sound")
    reader = SoundStringReader(train=str(tmp_path), pattern=PATTERN)
    example = next(reader.examples("train"))
    assert isinstance(example, Example)
    named = ", ".join(str(tmp_path.parent / name) for name in example.meta["recordings"])
    assert str(example.fields["sound"]) == f"the string of {named}"
    with pytest.raises(ValueError, match=r"\d_ann_0.wav cannot be read as a sound file"):
        example.fields["sound"].load()


def test_the_recipes_compose() -> None:
    for name, data in (("spoken", "spoken"), ("fsdd_strings", "sound_strings")):
        config = compose_run([f"experiment={name}"])
        names = [config.components[kind]["name"] for kind in ("data", "frontend", "head")]
        assert names == [data, "log_mel", "ctc"]
    assert compose_run(["experiment=fsdd_strings", "data.unseen=[theo]"]).data["unseen"] == ["theo"]
