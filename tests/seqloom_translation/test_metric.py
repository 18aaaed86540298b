"""The metrics of translations."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seqloom.data.collate import Collate, EncodedExample
from seqloom.interfaces import Example, Targets
from seqloom_translation.codec import TranslationCodec
from seqloom_translation.metric import TranslationMetric

TEXTS = ["le chien voit un chat", "un chat voit le petit chien", "oui"]


def _targets(texts: list[list[str]]) -> Targets:
    codec = TranslationCodec(unit="word")
    examples = [Example(str(n), {"translation": one}) for n, one in enumerate(texts)]
    codec.restore(codec.fit(examples))
    inputs = {"x": np.zeros(1)}
    rows = [EncodedExample(one, inputs, {"head": codec.encode(one)}) for one in examples]
    return Collate(targets={"head": codec.padding})(rows).targets["head"]


def test_any_reference_is_right() -> None:
    targets = _targets([[text, "autre chose"] for text in TEXTS])
    metric = TranslationMetric("translation", 1.0)
    metric.update([{"translation": text} for text in [*TEXTS[:2], "autre chose"]], targets)
    found = {name: float(value) for name, value in metric.compute().items()}
    assert found == {"bleu": 1.0, "chrf": 1.0, "exact": 1.0}
    assert metric.notes() == []


def test_the_perplexity_is_that_of_a_unit() -> None:
    targets = _targets([[text] for text in TEXTS])
    units = targets.lengths["units"].sum()
    metric = TranslationMetric("translation", 4.0)
    losses = torch.tensor([1.0, 2.0, 3.0])
    metric.update([{"translation": "x"}] * 3, targets, losses=losses)
    expected = math.exp(4 * 6 / int(units))
    assert float(metric.compute()["perplexity"]) == pytest.approx(expected)


def test_scores_by_length_need_the_outputs() -> None:
    targets = _targets([[text] for text in TEXTS])
    metric = TranslationMetric("translation", 1.0)
    outputs = SimpleNamespace(memory=SimpleNamespace(lengths=torch.tensor([5, 6, 200])))
    metric.update([{"translation": text} for text in TEXTS], targets, outputs=outputs)
    (table, variants) = metric.details()
    assert [row[:2] for row in table.rows] == [["1–5", 1], ["6–10", 1], ["61 and more", 1]]
    assert variants.columns == ["score", "variant"]
    bare = TranslationMetric("translation", 1.0)
    bare.update([{"translation": text} for text in TEXTS], targets)
    assert len(bare.details()) == 1


def test_a_model_that_cannot_translate_is_told() -> None:
    metric = TranslationMetric("translation", 1.0)
    assert metric.notes() == []
    metric.update([{"translation": "x"}] * 3, _targets([[text] for text in TEXTS]))
    (note,) = metric.notes()
    assert note.startswith("chrf is 0.000: the model has hardly learned to translate.")


def test_short_texts_whose_bleu_is_zero_are_no_sign_of_it() -> None:
    metric = TranslationMetric("translation", 1.0)
    metric.update([{"translation": "4 71"}] * 3, _targets([["4 71"]] * 3))
    assert metric.compute()["bleu"] == 0
    assert metric.notes() == []
