"""Small sounds for the conformance checks: generated tones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from seqloom.interfaces import Example
from seqloom_sound.sound import Sound

RATE = 8000
PITCHES = {"low": 300.0, "middle": 800.0, "high": 2000.0}  # label → hertz
_WINDOW, _STEP = 200, 80  # the default frame and step of ``log_mel``, in samples


def tone(hertz: float, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a tone with some noise, (samples,) float32 in ±1."""
    phase = 2 * np.pi * (hertz * np.arange(samples) / RATE + rng.random())
    return np.asarray(0.3 * np.sin(phase) + 0.01 * rng.normal(size=samples), np.float32)


def tones(lengths: Sequence[int], rng: np.random.Generator) -> list[Example]:
    """Return a sound for each length, in frames."""
    return [
        Example(
            f"tone-{number}",
            {"sound": Sound(_tone_of(length, rng), RATE)},
        )
        for number, length in enumerate(lengths)
    ]


def _tone_of(length: int, rng: np.random.Generator) -> np.ndarray:
    return tone(rng.uniform(100, 3000), _WINDOW + _STEP * (length - 1), rng)


def sounds(folder: Path) -> dict[str, Any]:
    """Write a folder of sounds for each label and split; return parameters of ``sounds``."""
    rng = np.random.default_rng(5)
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for label, hertz in PITCHES.items():
            place = folder / split / label
            place.mkdir(parents=True)
            for number in range(count):
                samples = tone(hertz, int(rng.integers(400, 1600)), rng)
                soundfile.write(place / f"{number}.wav", samples, RATE)
    return {split: str(folder / split) for split in ("train", "val", "test")}


def speech(folder: Path) -> dict[str, Any]:
    """Write sounds with texts in a form of its own for each split; return parameters of ``speech``.

    They are texts beside sounds for train, a manifest for val, and a data folder of Kaldi for test.
    """
    rng = np.random.default_rng(6)
    said: dict[str, dict[str, str]] = {}
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        (folder / split).mkdir(parents=True)
        said[split] = {}
        for number in range(count):
            words = rng.choice([*PITCHES], size=number % 2 + 1).tolist()
            tones = [tone(PITCHES[word], int(rng.integers(400, 1600)), rng) for word in words]
            said[split][f"{split}{number}"] = " ".join(words)
            file = folder / split / f"{split}{number}.wav"
            soundfile.write(file, np.concatenate(tones), RATE)
    for name, text in said["train"].items():
        (folder / "train" / f"{name}.txt").write_text(f"{text}\n")
    rows = [{"audio_filepath": f"val/{name}.wav", "text": one} for name, one in said["val"].items()]
    (folder / "val.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    names = "".join(f"{name} {name}.wav\n" for name in said["test"])
    (folder / "test" / "wav.scp").write_text(names)
    texts = "".join(f"{name} {text}\n" for name, text in said["test"].items())
    (folder / "test" / "text").write_text(texts)
    files = {"train": "train", "val": "val.jsonl", "test": "test"}
    return {split: str(folder / file) for split, file in files.items()}


def sound_strings(folder: Path) -> dict[str, Any]:
    """Write the sounds of `sounds`; return parameters of ``sound_strings``, a number a speaker."""
    pattern = r"(?P<label>\w+)/(?P<speaker>\d)\.wav"
    return {**sounds(folder), "pattern": pattern, "max_length": 3}


def spoken(folder: Path) -> dict[str, Any]:
    """Return parameters of ``data=spoken``: a few commands."""
    return {"train_size": 8, "val_size": 4, "test_size": 4, "train_speakers": 2, "test_speakers": 1}
