"""What the demo answers for models of several kinds; the handwriting's tests try the server."""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from seqloom.demo.served import ServedModel, pad_for
from seqloom.errors import DataError, PluginError
from seqloom.plugins import Plugin, registry
from seqloom_sound.samples import RATE, tone
from seqloom_sound.sound import Sound

TEXT = "Anna ate an apple at Apple."


def sent(text: Any) -> bytes:
    return json.dumps({"text": text}).encode()


def texts(nodes: list[Any]) -> str:
    """Return the text of a tree."""
    return "".join(one if isinstance(one, str) else texts(one[2]) for one in nodes)


def test_of_tokens_only_what_the_head_renders_is_shown(tagger: ServedModel) -> None:
    found = tagger.answer(sent(TEXT))
    assert "reading" not in found
    [[name, attributes, children], *_] = found["shown"]
    assert (name, attributes) == ("p", {"class": "ner predicted"})
    assert re.match("Anna.* ate.* an.* apple", texts(children))
    assert found["tags"] == tagger.pipeline(TEXT)["tags"]
    assert tagger.about()["takes"] == "tokens"
    assert tagger.pad.invitation == "Type"


def test_a_class_is_the_reading(classifier: ServedModel) -> None:
    found = classifier.answer(sent(TEXT))
    expected = classifier.pipeline(TEXT)
    assert found["reading"] == found["label"] == expected["label"]
    assert found["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)
    assert f"predicted {expected['label']}" in texts(found["shown"])


@pytest.mark.parametrize("text", ["a \ud800 surrogate", ""])
def test_a_text_that_cannot_be_read_is_a_sentence(tagger: ServedModel, text: str) -> None:
    with pytest.raises(DataError):
        tagger.answer(sent(text))
    assert json.dumps(tagger.answer(sent("\0 ❤ " + "y" * 300)))


def test_a_pad_that_two_plugins_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (Plugin(name, name, name, "1.0") for name in ("one", "two"))
    claimed = SimpleNamespace(
        find=registry().find, pads=dict, contested_pads=lambda: {"text": (one, two)}
    )
    monkeypatch.setattr("seqloom.demo.served.registry", lambda: claimed)
    with pytest.raises(PluginError) as caught:
        pad_for("words")
    assert str(caught.value) == (
        "The pad for text is claimed by plugin 'one' (one 1.0) and plugin 'two' (two 1.0). Disable "
        "one of them with SEQLOOM_DISABLE_PLUGINS=NAME."
    )


def test_a_sound_is_heard(listener: ServedModel) -> None:
    samples = tone(800.0, 4000, np.random.default_rng(1))
    stream = io.BytesIO()
    soundfile.write(stream, samples, RATE, format="FLAC")
    found = listener.answer(stream.getvalue())
    assert found["reading"] == listener.pipeline(Sound(samples, RATE))["label"]
    assert listener.about()["most_seconds"] == 200
