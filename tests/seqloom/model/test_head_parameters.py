"""A bundle may be loaded with other parameters of its head, as far as its weights allow."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import seqloom
from seqloom.errors import ConfigError

IMAGE = np.full((16, 60), 255, dtype=np.uint8)


@pytest.fixture(scope="module")
def inked() -> np.ndarray:
    """Return an image of one line, (H, W)."""
    image = IMAGE.copy()
    image[4:12, 10:50:6] = 0
    return image


def test_a_head_may_decode_otherwise_than_it_was_trained_to(
    trained_reader: Path, inked: np.ndarray
) -> None:
    plain = seqloom.load(trained_reader)
    beam = {"decoder": "beam", "skip_blank": 1.0, "ngram_weight": 0.0}
    short = seqloom.load(trained_reader, head={**beam, "ngram_bonus": -50.0})
    long = seqloom.load(trained_reader, head={**beam, "ngram_bonus": 50.0})
    assert all(
        torch.equal(one, long.model.state_dict()[n]) for n, one in plain.model.state_dict().items()
    )
    assert short(inked)["text"] == ""
    assert len(long(inked)["text"]) > len(plain(inked)["text"])
    assert plain.info == long.info


def test_a_head_without_such_a_parameter(trained_reader: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"^head\.beam_widht: ctc has no such parameter\. Did you mean 'beam_width'\?",
    ):
        seqloom.load(trained_reader, head={"beam_widht": 3})
    with pytest.raises(ConfigError, match=r"^head\.beam_width=0: expected 1 or more\.$"):
        seqloom.load(trained_reader, head={"beam_width": 0})
    with pytest.raises(ConfigError, match=r"^head\.beam_width: Value 'x' of type 'str' could not"):
        seqloom.load(trained_reader, head={"beam_width": "x"})


def test_a_head_whose_weights_would_not_fit(folder: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"(?s)^The weights of .* do not match its head with these parameters: .* Only "
        r"decoding parameters of the head can be changed\.$",
    ):
        seqloom.load(folder, head={"decoder": "softmax"})


def test_what_calibration_learned_is_in_the_bundle(trained_reader: Path) -> None:
    record = json.loads((trained_reader / "run.json").read_text(encoding="utf-8"))
    head = seqloom.load(trained_reader).head
    stored = [value for buffer in head.buffers() for value in buffer.flatten().tolist()]
    assert record["calibration"]
    for value in record["calibration"].values():
        assert any(found == pytest.approx(value) for found in stored)
