"""What can be predicted from, and that neighbours, order and mode do not matter."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqloom
from seqloom.errors import ConfigError, DataError, ExampleError
from seqloom.interfaces import Encoded, Example
from seqloom.model.inputs import refuse_columns

TEXT = "Apple rises ."


def _same(one: Any, other: Any) -> None:
    read = {"text", "tokens"}  # what was read, in its own form
    assert one.keys() - read == other.keys() - read
    for key in one.keys() - read:
        value = one[key]
        if isinstance(value, float):
            assert other[key] == pytest.approx(value, abs=1e-5)
        elif not isinstance(value, dict | list):
            assert other[key] == value


def test_every_form_of_one_input_gives_the_same(classifier: Any) -> None:
    pipeline = classifier.pipeline
    expected = pipeline(TEXT)
    tokens = TEXT.split()
    for form in ({"text": TEXT}, {"tokens": tokens}, Example("x", {"text": TEXT})):
        _same(pipeline(form), expected)
    for forms in ([TEXT], [tokens], [{"text": TEXT}], [Example("x", {"tokens": tokens})]):
        (found,) = pipeline(forms)
        _same(found, expected)


def test_a_list_keeps_its_order_and_each_input_is_as_if_alone(classifier: Any) -> None:
    examples = classifier.examples
    together = classifier.pipeline(examples)
    assert len(together) == len(examples)
    for example, found in zip(examples, together, strict=True):
        _same(classifier.pipeline(example), found)
    for found, expected in zip(classifier.pipeline(examples[::-1])[::-1], together, strict=True):
        _same(found, expected)


def test_predict_keeps_the_order_over_its_batches(tagger: Any) -> None:
    examples = tagger.examples
    pairs = list(tagger.pipeline.predict(iter(examples), batch_size=3))
    assert [example.id for example, _ in pairs] == [example.id for example in examples]
    assert len(pairs) == len(examples)
    assert list(tagger.pipeline.predict([])) == []
    assert tagger.pipeline([]) == []


def test_predict_reads_one_batch_first_and_then_no_more_than_sixteen(tagger: Any) -> None:
    read = 0

    def endless() -> Any:
        nonlocal read
        for number in itertools.count():
            read += 1
            yield Example(str(number), tagger.examples[number % 8].fields)

    found = tagger.pipeline.predict(endless(), batch_size=2)
    next(found)
    assert read == 2
    ahead = [read - number for number, _ in enumerate(itertools.islice(found, 200), 2)]
    assert max(ahead) == 16 * 2 - 1


def _sentences(count: int) -> list[list[str]]:
    """Return sentences of 1 to 30 tokens, short and long ones in turn."""
    return [["Apple", "rises", "."] * (1 + 9 * (number % 2)) for number in range(count)]


@pytest.mark.parametrize("size", [2**26, 1000])
def test_inputs_of_similar_cost_are_batched_and_answered_in_their_order(
    tagger: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """However few may be kept in memory."""
    pipeline, sentences = tagger.pipeline, _sentences(150)
    monkeypatch.setattr("seqloom.model.pipeline.LARGEST_ENCODED", size)
    batches: list[list[int]] = []
    collate = pipeline.collate

    def spied(rows: Any) -> Any:
        batches.append([row.cost for row in rows])
        return collate(rows)

    monkeypatch.setattr(pipeline, "collate", spied)
    found = pipeline(sentences)
    if size > 1000:
        assert [sorted(set(costs)) for costs in batches] == [[3], [30]]
        assert max(map(len, batches)) == 75
    else:
        assert max(map(len, batches)) < 8
    assert [one["tokens"] for one in found] == sentences
    for one, sentence in zip(found[:4], sentences, strict=False):
        _same(one, pipeline([sentence])[0])


def test_predictions_before_an_error_of_the_input_are_given(tagger: Any) -> None:
    def broken() -> Any:
        yield from tagger.examples[:3]
        raise OSError("no more")

    for stream in (False, True):
        found = tagger.pipeline.predict(broken(), batch_size=64, stream=stream)
        assert [next(found)[0].id for _ in range(3)] == [one.id for one in tagger.examples[:3]]
        with pytest.raises(OSError, match="no more"):
            next(found)


def test_confidences_are_computed_where_they_are_asked_for(
    tagger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then from the scores that the tags were found with."""
    pipeline, crf = tagger.pipeline, tagger.pipeline.head.crf
    chains: list[Any] = []
    make_chain = crf.chain
    monkeypatch.setattr(crf, "chain", lambda *args: chains.append(args) or make_chain(*args))
    texts = [" ".join(tokens) for tokens in _sentences(6)]
    scored = pipeline(texts)
    assert len(chains) == 2  # a batch of short ones, and one of long ones
    assert all("confidence" in entity for one in scored for entity in one["entities"])
    assert any(one["entities"] for one in scored)
    monkeypatch.setattr(crf, "lattice", None)
    plain = pipeline(texts, scores=False)
    assert [one["tags"] for one in plain] == [one["tags"] for one in scored]
    assert not any("confidence" in entity for one in plain for entity in one["entities"])
    assert "confidence" not in str(pipeline(texts[0], scores=False))
    assert "confidence" not in str(list(pipeline.predict(tagger.examples, scores=False)))


def test_what_cannot_be_used_ends_the_predictions_after_those_before_it(tagger: Any) -> None:
    good = list(tagger.examples[:3])
    error = ExampleError(Example("bad", {}), "cannot be read")
    for stream in (False, True):
        found = tagger.pipeline.predict([*good[:2], error, good[2]], stream=stream)
        assert [next(found)[0].id for _ in range(2)] == [one.id for one in good[:2]]
        with pytest.raises(ExampleError, match="cannot be read"):
            next(found)


def test_what_cannot_be_used_is_skipped_if_it_may_be(tagger: Any) -> None:
    first, second = tagger.examples[:2]
    error = ExampleError(Example("bad", {}), "cannot be read")
    mixed = [error, first, Example("empty", {}), second]
    for batch_size in (1, 2, 64):
        found = tagger.pipeline.predict(mixed, batch_size, on_bad="skip")
        assert [example.id for example, _ in found] == [first.id, second.id]
    rejected: list[ExampleError] = []
    assert len(list(tagger.pipeline.predict(mixed, on_bad=rejected.append))) == 2
    assert [one.example_id for one in rejected] == ["bad", "empty"]


def test_a_stream_is_answered_before_it_ends(tagger: Any) -> None:
    first, second = tagger.examples[:2]
    answered = threading.Event()

    def source() -> Any:
        yield first
        assert answered.wait(600)
        yield second

    found = tagger.pipeline.predict(source(), stream=True)
    assert next(found)[0].id == first.id
    answered.set()
    assert next(found)[0].id == second.id


def test_a_model_takes_tensors_alone(tagger: Any) -> None:
    pipeline = tagger.pipeline
    example = pipeline.codecs.frontend.prepare(pipeline.example(TEXT))
    inputs = pipeline.collate([pipeline.codecs.encode_inputs(example)]).inputs
    encoded, outputs = pipeline.model.eval()(inputs.tensors, inputs.lengths)
    (prediction,) = pipeline.head.decode(outputs["ner"], encoded)
    assert prediction["tags"] == pipeline(TEXT)["tags"]


def test_a_pipeline_moves_and_returns_itself(tagger: Any) -> None:
    assert tagger.pipeline.to("cpu") is tagger.pipeline


@pytest.mark.parametrize("device", ["gpu", "cuda:99", torch.device("cuda:99")])
def test_a_device_that_is_not_there_is_refused_in_a_sentence(tagger: Any, device: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^The device '{device}' cannot be used: .*\. Expected"):
        tagger.pipeline.to(device)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_mode_is_restored(classifier: Any, training: bool) -> None:
    pipeline = classifier.pipeline
    pipeline.model.train(training)
    first, second = pipeline(TEXT), pipeline(TEXT)
    assert first == second
    assert pipeline.model.training is training
    assert pipeline.model.encoder.training is training
    pipeline.model.eval()


def test_the_mode_is_restored_after_a_fault_as_well(
    classifier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = classifier.pipeline
    pipeline.model.train()

    def fail(*args: Any) -> Any:
        raise RuntimeError("no decoding")

    monkeypatch.setattr(pipeline.head, "decode", fail)
    with pytest.raises(RuntimeError, match="no decoding"):
        pipeline(TEXT)
    assert pipeline.model.training
    pipeline.model.eval()


def test_a_batch_gives_outputs_and_losses_of_each_example(classifier: Any) -> None:
    pipeline = classifier.pipeline
    rows = [
        pipeline.codecs.encode(pipeline.codecs.frontend.prepare(e)) for e in classifier.examples
    ]
    batch = pipeline.collate(rows)
    encoded, outputs = pipeline.outputs(batch)
    assert isinstance(encoded, Encoded)
    assert encoded.states.shape[::2] == (len(rows), pipeline.model.encoder.output_size)
    assert outputs.shape[0] == len(rows)
    losses = pipeline.head.loss(outputs, batch.targets[pipeline.head_name])
    assert losses.shape == (len(rows),)


def test_the_device_is_that_of_the_weights(tagger: Any) -> None:
    assert tagger.pipeline.device == torch.device("cpu")


@pytest.mark.gpu
def test_predictions_are_the_same_on_a_gpu(classifier: Any) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU")
    expected = classifier.pipeline(classifier.examples)
    try:
        found = classifier.pipeline.cuda()(classifier.examples)
    finally:
        classifier.pipeline.cpu()
    for one, other in zip(found, expected, strict=True):
        assert one["label"] == other["label"]
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-4)


@pytest.mark.parametrize("wrong", [3, [3], None, [None]])
def test_what_cannot_be_read_is_refused_in_a_sentence(classifier: Any, wrong: Any) -> None:
    with pytest.raises(
        DataError, match=r"Cannot predict from (3|None) .*expected what the frontend"
    ):
        classifier.pipeline(wrong)


def test_the_item_of_a_list_that_is_wrong_is_named(classifier: Any) -> None:
    with pytest.raises(DataError, match=r"^inputs\[1\]: Cannot predict from None \(None"):
        classifier.pipeline(["a", None])
    with pytest.raises(ExampleError, match=r"^example inputs\[1\]: 'text' has no token"):
        classifier.pipeline(["a", " "])
    with pytest.raises(DataError, match=r"^inputs\[2\]: The field 'text' holds a list"):
        classifier.pipeline(["a", "b", {"text": ["c"]}])


def test_predict_takes_what_a_list_may_hold(tagger: Any) -> None:
    texts = ["Apple rises .", {"text": "Apple fell"}, ["I", "eat"]]
    found = list(tagger.pipeline.predict(texts))
    assert [example.id for example, _ in found] == ["inputs[0]", "inputs[1]", "inputs[2]"]
    assert [one for _, one in found] == tagger.pipeline(texts)
    skipped: list[ExampleError] = []
    wrong = ["Apple rises .", None, float("nan"), " ", "Apple fell"]
    kept = tagger.pipeline.predict(wrong, on_bad=skipped.append)
    assert [example.id for example, _ in kept] == ["inputs[0]", "inputs[4]"]
    assert [one.where for one in skipped] == ["inputs[1]", "inputs[2]", "example inputs[3]"]


@pytest.mark.parametrize("single", ["Apple", {"text": "Apple"}, Example("1", {}), None, 3])
def test_predict_refuses_a_single_input(tagger: Any, single: Any) -> None:
    with pytest.raises(DataError, match=r"several inputs, not one \w+: pass a list"):
        list(tagger.pipeline.predict(single))


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"batch_size": -1}, {"batch_size": 1.5}, {"on_bad": "ignore"}]
)
def test_predict_refuses_other_options(tagger: Any, wrong: dict[str, Any]) -> None:
    ((key, value),) = wrong.items()
    with pytest.raises(ConfigError, match=rf"^{key}={value!r}: expected "):
        list(tagger.pipeline.predict([TEXT], **wrong))


@pytest.mark.parametrize("empty", ["", "  ", {"text": ""}, {"other": "x"}])
def test_an_empty_input_is_refused(classifier: Any, empty: Any) -> None:
    with pytest.raises(ExampleError, match=r"^example input: "):
        classifier.pipeline(empty)


def test_examples_are_kept_and_mappings_copied(classifier: Any) -> None:
    as_example = classifier.pipeline.example
    example = Example("one", {"text": "x"})
    assert as_example(example) is example
    fields = {"text": "x"}
    made = as_example(fields, "7")
    assert (made.id, made.fields) == ("7", fields)
    assert made.fields is not fields
    assert as_example(("a", "b")).fields == {"tokens": ["a", "b"]}


def test_a_bare_input_is_what_the_frontend_reads(trained_reader: Path, classifier: Any) -> None:
    reader = seqloom.load(trained_reader)
    image = np.full((16, 40), 255, dtype=np.uint8)
    expected = reader({"image": image})
    _same(reader(image), expected)
    _same(reader([image, image])[1], expected)
    with pytest.raises(DataError, match=r"^Cannot predict from array\("):
        classifier.pipeline(image)
    with pytest.raises(DataError, match=r"^Cannot predict from 3 \(int\); expected what"):
        reader(3)


def test_a_long_value_is_cut_down_in_the_message(classifier: Any) -> None:
    with pytest.raises(DataError) as found:
        classifier.pipeline(b"\x89PNG" * 1000)
    shown = "b'" + (r"\x89PNG" * 9)[:57] + "…"
    assert str(found.value).startswith(f"Cannot predict from {shown} (bytes); expected")


def test_a_dict_of_columns_is_refused(classifier: Any) -> None:
    message = r"^The field 'text' holds a list; expected one text, as a dict is one input\. For sev"
    with pytest.raises(DataError, match=message):
        classifier.pipeline({"text": ["good fine", "hate it"]})
    with pytest.raises(DataError, match="'text' holds an ndarray"):
        classifier.pipeline([{"text": np.array(["good fine", "hate it"])}])
    with pytest.raises(
        DataError, match=r"'tokens' holds lists; .* pipeline\(batch\['tokens'\]\) or"
    ):
        classifier.pipeline({"tokens": [["good"], ["hate", "it"]]})
    assert classifier.pipeline({"tokens": ["good", "fine"], "other": [[1], [2]]})


def test_a_dict_of_columns_is_refused_by_its_kinds() -> None:
    refuse_columns({"text": ["a", "b"], "body": "a"}, {"text": "tokens", "body": "text"})
    with pytest.raises(DataError, match="'body' holds a tuple; expected one text"):
        refuse_columns({"body": ("a", "b")}, {"body": "text"})


def test_a_list_of_words_is_told(tagger: Any, recwarn: pytest.WarningsRecorder) -> None:
    message = r"^4 inputs, each a text of one word\. .*: pipeline\(\[\['Ann', 'met', 'Bob', …\]\]\)"
    with pytest.warns(UserWarning, match=message) as found:
        assert len(tagger.pipeline(["Ann", "met", "Bob", "."])) == 4
    assert found[0].filename == __file__
    tagger.pipeline([["Ann", "met", "Bob"]])
    tagger.pipeline(["Ann"])
    tagger.pipeline(["Ann", "met Bob"])
    tagger.pipeline([{"text": "Ann"}, {"text": "Bob"}])
    assert not recwarn.list


def test_a_lone_surrogate_is_an_error_with_its_place(tagger: Any) -> None:
    with pytest.raises(ExampleError, match=r"^example input: the field 'text' has '\\ud83d'"):
        tagger.pipeline("Apple \ud83d is cheap")
    with pytest.raises(
        ExampleError, match=r"^example inputs\[1\]: the field 'tokens' has .* 1 of item 2"
    ):
        tagger.pipeline(["Apple", ["a", "\udc00"]])


def test_a_head_gets_what_it_may_know_and_the_texts_of_the_steps(
    tagger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, seen = tagger.pipeline, []
    codec, head = pipeline.codecs.heads[pipeline.head_name], pipeline.head
    decode = type(head).decode

    def known(self: Any, outputs: Any, encoded: Any, **options: Any) -> Any:
        seen.append((options["purpose"], options["given"]["hint"].tolist()))
        return decode(self, outputs, encoded, **options)

    def describe(example: Any, prediction: Any, *, steps: Any = ()) -> Any:
        return {**prediction, "steps": list(steps)}

    monkeypatch.setattr(type(head), "decode", known)
    monkeypatch.setattr(codec, "given", lambda one: {"hint": np.array(len(one.fields["tokens"]))})
    monkeypatch.setattr(codec, "describe", describe)
    assert pipeline(TEXT)["steps"] == TEXT.split()
    assert seen == [("predict", [3])]
