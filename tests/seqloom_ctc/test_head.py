"""What the head loses, reads and says of it. Oracles: torch's ctc_loss, sums over all paths."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from seqloom.errors import RunError
from seqloom.interfaces import Encoded, Example, Features, Prediction, Targets
from seqloom.train.module import refuse_non_finite
from seqloom_ctc.codec import CtcCodec
from seqloom_ctc.confidence import correct_characters
from seqloom_ctc.head import CtcHead, Scores

TEXTS = ["a bac", "cc", "b", "abcabc a"]
LENGTHS = [9, 3, 1, 14]
GREEDY, BEAM = {"decoder": "greedy"}, {"decoder": "beam", "skip_blank": 1.0}

Make = Callable[..., CtcHead]


@pytest.fixture(scope="module")
def codec(fit: Callable[..., CtcCodec]) -> CtcCodec:
    return fit(*TEXTS, ngram_order=3)


@pytest.fixture(scope="module")
def plain(fit: Callable[..., CtcCodec]) -> CtcCodec:
    """Without an n-gram model."""
    return fit(*TEXTS, ngram_order=0)


def torch_loss(logits: torch.Tensor, text: str, codec: CtcCodec) -> float:
    """Nats a character of one line alone; logits are (T, C)."""
    target = torch.tensor([[codec.alphabet.index(c) + 1 for c in text]])
    log_probs = logits.detach().double().log_softmax(-1)[:, None]
    frames, size = torch.tensor([len(logits)]), torch.tensor([len(text)])
    loss = F.ctc_loss(log_probs, target, frames, size, reduction="sum")
    return float(loss) / len(text)


def test_the_loss_is_torchs_by_the_character(
    codec: CtcCodec, make: Make, encoded: Any, batch_of: Any
) -> None:
    head = make(codec)
    outputs = head(encoded(LENGTHS))
    losses = head.loss(outputs, batch_of(codec, TEXTS))
    for row, (length, text) in enumerate(zip(LENGTHS, TEXTS, strict=True)):
        expected = torch_loss(outputs.logits[row, :length], text, codec)
        assert losses[row].item() == pytest.approx(expected, rel=1e-5)


def test_in_training_the_shortcut_adds_its_own_loss(
    codec: CtcCodec, make: Make, encoded: Any, batch_of: Any
) -> None:
    head, batch = make(codec, shortcut=0.3), batch_of(codec, TEXTS)
    assert head(encoded(LENGTHS)).shortcut is None
    head.train()
    outputs = head(encoded(LENGTHS))
    losses = head.loss(outputs, batch)
    assert head.shortcut is not None
    for row, (length, text) in enumerate(zip(LENGTHS, TEXTS, strict=True)):
        alone = encoded(LENGTHS).features.values[row : row + 1, :length]
        other = head.shortcut(alone.transpose(1, 2)).transpose(1, 2)[0]
        expected = torch_loss(outputs.logits[row, :length], text, codec)
        assert losses[row].item() == pytest.approx(
            expected + 0.3 * torch_loss(other, text, codec), rel=1e-4
        )


def test_without_a_shortcut_there_is_none_in_training(codec: CtcCodec, make: Make) -> None:
    assert make(codec, shortcut=0.0).shortcut is None


def test_scores_and_loss_are_float32_under_bf16(
    codec: CtcCodec, make: Make, encoded: Any, batch_of: Any
) -> None:
    head, batch = make(codec).train(), batch_of(codec, TEXTS)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = head(encoded(LENGTHS))
        losses = head.loss(outputs, batch)
    assert outputs.logits.dtype == outputs.shortcut.dtype == losses.dtype == torch.float32
    whole = head.loss(head(encoded(LENGTHS)), batch)
    torch.testing.assert_close(losses, whole, rtol=3e-2, atol=3e-2)


def test_a_text_that_cannot_be_emitted_is_named_by_the_trainer(
    codec: CtcCodec, make: Make, encoded: Any, batch_of: Any
) -> None:
    head, batch = make(codec), batch_of(codec, ["ab", "aa"])
    losses = head.loss(head(encoded([2, 2])), batch)
    assert torch.isfinite(losses[0])
    assert losses[1].item() == math.inf
    with pytest.raises(RunError, match=r"^The loss is not finite for: 2 \(inf\)\. Lower"):
        refuse_non_finite(losses.mean(), losses, batch)


def decode(head: CtcHead, encoded: Encoded, **options: Any) -> list[Prediction]:
    return head.decode(head(encoded), encoded, **options)


def likeliest(logits: torch.Tensor) -> list[int]:
    """The labels of all paths of (T, C), the most probable ones."""
    probabilities = logits.softmax(-1)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label)
        product = math.prod(float(probabilities[i, c]) for i, c in enumerate(path))
        found[labels] = found.get(labels, 0.0) + product
    return list(max(found.items(), key=lambda item: item[1])[0])


def test_a_wide_beam_without_a_model_reads_the_likeliest_text(
    plain: CtcCodec, make: Make, encoded: Any
) -> None:
    head = make(plain, **BEAM, beam_width=2000, ngram_bonus=0.0)
    for seed in range(6):
        states = encoded([5, 3], seed=seed)
        logits = head(states).logits.detach()
        for row, (length, one) in enumerate(zip([5, 3], decode(head, states), strict=True)):
            assert one["text"] == plain.decode(likeliest(logits[row, :length]))


def test_sure_scores_are_read_alike_by_beam_and_best_path(
    plain: CtcCodec, make: Make, peaked: Any, encoded: Any
) -> None:
    paths = [[0, 1, 1, 0, 1, 2, 3, 3, 0], [4, 4, 0, 4, 2, 2, 0, 0, 0]]
    outputs = Scores(peaked(paths, 5), torch.tensor([9, 7]))
    expected = [plain.decode([1, 1, 2, 3]), plain.decode([4, 4, 2])]
    states = encoded([9, 7])
    for options in (GREEDY, BEAM):
        found = make(plain, **options, ngram_bonus=0.0).decode(outputs, states)
        assert [one["text"] for one in found] == expected
        edges = [one[edge] for one in found[0]["characters"] for edge in ("start", "end")]
        ninths = np.array([1, 3, 4, 5, 5, 6, 6, 8]) / 9
        assert edges == pytest.approx(ninths.tolist(), abs=1e-5)
        assert found[1]["characters"][-1]["end"] == pytest.approx(6 / 7, abs=1e-5)


def test_a_confidence_is_that_of_the_surest_frame_calibrated(
    plain: CtcCodec, make: Make, encoded: Any
) -> None:
    logits = torch.zeros(1, 4, 5)
    logits[0, :, 1] = torch.tensor([2.0, 4.0, 3.0, 0.0])
    logits[0, 3, 0] = 5.0
    head = make(plain)
    head.calibration.copy_(torch.tensor([2.0, 0.7]))
    (one,) = head.decode(Scores(logits, torch.tensor([4])), encoded([4]))
    chance = math.exp(4 / 2) / (math.exp(4 / 2) + 4)
    expected = 1 / (1 + math.exp(-math.log(chance / (1 - chance)) - 0.7))
    (character,) = one["characters"]
    assert character == pytest.approx(
        {"character": " ", "confidence": expected, "start": 0.0, "end": 0.75}
    )


def test_a_line_s_confidence_is_the_power_of_the_probability_of_its_text(
    plain: CtcCodec, make: Make, encoded: Any
) -> None:
    logits = torch.randn(1, 5, 5, generator=torch.Generator().manual_seed(3)) * 2
    head = make(plain)
    head.exponent.fill_(0.5)
    (one,) = head.decode(Scores(logits, torch.tensor([5])), encoded([5]))
    labels = [plain.alphabet.index(c) + 1 for c in one["text"]]
    chances = logits[0].softmax(-1)
    total = sum(
        float(torch.stack([chances[t, c] for t, c in enumerate(path)]).prod())
        for path in itertools.product(range(5), repeat=5)
        if [c for c, _ in itertools.groupby(path) if c] == labels
    )
    assert one["confidence"] == pytest.approx(total**0.5, rel=1e-4)


def test_a_character_that_may_be_missing_makes_a_line_less_sure(
    plain: CtcCodec, make: Make, peaked: Any, encoded: Any
) -> None:
    logits = peaked([[1, 0, 0, 0, 2]], 5, margin=9.0)
    sure, unsure = Scores(logits, torch.tensor([5])), Scores(logits.clone(), torch.tensor([5]))
    unsure.logits[0, 2, 3] = 8.5  # nearly as likely as the blank, but not read
    head = make(plain)
    (one,), (other,) = (head.decode(scores, encoded([5])) for scores in (sure, unsure))
    assert one["text"] == other["text"]
    assert min(c["confidence"] for c in other["characters"]) > 0.99
    assert one["confidence"] > 0.99
    assert 0.5 < other["confidence"] < 0.7


def test_models_without_an_exponent_are_loaded(plain: CtcCodec, make: Make) -> None:
    head, other = make(plain), make(plain)
    other.exponent.fill_(3.0)
    state = head.state_dict()
    del state["exponent"]
    other.load_state_dict(state)
    assert float(other.exponent) == 1.0


@pytest.mark.parametrize("options", [GREEDY, BEAM], ids=["greedy", "beam"])
class TestEitherDecoder:
    """What holds for both ways of reading."""

    def test_texts_are_the_same_without_scores(
        self, codec: CtcCodec, make: Make, encoded: Any, options: Any
    ) -> None:
        head = make(codec, **options)
        bare, full = (decode(head, encoded([30, 7, 1]), scores=s) for s in (False, True))
        assert bare == [{"text": one["text"]} for one in full]
        assert len(bare[0]["text"]) > 2

    def test_confidences_and_places_of_each_character(
        self, codec: CtcCodec, make: Make, encoded: Any, options: Any
    ) -> None:
        head = make(codec, **options)
        for seed in range(5):
            for one in decode(head, encoded([40, 12, 1], seed=seed)):
                characters = one["characters"]
                assert "".join(c["character"] for c in characters) == one["text"]
                edges = [edge for c in characters for edge in (c["start"], c["end"])]
                assert edges == sorted(edges)
                assert all(0 <= edge <= 1 for edge in edges)
                assert all(c["start"] < c["end"] for c in characters)
                assert all(0 <= c["confidence"] <= 1 for c in (one, *characters))

    def test_alone_and_in_any_batch_and_order_a_line_is_read_the_same(
        self, codec: CtcCodec, make: Make, encoded: Any, options: Any
    ) -> None:
        head, lengths = make(codec, **options), [21, 4, 1, 13]
        states = encoded(lengths).states
        together = decode(head, part(states, lengths, [0, 1, 2, 3]))
        mixed = decode(head, part(states, lengths, [3, 1, 0, 2]))
        assert_same([mixed[2], mixed[1], mixed[3], mixed[0]], together)
        alone = [decode(head, part(states, lengths, [row]))[0] for row in range(4)]
        assert_same(alone, together)

    def test_nothing_read_has_the_probability_that_there_is_nothing(
        self, codec: CtcCodec, make: Make, peaked: Any, encoded: Any, options: Any
    ) -> None:
        logits = peaked([[0, 0, 0]], 5, margin=6.0)
        head = make(codec, **options)
        (one,) = head.decode(Scores(logits, torch.tensor([3])), encoded([3]))
        assert (one["text"], one["characters"]) == ("", [])
        assert one["confidence"] == pytest.approx((math.exp(6) / (math.exp(6) + 4)) ** 3)
        assert head.decode(Scores(logits, torch.tensor([3])), encoded([3]), scores=False) == [
            {"text": ""}
        ]

    def test_calibration_makes_the_log_loss_no_worse(
        self, codec: CtcCodec, make: Make, encoded: Any, batch_of: Any, options: Any
    ) -> None:
        head = make(codec, **options)
        truths = ["cab", "ab c", "a", "bb c a", "ccab"]
        passes = []
        for seed in range(12):
            states = encoded([11, 17, 4, 22, 9], seed=seed)
            passes.append((head(states), states, batch_of(codec, truths)))

        def log_loss() -> float:
            lost = []
            for outputs, states, _ in passes:
                for one, truth in zip(head.decode(outputs, states), truths, strict=True):
                    codes = [list(map(ord, text)) for text in (one["text"], truth)]
                    right = correct_characters(*codes)
                    for c, good in zip(one["characters"], right, strict=True):
                        chance = c["confidence"] if good else 1 - c["confidence"]
                        lost.append(-math.log(max(chance, 1e-12)))
            return float(np.mean(lost))

        before = log_loss()
        found = head.calibrate(passes)
        assert log_loss() <= before
        assert head.calibration.tolist() == pytest.approx([found["temperature"], found["offset"]])
        assert found["temperature"] > 1  # random readings are mostly wrong

    def test_nothing_to_calibrate_by_changes_nothing(
        self, codec: CtcCodec, make: Make, options: Any
    ) -> None:
        head = make(codec, **options)
        assert head.calibrate([]) == {"temperature": 1.0, "offset": 0.0, "exponent": 1.0}
        assert head.calibration.tolist() == [1.0, 0.0]


def part(states: torch.Tensor, lengths: Sequence[int], rows: Sequence[int]) -> Encoded:
    counts = torch.tensor([lengths[row] for row in rows])
    values = states[list(rows), : int(counts.max())]
    return Encoded(values, values[:, 0], counts, Features(values, counts))


def assert_same(found: list[Prediction], expected: list[Prediction]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one["text"] == other["text"]
        assert one["confidence"] == pytest.approx(other["confidence"], abs=1e-5)
        for c, d in zip(one["characters"], other["characters"], strict=True):
            assert c == pytest.approx(d, abs=1e-5)


def test_the_ngram_model_decides_where_the_frames_do_not(
    fit: Any, make: Make, peaked: Any, encoded: Any
) -> None:
    codec = fit("ab", "ab", "ab", "c", ngram_order=2)
    logits = peaked([[1, 0, 2]], 4)
    logits[0, 2, 2] = logits[0, 2, 3] = 9.0  # b or c
    outputs = Scores(logits + torch.tensor([0, 0, 0, 0.1]), torch.tensor([3]))
    assert make(codec, **GREEDY).decode(outputs, encoded([3]))[0]["text"] == "ac"
    assert make(codec, **BEAM).decode(outputs, encoded([3]))[0]["text"] == "ab"
    assert make(codec, **BEAM, ngram_weight=0.0).decode(outputs, encoded([3]))[0]["text"] == "ac"


def test_a_lexicon_allows_only_its_words(fit: Any, make: Make, peaked: Any, encoded: Any) -> None:
    codec = fit("ab c", "cab", lexicon="train", ngram_order=0)
    path = [[2, 4, 0, 1, 2, 3]]  # "acab": a c abc? of the classes " abc" from 1
    outputs = Scores(peaked(path, 5, margin=3.0), torch.tensor([6]))
    for one in make(codec, **BEAM, lexicon="train").decode(outputs, encoded([6])):
        assert set(one["text"].split()) <= {"ab", "c", "cab"}
    assert make(codec, **GREEDY).decode(outputs, encoded([6]))[0]["text"] == "ac ab"


def test_columns_are_those_named(codec: CtcCodec, example: Any) -> None:
    assert codec.column_names == ("text", "confidence")
    assert codec.columns(example("a"), {"text": "ab", "confidence": 0.98765}) == [["ab", "0.9877"]]
    assert codec.columns(example("a"), {"text": ""}) == [["", ""]]


def test_learns_a_few_lines(codec: CtcCodec, make: Make, encoded: Any, batch_of: Any) -> None:
    head, batch = make(codec, size=32, dropout=0.1).train(), batch_of(codec, TEXTS)
    states = encoded(LENGTHS, size=32)
    optimizer = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(150):
        optimizer.zero_grad()
        head.loss(head(states), batch).sum().backward()
        optimizer.step()
    head.eval()
    metric = head.metrics()
    metric.update(decode(head, states), batch)
    assert metric.compute()[head.monitor].item() == 0.0


def test_unseen_characters_are_mistakes_without_a_loss(
    fit: Callable[..., CtcCodec], make: Make, encoded: Any
) -> None:
    codec = fit(*TEXTS)
    texts = ["a bßc", "cc"]
    arrays = [codec.encode_truth(Example(str(n), {"text": one})) for n, one in enumerate(texts)]
    sizes = [len(one["target"]) for one in arrays]
    target = torch.zeros(2, max(sizes), dtype=torch.int64)
    for row, one in enumerate(arrays):
        target[row, : sizes[row]] = torch.tensor(one["target"])
    targets = Targets({"target": target}, {"target": torch.tensor(sizes)}, ["0", "1"])
    head = make(codec)
    assert head.undefined(targets).tolist() == [True, False]
    outputs = head(encoded([9, 6]))
    expected = torch_loss(outputs.logits[1, :6], "cc", codec)
    assert head.loss(outputs, targets)[1].item() == pytest.approx(expected, rel=1e-5)
    head.calibrate([(outputs, None, targets)])
    metric = head.metrics()
    metric.update([{"text": "a bc"}, {"text": "cc"}], targets)
    assert float(metric.compute()["cer"]) == pytest.approx(1 / 7)
