"""Oracle: all paths of tiny lines, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqloom_ctc.paths import align, best_path, ctc_loss


def random_line(frames: int, classes: int, seed: int) -> np.ndarray[Any, Any]:
    logits = np.random.default_rng(seed).normal(0, 3, (frames, classes))
    return logits - np.asarray(np.logaddexp.reduce(logits, axis=1, keepdims=True))


def collapse(path: tuple[int, ...]) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label]


def path_of(spans: list[tuple[int, int]], labels: list[int], frames: int) -> tuple[int, ...]:
    path = [0] * frames
    for label, (start, end) in zip(labels, spans, strict=True):
        path[start:end] = [label] * (end - start)
    return tuple(path)


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(1, 6),
    labels=st.lists(st.integers(1, 2), max_size=4),
    seed=st.integers(0, 10_000),
)
def test_no_path_with_these_labels_is_more_probable(
    frames: int, labels: list[int], seed: int
) -> None:
    line = random_line(frames, 3, seed)
    paths = [
        path for path in itertools.product(range(3), repeat=frames) if collapse(path) == labels
    ]
    if not paths:
        with pytest.raises(ValueError, match=r"at least . frames"):
            align(line, labels)
        return
    best = max(paths, key=lambda path: line[range(frames), path].sum())
    assert path_of(align(line, labels), labels, frames) == best


def test_spans_part_at_the_blank_between_equal_labels() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    line = np.log(np.where(np.eye(3, dtype=bool)[path], 0.8, 0.1))
    assert align(line, [1, 1, 2]) == [(1, 3), (4, 5), (5, 7)]


def test_probabilities_of_zero_still_give_each_label_its_frames() -> None:
    line = np.full((5, 4), -np.inf)
    line[:, 3] = 0.0  # no path of these labels is possible
    spans = align(line, [1, 1, 2])
    assert collapse(path_of(spans, [1, 1, 2], 5)) == [1, 1, 2]


def test_no_labels_have_no_spans() -> None:
    assert align(random_line(4, 3, 0), []) == []
    assert align(random_line(4, 3, 0)[:0], []) == []


def test_says_how_many_frames_are_needed() -> None:
    with pytest.raises(
        ValueError, match="3 labels need at least 4 frames, as 1 of them is equal to the one before"
    ):
        align(random_line(3, 3, 0), [2, 2, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_floating_type_will_do(dtype: type[np.floating[Any]]) -> None:
    line = random_line(40, 6, 3).astype(dtype)
    labels = [1, 5, 5, 2, 3]
    assert align(line, labels) == align(line.astype(np.float64), labels)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), seed=st.integers(0, 10_000))
def test_the_best_path_is_that_of_each_row_alone(lengths: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(len(lengths), max(lengths), 3, generator=generator)
    expected = []
    for row, length in enumerate(lengths):
        path = [frame.index(max(frame)) for frame in logits[row, :length].tolist()]
        expected.append([label for label, _ in itertools.groupby(path) if label])
        logits[row, length:] = torch.nan
    assert best_path(logits, torch.tensor(lengths)) == expected


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iam_line", "the fak friend of the fomly hae tC"),
        ("iam_word", "aircrapt"),
    ],
)
def test_the_best_path_of_a_real_matrix_is_the_published_one(
    name: str, expected: str, real_logits: Callable[[str], Any], real_text: Callable[[str], str]
) -> None:
    logits = torch.from_numpy(real_logits(f"{name}/rnn_output.csv"))[None]
    alphabet = real_text("iam_line/chars.txt")
    (labels,) = best_path(logits, torch.tensor([logits.shape[1]]))
    assert "".join(alphabet[label - 1] for label in labels) == expected


def brute_loss(logits: Tensor, target: list[int]) -> Tensor:
    """-log of the summed probability of all paths that give the target; logits are (T, C)."""
    log_probs = logits.log_softmax(-1)
    T, C = logits.shape
    scores = [
        log_probs[range(T), path].sum()
        for path in itertools.product(range(C), repeat=T)
        if [label for label, _ in itertools.groupby(path) if label] == target
    ]
    if not scores:
        return logits.new_tensor(torch.inf)
    return -torch.stack(scores).logsumexp(0)


def padded(targets: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The (B, S) targets, padded with a real class, and their lengths."""
    size = max(map(len, targets))
    rows = [target + [1] * (size - len(target)) for target in targets]
    return torch.tensor(rows, dtype=torch.long).reshape(len(rows), size), torch.tensor(
        [len(target) for target in targets]
    )


def possible(frames: int, target: list[int]) -> bool:
    return len(target) + sum(a == b for a, b in itertools.pairwise(target)) <= frames


rows = st.tuples(st.integers(1, 5), st.lists(st.integers(1, 3), max_size=4))
batches = st.lists(rows.filter(lambda row: possible(*row)), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(batch=batches, seed=st.integers(0, 10_000), spread=st.sampled_from([0.3, 3.0]))
def test_loss_and_gradients_are_those_of_all_paths(
    batch: list[tuple[int, list[int]]], seed: int, spread: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor([frames for frames, _ in batch])
    noise = torch.randn(len(batch), 5, 4, generator=generator, dtype=torch.float64)
    logits = (spread * noise).requires_grad_()
    dirty = logits.clone()
    for row, (frames, _) in enumerate(batch):
        dirty[row, frames:] = torch.nan
    weights = torch.arange(1.0, len(batch) + 1, dtype=torch.float64)
    loss = ctc_loss(dirty, lengths, *padded([target for _, target in batch]))
    expected = torch.stack(
        [brute_loss(logits[row, :frames], target) for row, (frames, target) in enumerate(batch)]
    )
    torch.testing.assert_close(loss, expected, rtol=1e-8, atol=1e-8)
    (ours,) = torch.autograd.grad((loss * weights).sum(), logits)
    (theirs,) = torch.autograd.grad((expected * weights).sum(), logits)
    torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("frames", "target"), [(2, [1, 2, 3]), (3, [1, 1, 2]), (2, [2, 2])])
def test_a_target_that_no_path_gives_has_an_infinite_loss(frames: int, target: list[int]) -> None:
    logits = torch.randn(1, frames, 4)
    assert brute_loss(logits[0], target) == torch.inf
    assert ctc_loss(logits, torch.tensor([frames]), *padded([target])).tolist() == [torch.inf]


@pytest.mark.realdata
def test_the_loss_of_a_real_line_is_the_published_one(
    real_logits: Callable[[str], Any], real_text: Callable[[str], str]
) -> None:
    logits = torch.from_numpy(real_logits("iam_line/rnn_output.csv"))[None]
    alphabet, truth = real_text("iam_line/chars.txt"), real_text("iam_line/gt_0.txt")
    target = torch.tensor([[alphabet.index(character) + 1 for character in truth]])
    loss = ctc_loss(logits, torch.tensor([100]), target, torch.tensor([len(truth)]))
    assert loss.item() == pytest.approx(28.090721774903226, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_loss_is_in_float32_whatever_the_precision(dtype: torch.dtype) -> None:
    logits = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(1)).to(dtype)
    sizes = torch.tensor([6]), torch.tensor([[1, 2]]), torch.tensor([2])
    found = ctc_loss(logits, *sizes)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, ctc_loss(logits.float(), *sizes))
