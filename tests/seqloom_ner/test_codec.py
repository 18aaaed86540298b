from __future__ import annotations

import json
import logging
import pickle
import re
from typing import Any

import pytest

from seqloom.errors import ExampleError
from seqloom.interfaces import Example, Origin
from seqloom_ner.codec import NerCodec


def test_state_is_plain_and_sorted(example: Any) -> None:
    sentences = [["O", "B-b-1", "I-b-1"], ["B-A"], ["O"]]
    state = NerCodec().fit([example(tags) for tags in sentences])
    assert state == {"scheme": "iob2", "tags": ["O", "B-A", "I-A", "B-b-1", "I-b-1"]}
    assert json.loads(json.dumps(state)) == state


@pytest.mark.parametrize(
    ("scheme", "tags"),
    [("iob1", ["I-A", "B-A", "O"]), ("bioes", ["S-A", "S-A", "O"]), ("iob2", ["B-A", "B-A", "O"])],
)
def test_data_of_each_scheme_is_encoded_as_iob2(
    fit: Any, example: Any, scheme: str, tags: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    codec = pickle.loads(pickle.dumps(fit(tags)))
    assert codec.scheme == scheme
    into = "" if scheme == "iob2" else ", converted to iob2"
    assert (
        f"head=ner: tag scheme {scheme} (told from the training tags){into}; 1 types" in caplog.text
    )
    item = codec.encode(example(tags))
    assert item["tags"].dtype == "int64"
    assert item["tags"].tolist() == [1, 1, 0]


def test_set_scheme_is_taken_and_told(fit: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    assert fit(["I-A", "O"], scheme="iob1").wanted == "iob1"
    assert "tag scheme iob1 (as set), converted to iob2; 1 types" in caplog.text


def test_sentences_of_only_o_are_normal_but_a_data_set_of_them_is_told(
    fit: Any, example: Any, caplog: pytest.LogCaptureFixture
) -> None:
    codec = fit(["O", "O"], ["O"])
    assert codec.tags == ["O"]
    assert codec.encode(example(["O", "O"]))["tags"].tolist() == [0, 0]
    assert "no training example has an entity" in caplog.text


def test_illegal_tag_names_place_token_and_way_out(fit: Any, example: Any) -> None:
    codec = fit(["B-PER", "I-PER"])
    expected = (
        "train.conll:7: token 1 (from 0) has the tag 'I-PER' after 'O', where iob2 has 'B-PER'. "
        "The scheme iob2 was told from the training tags; if the data follow another, set "
        "head.scheme to iob1, iob2 or bioes; if only some examples are wrong, on_bad=skip leaves "
        "them out."
    )
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        codec.encode(example(["O", "I-PER"], 7))
    with pytest.raises(ExampleError, match=r"train.conll:2: .* The scheme iob2 was set;"):
        fit(["B-PER"], ["I-PER"], scheme="iob2")


def test_tags_of_another_kind_are_refused(fit: Any) -> None:
    with pytest.raises(ExampleError, match=r"train.conll:1: token 0 .*'NN'; head=ner needs O, or"):
        fit(["NN", "VB"])


def test_unseen_type_is_refused_with_the_nearest(codec: NerCodec, example: Any) -> None:
    expected = (
        "train.conll:3: token 1 (from 0) has a tag of the type 'PERS', which no training example "
        "has. Did you mean 'PER'? There are: LOC, PER. Mend the tag, or leave such examples out: "
        "on_bad=skip."
    )
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        codec.encode(example(["O", "B-PERS"], 3))


def test_missing_field_and_wrong_values_are_refused(codec: NerCodec, example: Any) -> None:
    bare = Example("1", {"tokens": ["a"], "tag": ["O"]}, Origin("a.csv", 2))
    with pytest.raises(
        ExampleError, match=r"a.csv:2: has no field 'tags', .* Did you mean 'tag'\?"
    ):
        codec.encode(bare)
    for value in ("O", [1, 2]):
        with pytest.raises(ExampleError, match="head=ner needs a list of tags, one a token"):
            codec.encode(example(value))


def test_number_of_tags_must_be_that_of_tokens(codec: NerCodec, example: Any) -> None:
    sentence = example(["O", "O"], 4)
    item = codec.encode(sentence)
    codec.check(sentence, item, 2)
    expected = "train.conll:4: field 'tags' has 2 tags, and there are 3 tokens"
    with pytest.raises(ExampleError, match=re.escape(expected)):
        codec.check(sentence, item, 3)
