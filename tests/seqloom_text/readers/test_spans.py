"""Texts with spans of characters."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Example
from seqloom.testing.readers import usable
from seqloom_text.readers.csv import CsvReader
from seqloom_text.readers.jsonl import JsonlReader
from seqloom_text.readers.spans import SpansReader

TEXT = "Ada met Li-Wei in Oslo."


def write(path: Path, *records: Any, array: bool = False) -> str:
    lines = [json.dumps(one, ensure_ascii=False) for one in records]
    content = f"[{', '.join(lines)}]" if array else "\n".join(lines) + "\n"
    path.write_text(content, encoding="utf-8")
    return str(path)


def one_of(path: Path, record: Any, **params: Any) -> Example | ExampleError:
    (found,) = SpansReader(train=write(path / "a.jsonl", record), **params).examples("train")
    return found


def raised(found: Example | ExampleError) -> None:
    if isinstance(found, ExampleError):
        raise found


def test_a_text_is_cut_as_predict_cuts_it_and_at_the_borders_of_spans(tmp_path: Path) -> None:
    found = one_of(tmp_path, {"text": "Ada5mg in O'Neilstreet", "label": [[0, 3, "PER"]]})
    assert isinstance(found, Example)
    assert found.fields == {
        "text": "Ada5mg in O'Neilstreet",
        "tokens": ["Ada", "5mg", "in", "O'Neilstreet"],
        "tags": ["B-PER", "O", "O", "O"],
    }
    assert found.meta["offsets"] == [[0, 3], [3, 6], [7, 9], [10, 22]]


ADA, OSLO = {"start": 0, "end": 3, "label": "PER"}, {"start": 18, "end": 22, "label": "LOC"}
DOCCANO = [{"id": 1, "label": "PER", "start_offset": 0, "end_offset": 3}]
STUDIO = [
    {"value": {"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}, "type": "labels"},
    {"value": {"choices": ["news"]}, "type": "choices"},
    {"from_id": "a", "to_id": "b", "type": "relation"},
]
TASK = {"id": 7, "data": {"text": TEXT}}
FORMS: dict[str, Any] = {
    "doccano": {"id": 1, "text": TEXT, "label": [[0, 3, "PER"]]},
    "doccano, labels": {"id": 1, "text": TEXT, "meta": {}, "labels": [[0, 3, "PER"]]},
    "doccano, data": {"id": 1, "data": TEXT, "label": [[0, 3, "PER"]]},
    "doccano, relations": {"text": TEXT, "entities": DOCCANO, "relations": [], "Comments": []},
    "doccano, annotations": {"text": TEXT, "annotations": DOCCANO, "meta": {}},
    "prodigy": {"text": TEXT, "spans": [ADA], "tokens": [], "answer": "accept"},
    "label studio": {**TASK, "annotations": [{"result": STUDIO}]},
    "label studio, older": {**TASK, "completions": [{"result": STUDIO}]},
    "label studio, another key": {
        "data": {"body": TEXT, "n": 2},
        "annotations": [{"result": STUDIO, "was_cancelled": False}],
    },
    "label studio, cancelled beside": {
        **TASK,
        "annotations": [{"result": [], "was_cancelled": True}, {"result": STUDIO}],
    },
    "label studio, two alike": {**TASK, "annotations": [{"result": STUDIO}, {"result": STUDIO}]},
    "label studio, truth": {
        **TASK,
        "annotations": [{"result": []}, {"result": STUDIO, "ground_truth": True}],
    },
    "label studio, page": {
        **TASK,
        "annotations": [
            {
                "result": [
                    {
                        "value": {
                            "start": "/p[1]/text()[1]",
                            "end": "/p[1]/text()[1]",
                            "globalOffsets": {"start": 0, "end": 3},
                            "hypertextlabels": ["PER"],
                        }
                    }
                ]
            }
        ],
    },
    "label studio, min": {
        "text": TEXT,
        "id": 7,
        "label": [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}],
        "annotation_id": 3,
    },
    "label studio, min, another key": {
        "text": TEXT,
        "id": 7,
        "ner": [{"start": 0, "end": 3, "text": "Ada", "labels": ["PER"]}],
        "annotation_id": 3,
    },
    "spacy": [TEXT, {"entities": [[0, 3, "PER"]]}],
    "spacy, doc": {"text": TEXT, "ents": [{"start": 0, "end": 3, "label": "PER"}], "tokens": []},
    "offset and length": {"text": TEXT, "spans": [{"offset": 0, "length": 3, "category": "PER"}]},
    "begin": {"text": TEXT, "entities": [{"begin": 0, "end": 3, "tag": "PER"}]},
    "camel case": {"text": TEXT, "spans": [{"startOffset": 0, "endOffset": 3, "label": "PER"}]},
    "lists of starts": {"text": TEXT, "start": [0], "end": [3], "label": ["PER"]},
    "an object of lists": {"text": TEXT, "spans": {"start": [0], "end": [3], "label": ["PER"]}},
    "one of two keys": {"text": TEXT, "spans": [], "label": [[0, 3, "PER"]]},
    "seqloom": {
        "text": TEXT,
        "entities": [{"type": "PER", "start": 0, "end": 1, "start_char": 0, "end_char": 3}],
    },
}


@pytest.mark.parametrize("array", [False, True], ids=["lines", "array"])
@pytest.mark.parametrize("form", FORMS)
def test_forms(tmp_path: Path, form: str, array: bool) -> None:
    path = write(tmp_path / "a.json", FORMS[form], array=array)
    (found,) = usable(SpansReader(train=path).examples("train"))
    assert found.fields["text"] == TEXT
    assert found.fields["tags"] == ["B-PER"] + ["O"] * 7


@pytest.mark.parametrize(
    "record",
    [
        {"text": TEXT, "label": []},
        {"text": TEXT, "answer": "accept"},
        {"text": TEXT, "id": 1, "annotation_id": 2},
        {**TASK, "annotations": [{"result": []}]},
    ],
    ids=["doccano", "prodigy", "label studio, min", "label studio"],
)
def test_a_text_without_entities(tmp_path: Path, record: Any) -> None:
    found = one_of(tmp_path, record)
    assert isinstance(found, Example)
    assert found.fields["tags"] == ["O"] * 8


def labelled(*spans: Any, text: str = TEXT) -> dict[str, Any]:
    return {"text": text, "label": list(spans)}


def shown(start: int, end: int, text: str) -> dict[str, Any]:
    return {"start": start, "end": end, "label": "X", "text": text}


BAD = [
    (labelled([0, 99, "PER"]), r"the span 0 to 99 'PER' is not in the text, which has 23"),
    (labelled([-3, 3, "PER"]), "span -3 to 3 'PER' is not in the text"),
    (labelled([5, 3, "PER"]), "span 5 to 3 'PER' ends before it begins"),
    (labelled([0, 9, "X"], text="é Ada"), "If offsets count other units: data.offsets=utf16"),
    (labelled([3, 3, "PER"]), "the span 3 to 3 'PER' is empty"),
    (labelled([3, 4, "PER"]), "the span 3 to 4 'PER' is white space"),
    (labelled([0, 7, "A"], [4, 7, "B"]), "span 0 to 7 'A' and the span 4 to 7 'B' overlap"),
    (labelled([0, 3, "A"], [0, 3, "B"]), "overlap. A token has one tag"),
    (labelled([0, 5, "A"], [4, 7, "A"]), "overlap"),
    (
        labelled(shown(0, 3, "Li")),
        "is 'Ada' in the text, but 'Li' according to the record. Is it the text",
    ),
    (
        labelled(shown(3, 7, "Oslo"), text="😀 Oslo x"),
        "but 'Oslo' according to the record. The offsets fit data.offsets=utf16",
    ),
    (labelled(shown(3, 7, "Oslo"), text="é Oslo x"), "The offsets fit data.offsets=bytes"),
    (labelled(shown(0, 2, "Ada")), "The end must be the character after the last"),
    ({"classes": ["A"], "annotations": [[TEXT, {"entities": []}]]}, r"jq -c '\.annotations\[\]'"),
    (labelled([0, 3]), r"span 1 is \[0, 3\]; expected \[START, END, TYPE\]"),
    (
        {"tokens": ["Ada", "ran"], "entities": [{"start": 0, "end": 1, "type": "PER"}]},
        r"no text .* Spans that count tokens are not read.*columns='{tokens: tokens, tags: KEY}'",
    ),
    (labelled([0, "3", "PER"]), "span 1 has the end '3'; expected the number of a character"),
    (labelled([0, 3.0, "PER"]), "span 1 has the end '3.0'"),
    (labelled([0, True, "PER"]), "span 1 has the end 'True'"),
    (labelled([0, 3, ""]), "span 1 has no type"),
    (labelled([0, 3, None]), "span 1 has no type"),
    (labelled({"start": 0, "end": 3}), "span 1 has no type"),
    (labelled({"start": 0, "label": "PER"}), "span 1 has the end 'None'"),
    (labelled({"start": 0, "end": 3, "labels": ["A", "B"]}), "span 1 has 2 types, .* expected one"),
    ({"text": TEXT, "label": ["news"]}, "Classes of whole texts are read by data=jsonl"),
    ({"text": TEXT, "label": "news"}, r"'label' holds 'news' \(str\); expected a list of spans"),
    ({"text": TEXT}, "no spans under 'spans' or 'entities' or .* has an empty list"),
    ({"text": TEXT, "label": None}, "no spans under"),
    ({"label": []}, "no text under the key 'text'.*data.columns='{text: KEY}'"),
    ({"text": ["a"], "label": []}, r"'text' holds \"\['a'\]\" \(list\); expected a text"),
    (
        {"text": TEXT, "label": [[0, 3, "A"]], "spans": [ADA]},
        r"there are spans under 'spans' and 'label'\. .*data\.columns='{spans: spans}'",
    ),
    (
        {"text": TEXT, "spans": {"start": [0], "end": [3, 4], "label": ["A"]}},
        "there are lists of start 1, end 2, label 1; expected start, end and label, as many",
    ),
    (
        {"text": TEXT, "spans": {"start": [5], "end": [8], "label": ["A"], "text": ["Ada"]}},
        "but 'Ada' according to the record",
    ),
    (
        {"text": TEXT, "spans": {"start": [0], "end": [3], "label": ["A"], "text": []}},
        "there are lists of start 1, end 1, label 1, text 0; expected start, end and label, as",
    ),
    (
        {"text": TEXT, "entities": {"start": 0, "end": 3, "label": "PER"}},
        r"'entities' holds .*'end': 3.* \(dict\); expected a list of spans, such as",
    ),
    ({"text": TEXT, "start": [0], "end": [3]}, "there are lists of start 1, end 1; expected"),
    ({"text": TEXT, "options": [], "answer": "accept"}, "it has choices of classes of the whole"),
    (
        {"text": TEXT, "label": "[[0, 3, 'A']]"},
        r"\(str\); expected a list of spans, such as .*\]\]\.$",
    ),
    ({"text": TEXT, "label": {"A": []}}, r"\(dict\); expected a list of spans"),
    ({"text": " ", "label": []}, "the field 'text' is empty"),
    ({"data": {"a": "x", "b": "y"}, "annotations": [{"result": []}]}, "no text under the key"),
    ({**TASK, "annotations": [3]}, "id 7: 'annotations' does not hold objects.*JSON-MIN"),
    ({**TASK, "annotations": [{"result": None}]}, "id 7: 'result' is 'None'; expected a list"),
    (
        {**TASK, "annotations": [{"result": STUDIO}, {"result": []}]},
        "id 7: its 2 annotations differ. Keep one of them, or mark it as the ground truth",
    ),
    (
        {**TASK, "annotations": [{"result": [{"value": {"start": "/p", "labels": ["A"]}}]}]},
        "span 1 has the start '/p'",
    ),
    ("text", "expected an object with a text and its spans, found str"),
    ([1, 2], "found list"),
]


@pytest.mark.parametrize(("record", "message"), BAD)
def test_what_is_wrong_with_a_record_concerns_it_alone(
    tmp_path: Path, record: Any, message: str
) -> None:
    path = write(tmp_path / "a.jsonl", labelled(), record, labelled([0, 3, "PER"]))
    first, wrong, last = SpansReader(train=path).examples("train")
    assert isinstance(first, Example)
    assert isinstance(last, Example)
    assert isinstance(wrong, ExampleError)
    with pytest.raises(ExampleError, match=rf"a\.jsonl:2: .*{message}"):
        raise wrong
    # As a new input, only its text matters.
    inputs = list(SpansReader().inputs([path]))
    assert len(inputs) == 3
    if isinstance(record, dict) and isinstance(record.get("text"), str):
        assert isinstance(inputs[1], Example)
        assert inputs[1].fields["text"] == record["text"]


@pytest.mark.parametrize(
    ("counted", "span"), [("characters", [2, 6]), ("utf16", [3, 7]), ("bytes", [5, 9])]
)
def test_offsets_may_count_other_units(tmp_path: Path, counted: str, span: list[int]) -> None:
    found = one_of(tmp_path, labelled([*span, "LOC"], text="😀 Oslo"), offsets=counted)
    assert isinstance(found, Example)
    assert (found.fields["tokens"], found.fields["tags"]) == (["😀", "Oslo"], ["O", "B-LOC"])


@pytest.mark.parametrize("counted", ["utf16", "bytes"])
@pytest.mark.parametrize(
    ("end", "message"), [(1, "has a border inside a character"), (99, "is not in the text of")]
)
def test_other_units_that_do_not_fit(tmp_path: Path, counted: str, end: int, message: str) -> None:
    found = one_of(tmp_path, labelled([0, end, "X"], text="😀 Oslo"), offsets=counted)
    with pytest.raises(ExampleError, match=f"{message}.*data.offsets={counted}"):
        raised(found)


def test_what_nobody_annotated_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    records = [
        {"text": TEXT, "spans": [ADA], "answer": "accept"},
        {"text": TEXT, "spans": [OSLO], "answer": "reject"},
        {"text": TEXT, "answer": "ignore"},
        {**TASK, "annotations": []},
        {**TASK, "annotations": [{"result": STUDIO, "was_cancelled": True}]},
        {"text": TEXT, "spans": [OSLO], "answer": "accept"},
    ]
    path = write(tmp_path / "a.jsonl", *records)
    with caplog.at_level(logging.WARNING, "seqloom"):
        found = usable(SpansReader(train=path).examples("train"))
    assert [one.id for one in found] == ["a:1", "a:6"]
    assert "a.jsonl: 4 texts are left out. The answer is 'reject': 1, the" in caplog.text
    assert "it has no annotation: 1, it was skipped: 1." in caplog.text
    assert len(usable(SpansReader().inputs([path]))) == 6
    with pytest.raises(DataError, match=r"no examples; all of it is left out\."):
        list(SpansReader(train=write(tmp_path / "b.jsonl", records[1])).examples("train"))


def test_borders_inside_tokens_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "seqloom"):
        one_of(tmp_path, labelled([0, 3, "PER"], [5, 7, "X"]))
    assert (
        "1 of 2 spans begins or ends inside a token, which is split there; the fir" in caplog.text
    )
    assert "a.jsonl:1, 'et'." in caplog.text


def test_offsets_that_rarely_fit_tokens_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.jsonl", *[labelled([0, 2, "PER"], [8, 14, "X"])] * 5)
    usable(SpansReader(train=path).examples("train"))
    assert "5 of 10 spans begin or end inside a token" in caplog.text
    assert "is the end the one after the last?" in caplog.text


def test_records_on_one_line_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", labelled(), {"text": TEXT, "id": 9}, array=True)
    _, wrong = SpansReader(train=path).examples("train")
    with pytest.raises(ExampleError, match=r"a\.json:1: record 2: id 9: no spans under"):
        raised(wrong)


def test_keys_and_ids_may_have_other_names(tmp_path: Path) -> None:
    record = {"key": 12, "body": TEXT, "found": [[0, 3, "PER"]], "text": "other"}
    columns = {"text": "body", "spans": "found"}
    found = one_of(tmp_path, record, columns=columns, id_column="key")
    assert isinstance(found, Example)
    assert (found.id, found.fields["tags"][0]) == ("12", "B-PER")
    with pytest.raises(ExampleError, match=r"no key 'kee', from which data\.id_column .*'key'"):
        raised(one_of(tmp_path, record, columns=columns, id_column="kee"))
    with pytest.raises(ExampleError, match="no spans under 'fund'"):
        raised(one_of(tmp_path, record, columns={"text": "body", "spans": "fund"}))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"columns": {"tags": "label"}}, r"data\.columns\.tags: .*spans"),
        ({"offsets": "utf8"}, "data.offsets is 'utf8'"),
        ({"tokenizer": "word"}, "Unknown tokenizer 'word'"),
    ],
)
def test_wrong_parameters(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpansReader(**params)


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        (['{"text": "a b"}'], True),
        (['["a", {"entities": []}]'], False),
        (["[", '{"text": "a"}'], True),
        (['{"label": 1}'], False),
        (["a b c"], False),
    ],
)
def test_recognize(lines: list[str], known: bool) -> None:
    assert (SpansReader().recognize(lines) is not None) == known


def test_readers_of_other_forms_point_here(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", FORMS["doccano"])
    both = ["tags", "label", "labels"]
    for name in both:
        (wrong,) = JsonlReader(train=path, columns={"text": "text", name: "label"}).examples(
            "train"
        )
        with pytest.raises(ExampleError, match="are read by data=spans"):
            raised(wrong)
    path = write(tmp_path / "b.jsonl", FORMS["doccano, relations"])
    (wrong,) = JsonlReader(train=path).examples("train")
    with pytest.raises(ExampleError, match="as under 'entities', are read by data=spans"):
        raised(wrong)
    path = write(tmp_path / "c.json", FORMS["label studio"], array=True)
    with pytest.raises(DataError, match="are read by data=spans"):
        list(JsonlReader(train=path).examples("train"))
    (tmp_path / "d.csv").write_text("text,label\nAda met,\"[(0, 3, 'PER')]\"\n", encoding="utf-8")
    for name in both:
        columns = {"text": "text", name: "label"}
        (wrong,) = CsvReader(train=str(tmp_path / "d.csv"), columns=columns).examples("train")
        with pytest.raises(ExampleError, match="are read by data=spans"):
            raised(wrong)
