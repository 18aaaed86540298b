"""What codecs do that define only what they must."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from seqloom.interfaces import Arrays, Encoded, Example, Features, HeadCodec, Inputs, View


class Plain(HeadCodec):
    """Encodes nothing, and defines nothing else."""

    field = "label"

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore nothing."""

    def encode(self, example: Example) -> Arrays:
        return {}


def test_a_head_codec_shows_predictions_as_json() -> None:
    codec, example = Plain(), Example("1", {"label": "a"})
    said = {"label": "<é>"}
    assert codec.describe(example, said) == said
    assert codec.columns(example, said) == [['{"label": "<é>"}']]
    assert codec.target(example) == ["a"]
    assert codec.target(Example("2", {"label": 3})) is None
    assert codec.baselines([example], [example]) == {}
    assert codec.encode_truth(example) == {}
    html = codec.render(example, said, View("<p>x</p>"))
    assert html == "<p>x</p><div>{&quot;label&quot;: &quot;&lt;é&gt;&quot;}</div>"


def test_a_copy_on_another_device_keeps_its_lengths_on_the_cpu() -> None:
    inputs = Inputs({"words": torch.zeros(2, 3)}, {"words": torch.tensor([3, 1])})
    moved = inputs.to("meta")
    assert moved["words"].device.type == "meta"
    assert moved.lengths["words"].tolist() == [3, 1]
    assert inputs["words"].device.type == "cpu"


def test_an_encoder_may_have_no_state() -> None:
    states, lengths = torch.zeros(1, 2, 3), torch.tensor([2])
    assert Encoded(states, states[:, -1], lengths, Features(states, lengths)).final_state == ()
