"""Oracle: the probabilities of all paths of tiny lines, with autograd through their sum."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqloom_ctc.paths import ctc_loss


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
