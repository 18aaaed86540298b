from __future__ import annotations

import json
import logging
import pickle
import re
from typing import Any

import pytest

from seqloom.data.encode import Codecs
from seqloom.data.fit_codecs import fit_codecs
from seqloom.data.rejected import Rejected
from seqloom.errors import DataError, ExampleError, ExamplesError
from seqloom.interfaces import Example, Origin, View
from seqloom_ner.codec import NerCodec
from seqloom_text.frontends.characters import CharactersCodec


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
        f"head=ner: tag scheme {scheme} (detected in the training tags){into}; 1 type"
        in caplog.text
    )
    item = codec.encode(example(tags))
    assert item["tags"].dtype == "int64"
    assert item["tags"].tolist() == [1, 1, 0]


def test_what_was_met_before_is_encoded_alike(fit: Any, example: Any) -> None:
    codec = fit(["I-A", "B-A", "I-A", "O"])  # iob1
    first, again = (codec.encode(example(["I-A", "B-A", "O", "I-A"])) for _ in range(2))
    assert first["tags"].tolist() == again["tags"].tolist() == [1, 1, 0, 1]
    with pytest.raises(ExampleError, match="after 'O', where iob1 has 'I-A'"):
        codec.encode(example(["I-A", "O", "B-A"]))
    codec.restore({"scheme": "iob1", "tags": ["O", "B-0", "I-0", "B-A", "I-A"]})
    assert codec.encode(example(["I-A", "B-A"]))["tags"].tolist() == [3, 3]


def test_a_scheme_that_is_set_is_that_of_the_data_that_is_evaluated(fit: Any, example: Any) -> None:
    state = fit(["S-A", "B-A", "E-A", "O"]).fit([example(["S-A", "B-A", "E-A", "O"])])
    assert state["scheme"] == "bioes"
    other = NerCodec(scheme="iob2")  # as evaluate builds it with head.scheme=iob2
    other.restore(state)
    assert other.encode_truth(example(["B-A", "I-A", "B-A"]))["tags"].tolist() == [1, 2, 1]
    with pytest.raises(ExampleError, match="'S-A', which iob2 does not have"):
        other.encode(example(["S-A"]))


def test_set_scheme_is_taken_and_told(fit: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    assert fit(["I-A", "O"], scheme="iob1").wanted == "iob1"
    assert "tag scheme iob1 (as set), converted to iob2; 1 type" in caplog.text


def test_sentences_of_only_o_are_normal_but_a_data_set_of_them_is_told(
    fit: Any, example: Any, caplog: pytest.LogCaptureFixture
) -> None:
    codec = fit(["O", "O"], ["O"])
    assert codec.tags == ["O"]
    assert codec.encode(example(["O", "O"]))["tags"].tolist() == [0, 0]
    assert "no training example has an entity" in caplog.text


def test_examples_without_tokens_have_no_baseline(fit: Any, example: Any) -> None:
    codec = fit(["B-PER", "O"])
    known = example(["B-PER", "O"])
    assert [*codec.baselines([known], [known])] == ["most frequent tag of each word"]
    assert codec.baselines([Example("x", {"text": "a b", "tags": ["O", "O"]})], [known]) == {}


def test_illegal_tag_names_place_token_and_way_out(fit: Any, example: Any) -> None:
    codec = fit(["B-PER", "I-PER"])
    expected = (
        "train.conll:7: token 2 ('w1') has the tag 'I-PER' after 'O', where iob2 has 'B-PER'. "
        "The training tags follow iob2. Correct it; or, if this file follows another scheme, "
        "convert it, or evaluate on it with head.scheme=iob1 or bioes."
    )
    with pytest.raises(ExampleError, match=f"^{re.escape(expected)}$"):
        codec.encode(example(["O", "I-PER"], 7))
    with pytest.raises(ExampleError, match=r"train.conll:2: .* The scheme iob2 was set; if"):
        fit(["B-PER"], ["I-PER"], scheme="iob2")


@pytest.mark.parametrize(
    ("trained", "scheme", "tag", "told"),
    [
        (
            "PER",
            "auto",
            "B-PER",
            "the training tags are plain types, such as 'PER'. Correct it; or, if all tags of this "
            "file have prefixes, convert them, or evaluate on it with head.scheme=iob2.",
        ),
        (
            "B-PER",
            "auto",
            "PER",
            "the training tags have prefixes, such as 'B-PER'. Correct it; or, if all "
            "tags of this file are plain types, convert them, or evaluate on it with "
            "head.scheme=io.",
        ),
        (
            "B-PER",
            "io",
            "B-PER",
            "head.scheme=io reads tags that are plain types. The training tags have",
        ),
        (
            "PER",
            "iob2",
            "PER",
            "head.scheme=iob2 reads tags that have prefixes. The training tags are",
        ),
        ("B-PER", "auto", "0", "'B-PER'. Name the tags of such numbers"),
    ],
)
def test_tags_in_another_form_than_those_of_training_are_told_with_these(
    example: Any, trained: str, scheme: str, tag: str, told: str
) -> None:
    state = NerCodec().fit([example([trained, "O"])])
    codec = NerCodec(scheme=scheme)
    codec.restore(state | {"tags": ["O", "B-LOC", "I-LOC"] if scheme == "io" else state["tags"]})
    for encode in (codec.encode, codec.encode_truth):
        with pytest.raises(ExampleError, match=re.escape(told)) as caught:
            encode(example(["O", tag], 3))
        assert str(caught.value).startswith(f"train.conll:3: token 2 ('w1') has the tag {tag!r}")
        assert "head.scheme=auto" not in str(caught.value)


def test_token_is_named_by_its_number_where_its_text_is_unknown(fit: Any) -> None:
    codec = fit(["B-PER", "I-PER"])
    bare = Example("1", {"tags": ["O", "I-PER"]}, Origin("a.csv", 2))
    with pytest.raises(ExampleError, match=r"a.csv:2: token 2 has the tag 'I-PER' after 'O'"):
        codec.encode(bare)


def test_tags_of_another_kind_are_refused(fit: Any) -> None:
    with pytest.raises(DataError, match=r"train.conll:2: token 1 .*'NN'; head=ner needs O, or"):
        fit(["B-PER", "I-PER"], ["NN"])


def test_unseen_type_is_refused_with_the_nearest(codec: NerCodec, example: Any) -> None:
    expected = (
        "train.conll:3: token 2 ('w1') has a tag of the type 'PERS', which no training example "
        "has. Did you mean 'PER'? There are: LOC, PER."
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
        with pytest.raises(ExampleError, match="head=ner needs a list of tags"):
            codec.encode(example(value))


def test_number_of_tags_must_be_that_of_tokens(codec: NerCodec, example: Any) -> None:
    sentence = example(["O", "O"], 4)
    item = codec.encode(sentence)
    codec.check(sentence, item, 2)
    expected = "train.conll:4: 'tags' has 2 tags for 3 tokens"
    with pytest.raises(ExampleError, match=re.escape(expected)):
        codec.check(sentence, item, 3)


CODEC = NerCodec()
PREDICTION: dict[str, Any] = {
    "tags": ["O", "B-LOC", "I-LOC"],
    "entities": [{"type": "LOC", "start": 1, "end": 3, "confidence": 0.5}],
}


def test_describe_cuts_texts_where_offsets_are_known() -> None:
    fields = {"tokens": ["in", "New", "York"], "text": "in  New\tYork"}
    example = Example("1", fields, meta={"offsets": [(0, 2), (4, 7), (8, 12)]})
    described = CODEC.describe(example, PREDICTION)
    assert described["tokens"] == ["in", "New", "York"]
    (entity,) = described["entities"]
    assert (
        entity["text"] == "New\tYork" == fields["text"][entity["start_char"] : entity["end_char"]]
    )
    assert (entity["start_char"], entity["end_char"], entity["confidence"]) == (4, 12, 0.5)
    assert "text" not in PREDICTION["entities"][0]
    assert CODEC.describe(example, described) == described


def test_describe_joins_tokens_otherwise() -> None:
    described = CODEC.describe(Example("1", {"tokens": ["in", "New", "York"]}), PREDICTION)
    assert described["entities"] == [{**PREDICTION["entities"][0], "text": "New York"}]


def test_columns_leave_unknown_confidences_empty() -> None:
    entity = {"type": "LOC", "start": 1, "end": 3}
    example = Example("1", {"tokens": ["in", "New", "York"]})
    rows = CODEC.columns(example, {**PREDICTION, "entities": [entity]})
    assert rows == [["in", "O", ""], ["New", "B-LOC", ""], ["York", "I-LOC", ""]]


VIEW = View("")


def prediction(*spans: tuple[str, int, int], confidence: float | None = None) -> dict[str, Any]:
    extra = {} if confidence is None else {"confidence": confidence}
    entities = [{"type": kind, "start": a, "end": b, **extra} for kind, a, b in spans]
    return {"tags": [], "entities": entities}


def test_equal_to_the_reference_is_shown_once(codec: NerCodec, example: Any) -> None:
    html = codec.render(
        example(["O", "B-LOC", "I-LOC"]), prediction(("LOC", 1, 3), confidence=0.25), VIEW
    )
    assert html == (
        '<p class="ner predicted">w0 <mark class="entity right" title="0.250">w1 w2 '
        "<sub>LOC</sub></mark></p>"
    )


def test_what_differs_is_marked_wrong_and_missed(codec: NerCodec, example: Any) -> None:
    html = codec.render(
        example(["B-PER", "B-LOC", "O"]), prediction(("PER", 0, 1), ("PER", 2, 3)), VIEW
    )
    predicted, reference = html.split("</p>")[:2]
    assert '<mark class="entity right">w0 <sub>PER</sub></mark> w1' in predicted
    assert '<mark class="entity wrong">w2 <sub>PER</sub></mark>' in predicted
    assert 'class="ner reference"' in reference
    assert '<mark class="entity missed">w1 <sub>LOC</sub></mark> w2' in reference


def test_without_a_readable_reference_nothing_is_judged(codec: NerCodec, example: Any) -> None:
    expected = '<p class="ner predicted"><mark class="entity">a <sub>LOC</sub></mark> b</p>'
    for tags in (["O", "I-LOC"], ["O"], [3, 4]):
        sentence = example(tags)
        sentence.fields["tokens"] = ["a", "b"]
        assert codec.render(sentence, prediction(("LOC", 0, 1)), VIEW) == expected
    del sentence.fields["tags"]
    assert codec.render(sentence, prediction(("LOC", 0, 1)), VIEW) == expected


def test_everything_is_escaped(codec: NerCodec, example: Any) -> None:
    sentence = example(["B-<b>", "O"])
    sentence.fields["tokens"] = ["<script>alert('&')</script>", '"><img>']
    html = codec.render(sentence, prediction(('<i onclick="x">', 0, 1), ("LOC", 1, 2)), VIEW)
    for raw in ("<script", "<img", "<i ", "<b>"):
        assert raw not in html
    assert "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" in html
    assert "B-" not in html
    assert "&lt;b&gt;" in html


def test_another_spelling_is_told(fit: Any, example: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    codec = fit(["PER_B", "PER_I", "O", "LOC_B"])
    assert "head=ner: 3 tags are spelled like 'PER_B', read as 'B-PER'." in caplog.text
    assert codec.tags == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert codec.target(example(["PER_B", "O"])) == ["B-PER", "O"]
    caplog.clear()
    fit(["B-PER", "I-PER", "O"])
    assert "spelled" not in caplog.text


@pytest.mark.parametrize(
    ("tags", "level", "told"),
    [
        (["person", "O", "org", "org"], "INFO", "plain types, such as 'org'; neighbours of one"),
        (["person", "e-mail", "org", "o"], "WARNING", "'e-mail' is read as a type, too, not as a"),
    ],
)
def test_plain_types_are_detected_by_all_tags(
    fit: Any, tags: list[str], level: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "seqloom")
    codec = fit(tags)
    assert codec.scheme == "io"
    own = Example("1", {"tokens": tags, "tags": tags})
    assert codec.target(own) == ["O" if tag == "o" else tag for tag in tags]
    assert [one.levelname for one in caplog.records if told in one.message] == [level]


def test_what_tags_are_is_refused_for_all_of_them(fit: Any) -> None:
    with pytest.raises(
        DataError, match=r"train\.conll:2: token 1 \('w0'\) has the tag 'e-mail'.*io"
    ):
        fit(["O"], ["e-mail"])
    with pytest.raises(DataError, match=r"train\.conll:1: token 2 .* of head\.scheme=io are plain"):
        fit(["O", "B-PER"], scheme="io")
    assert fit(["U-Bahn", "Bus", "B-Team"], scheme="io").scheme == "io"


def test_words_in_the_column_of_tags_are_refused(fit: Any) -> None:
    codec = NerCodec()
    swapped = Example("1", {"tokens": ["O", "B-PER"], "tags": ["ran", "Ada"]}, Origin("a", 4))
    with pytest.raises(DataError, match=r"^a:4: token 2 is 'B-PER', as all tokens are like tags"):
        codec.fit([swapped])
    with pytest.raises(DataError, match="Tags that are joined to their tokens are not read"):
        fit(["ran/O"])


def test_tags_of_i_and_e_alone_are_called_so(fit: Any) -> None:
    with pytest.raises(ExampleError, match="Are these tags IOE, with I and E alone"):
        fit(["I-PER", "E-PER", "O", "E-LOC"])


@pytest.mark.parametrize(
    ("tags", "remedy"),
    [
        (["(PERSON*", "*)", "*", "(GPE*)"], r"Brackets, as in CoNLL-2012, are not read: write B-,"),
        (["*", "*"], r"Brackets, as in CoNLL-2012"),
        (["id=1>", "B-PER"], "Is this line a mark of the document, and no token"),
        (["NER=O", "NER=B-PER"], r"of a CoNLL file: data\.features\.tags=NER\."),
    ],
)
def test_what_are_no_types_is_refused_with_a_remedy(fit: Any, tags: list[str], remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        fit(tags)


def test_plain_types_are_predicted_as_such(example: Any) -> None:
    codec = NerCodec(scheme="io")
    one = example(["NOUN", "NOUN", "O", "VERB"])
    state = codec.fit([one])
    codec = NerCodec()  # the scheme is that of the model
    codec.restore(state)
    assert codec.encode(one)["tags"].tolist() == [1, 2, 0, 3]
    assert codec.target(one) == one.fields["tags"]
    prediction = {"tags": ["B-NOUN", "I-NOUN", "O", "B-VERB"], "entities": []}
    described = codec.describe(one, prediction)
    assert described["tags"] == one.fields["tags"]
    assert [row[1] for row in codec.columns(one, described)] == one.fields["tags"]


@pytest.mark.parametrize("kind", ["T-cell", "X-ray", "C-terminal", "D-dimer"])
@pytest.mark.parametrize("first", [["B-PER"], None])
def test_plain_types_are_not_rejected_with_a_stray_example(
    example: Any, kind: str, first: list[str] | None
) -> None:
    rest = [[kind], ["DNA"]] * 30
    sentences = [example(tags, number) for number, tags in enumerate([first, *rest])]
    rejected = Rejected(skip=True)
    codecs = Codecs(CharactersCodec(field="tokens"), {"ner": NerCodec()})
    states = fit_codecs(codecs, sentences, rejected)
    assert [one.example_id for one in rejected.errors] == ["0"]
    assert len(sentences) == 60
    assert states["heads"]["ner"]["scheme"] == "io"


def test_all_examples_without_prefixes_are_rejected_at_once(example: Any) -> None:
    tags = [["PERS"], ["B-PER"], ["O", "X-PER"], ["B-PER"], ["B-LOC", "I-LOC"]]
    with pytest.raises(ExamplesError) as found:
        NerCodec().fit([example(one, number) for number, one in enumerate(tags)])
    assert [one.example_id for one in found.value.errors] == ["0", "2"]
