"""Each check of heads catches a head that breaks its promise, and says how."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.interfaces import Arrays, Encoded, Example, Head, Prediction, Targets, View
from seqloom.testing import (
    HEAD_CHECKS,
    ConformanceError,
    HeadCase,
    head_codecs,
    head_metrics,
    modules,
)
from seqloom.testing import heads as checks

from . import test_head_metrics, test_head_search
from .sound_head import Sound, SoundCodec, case_of

Passes = Iterable[tuple[Any, Encoded, Targets]]


class MeanLoss(Sound):
    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        return super().loss(outputs, targets).mean()


class SharedLoss(Sound):
    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        return super().loss(outputs, targets) / len(targets)


class ReadsPadding(Sound):
    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return self.scores(encoded.states.mean(1))


class OverConfident(Sound):
    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return [{**one, "confidence": 1.5} for one in super().decode(outputs, encoded)]


class NumpyPrediction(Sound):
    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        return [{**one, "confidence": np.float32(0.5)} for one in found]


class NanConfidence(Sound):
    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return [{**one, "confidence": float("nan")} for one in super().decode(outputs, encoded)]


class RelativeConfidence(Sound):
    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        top = max(one["confidence"] for one in found)
        return [{**one, "confidence": one["confidence"] / top} for one in found]


class MissesOne(Sound):
    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return super().decode(outputs, encoded)[1:]


class OtherAfterJson(SoundCodec):
    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.extra = state.get("extra")

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        return {**super().fit(examples), "extra": (1, 2)}

    def encode(self, example: Example) -> Arrays:
        return {**super().encode(example), "extra": np.array(isinstance(self.extra, tuple))}


class MoreAfterPickle(SoundCodec):
    more = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "more": True}

    def encode(self, example: Example) -> Arrays:
        return super().encode(example) | ({"more": np.array(1)} if self.more else {})


class TakesAnything(SoundCodec):
    def encode(self, example: Example) -> Arrays:
        return {"target": np.array(self.labels.index(example.fields.get("label", "left")))}


class CountsOnePart(SoundCodec):
    def count(self, examples: Iterable[Example]) -> Counter[str]:
        return Counter(one.fields["label"] for one in examples)

    def fit_counted(self, counts: Counter[str], examples: Sequence[Example]) -> dict[str, Any]:
        return {"labels": []}


class Refunds(SoundCodec):
    def cost(self, arrays: Arrays) -> int:
        return -1


class KnowsSome(SoundCodec):
    def given(self, example: Example) -> Arrays:
        return {"hint": np.zeros(1)} if example.fields else {}


class AugmentsInPlace(SoundCodec):
    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        arrays["target"][...] = 7
        return arrays


class RandomBeyond(SoundCodec):
    count = 0

    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        RandomBeyond.count += 1
        return {"target": arrays["target"] + RandomBeyond.count}


class Renames(SoundCodec):
    def augment(self, arrays: Arrays, rng: np.random.Generator) -> Arrays:
        return {"other": arrays["target"]}


class WideRows(SoundCodec):
    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        return [[prediction["label"], "and more"]]


class FewRows(SoundCodec):
    row_per_token = True


class Unescaped(SoundCodec):
    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        return " ".join(example.fields["tokens"])


class Unused(Sound):
    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.forgotten = nn.Linear(2, 2)


class HiddenTensor(Sound):
    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.shift = torch.randn(len(codec.labels))

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return super().forward(encoded, targets) + self.shift


def _over(codec: type[SoundCodec]) -> type[Sound]:
    return type(codec.__name__, (Sound,), {"codec_class": codec})


class Detached(Sound):
    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return super().forward(encoded, targets).detach().requires_grad_()


class BlocksStates(Sound):
    """Learns itself, but lets no gradient through."""

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return self.scores(encoded.summary.detach())


class MadeInForward(Sound):
    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        if not hasattr(self, "scale"):
            self.scale = nn.Parameter(torch.ones(()))
        return super().forward(encoded, targets) * self.scale


class DropsInEval(Sound):
    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return F.dropout(super().forward(encoded, targets))


class ClampsInHalf(Sound):
    def loss(self, outputs: Any, targets: Targets) -> Tensor:
        masked = outputs - 1e39 if outputs.dtype == torch.bfloat16 else outputs
        return super().loss(masked, targets)


class ByLength(Sound):
    """Has weights for long examples that others do not use."""

    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.long = nn.Linear(input_size, input_size)

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        if int(encoded.lengths.max()) > 6:
            return self.scores(self.long(encoded.summary))
        return super().forward(encoded, targets)


class OtherInHaste(Sound):
    def decode(
        self, outputs: Any, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        return super().decode(outputs if scores else -outputs, encoded)


class SaysMoreInHaste(Sound):
    def decode(
        self, outputs: Any, encoded: Encoded, *, scores: bool = True, **_: Any
    ) -> list[Prediction]:
        found = super().decode(outputs, encoded)
        return found if scores else [{**one, "draft": True} for one in found]


class UnescapedLabel(SoundCodec):
    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        return f"<b>{prediction['label']}</b> " + super().render(example, prediction, view)


class UnescapedTruth(SoundCodec):
    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        return f"{super().render(example, prediction, view)} <i>{example.fields['label']}</i>"


class UnescapedId(SoundCodec):
    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        return f"<p title={example.id}>{html.escape(prediction['label'])}</p>"


class UnescapedLaterToken(SoundCodec):
    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        first, *others = example.fields["tokens"]
        return " ".join([html.escape(first), *others])


class TimesZero(Sound):
    def __init__(self, codec: SoundCodec, input_size: int) -> None:
        super().__init__(codec, input_size)
        self.idle = nn.Parameter(torch.ones(()))

    def forward(self, encoded: Encoded, targets: Targets | None = None) -> Any:
        return super().forward(encoded, targets) + self.idle * 0


class LostCalibration(Sound):
    temperature = 1.0

    def calibrate(self, passes: Passes) -> dict[str, float]:
        self.temperature = 1 + float(len([*passes]))
        return {"temperature": self.temperature}

    def decode(self, outputs: Any, encoded: Encoded, **_: Any) -> list[Prediction]:
        return super().decode(outputs / self.temperature, encoded)


class CalibratesToNan(Sound):
    @torch.no_grad()
    def calibrate(self, passes: Passes) -> dict[str, float]:
        self.scores.weight /= 0
        return {}


class SaysNan(Sound):
    def calibrate(self, passes: Passes) -> dict[str, float]:
        return {"temperature": float("nan")}


class AdoptsNan(Sound):
    @torch.no_grad()
    def load_matching(self, trained: Head) -> None:
        self.scores.weight.fill_(torch.nan)


class Robs(Sound):
    @torch.no_grad()
    def load_matching(self, trained: Head) -> None:
        theirs = dict(trained.named_parameters())
        for name, parameter in self.named_parameters():
            parameter.copy_(theirs[name])
            theirs[name].zero_()


BROKEN: list[tuple[Any, type[Head], str]] = [
    (checks.check_loss, MeanLoss, r"losses are \(\), .*: expected \(4,\)"),
    (checks.check_loss, SharedLoss, "loss of example 0, alone: differ by"),
    (checks.check_loss, ReadsPadding, "losses beside NaN in the padding are not finite: 3 of 4"),
    (checks.check_decode, OverConfident, r"a confidence of 1\.5; expected 0 to 1"),
    (checks.check_decode, NumpyPrediction, "predictions are not plain data: .*float32"),
    (checks.check_decode, NanConfidence, "predictions are not plain data"),
    (checks.check_decode, RelativeConfidence, "alone: confidence: .* against"),
    (checks.check_decode, MissesOne, r"decode\(\) returns 3 predictions for 4 examples"),
    (
        head_codecs.check_codec,
        _over(OtherAfterJson),
        r"encode\(\) returns another 'extra': False, exp",
    ),
    (
        head_codecs.check_codec,
        _over(MoreAfterPickle),
        r"other arrays: \['more', 'target'\], exp",
    ),
    (head_codecs.check_codec, _over(TakesAnything), "an example without a target is not rejected"),
    (head_codecs.check_codec, _over(CountsOnePart), r"for two halves differs from fit\(\)"),
    (head_codecs.check_codec, _over(Refunds), r"cost\(\) returns -1; expected at least 0"),
    (head_codecs.check_codec, _over(KnowsSome), r"given\(\) returns \['hint'\], and \[\] for an"),
    (head_codecs.check_augment, _over(AugmentsInPlace), "changes its argument's 'target'"),
    (head_codecs.check_augment, _over(RandomBeyond), "is random beyond rng: 'target'"),
    (head_codecs.check_augment, _over(Renames), r"returns the arrays \['other'\]"),
    (head_codecs.check_output, _over(WideRows), "a row of 2 cells for 1 column"),
    (head_codecs.check_output, _over(FewRows), "1 row for 5 tokens"),
    (head_codecs.check_output, _over(Unescaped), r"render\(\) does not escape texts: ….*<script>"),
    (modules.check_gradients, Unused, r"no gradient reaches forgotten\.weight"),
    (checks.check_round_trip, HiddenTensor, "outputs of the loaded module"),
    (checks.check_loss, BlocksStates, "no gradient reaches the states, so neither encoder nor"),
    (checks.check_learning, Detached, "40 steps of training took the mean loss from"),
    (modules.check_state_dict, MadeInForward, "a new one cannot load the state: .*scale"),
    (modules.check_determinism, DropsInEval, "losses in eval mode, computed twice: differ by"),
    (modules.check_device, HiddenTensor, "shift is a tensor that is neither parameter nor buffer"),
    (checks.check_bfloat16, ClampsInHalf, "losses in bfloat16 are not finite"),
    (modules.check_ranks, ByLength, r"rank 1 of two: long\.weight takes no part in a batch of 2"),
    (
        checks.check_decode,
        OtherInHaste,
        r"against decode\(scores=False\): \d: (label|confid)",
    ),
    (checks.check_decode, SaysMoreInHaste, r"\['confidence', 'label'\], expected .*'draft'"),
    (head_codecs.check_output, _over(UnescapedLabel), "does not escape texts: …<b>.*<script>"),
    (head_codecs.check_output, _over(UnescapedTruth), "does not escape texts: ….*<i>.*<script>"),
    (
        head_codecs.check_output,
        _over(UnescapedId),
        "does not escape texts: …<p title=example-0<script>",
    ),
    (head_codecs.check_output, _over(UnescapedLaterToken), "does not escape texts"),
    (modules.check_gradients, TimesZero, "the gradient of idle is zero, whatever the weights"),
    (checks.check_round_trip, LostCalibration, "outputs of the loaded module"),
    (checks.check_round_trip, CalibratesToNan, r"after calibrate\(\) are not finite: 4 of 4"),
    (checks.check_round_trip, SaysNan, r"calibrate\(\) returns \{'temperature': nan\}; expected"),
    (
        checks.check_load_matching,
        AdoptsNan,
        r"losses after load_matching\(\) are not finite: 4 of 4",
    ),
    (checks.check_load_matching, Robs, "losses of the head that was loaded from: differ by"),
]


@pytest.mark.parametrize("check", HEAD_CHECKS, ids=lambda check: check.__name__)
def test_a_sound_head_passes(check: Callable[[HeadCase], None]) -> None:
    check(case_of(Sound))


@pytest.mark.parametrize(
    ("check", "broken", "complaint"),
    BROKEN,
    ids=[f"{c.__name__}-{b.__name__}" for c, b, _ in BROKEN],
)
def test_a_broken_head_is_caught(
    check: Callable[[HeadCase], None], broken: type[Head], complaint: str
) -> None:
    with pytest.raises(ConformanceError, match=complaint):
        check(case_of(broken))


def test_a_head_from_before_scores_is_called_without() -> None:
    class Old(Sound):
        def decode(self, outputs: Any, encoded: Encoded) -> list[Prediction]:  # type: ignore[override]
            return super().decode(outputs, encoded)

    for check in (checks.check_decode, head_metrics.check_metrics):
        check(case_of(Old))


def test_every_check_has_a_broken_head() -> None:
    broken = [*BROKEN, *test_head_search.BROKEN, *test_head_metrics.BROKEN]
    assert {check for check, _, _ in broken} == set(HEAD_CHECKS)
