"""Parts are built from their names and parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.errors import ConfigError, PluginError
from seqloom.model.build import build_codecs, build_pipeline, build_reader


def test_codecs_take_up_states_that_went_through_json(tagger: Any) -> None:
    states = json.loads(json.dumps(tagger.states))
    codecs = build_codecs(tagger.config, states)
    for example in tagger.examples:
        one, other = codecs.encode(example), tagger.pipeline.codecs.encode(example)
        assert one.inputs.keys() == other.inputs.keys()
        assert all((one.inputs[name] == other.inputs[name]).all() for name in one.inputs)


def test_sizes_are_handed_from_part_to_part(tagger: Any) -> None:
    pipeline = build_pipeline(tagger.config, tagger.pipeline.codecs)
    assert pipeline.model.encoder.output_size == 8
    assert pipeline.head_name == "ner"
    assert pipeline.head is pipeline.model.heads["ner"]


def test_a_refused_parameter_is_told_with_the_parts_name(tagger: Any) -> None:
    encoder = {**tagger.config["encoder"], "wild": 1}
    with pytest.raises(ConfigError, match=r"bilstm does not accept its parameters .*'wild'"):
        build_pipeline({**tagger.config, "encoder": encoder}, tagger.pipeline.codecs)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(PluginError, match=r"No installed plugin provides data=aples\. Did you"):
        build_reader({"name": "aples"})


def test_a_head_that_reads_features_is_told_their_size(trained_reader: Path) -> None:
    pipeline: Any = seqloom.load(trained_reader)
    assert type(pipeline.head).reads_features
    assert pipeline.head.shortcut.in_channels == pipeline.model.frontend.output_size
