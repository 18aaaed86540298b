"""Oracles: all paths counted one by one, pytorch-crf, numerical gradients."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqloom_ner.crf import CRF, steps_to_all
from seqloom_ner.lattice import LogLattice, ScaledLattice, make_chain, steps_between_scaling
from seqloom_ner.spans import continuations, legal_steps

PADDING = float("nan")


def random_crf(size: int, seed: int = 0, spread: float = 1.0) -> CRF:
    """A CRF of IOB2 tags with random scores in float64."""
    crf = CRF(size, *legal_steps(size)).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for scores in crf.parameters():
            noise = torch.randn(scores.shape, generator=generator, dtype=torch.float64)
            scores.copy_(spread * noise)
    return crf


def random_batch(
    lengths: list[int], size: int, seed: int = 0, spread: float = 1.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Emissions with NaN in the padding, legal tags, lengths."""
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    emissions = spread * torch.randn(*shape, size, generator=generator, dtype=torch.float64)
    kinds = torch.randint(0, size // 2 + 1, shape, generator=generator)
    tags = (kinds * 2 - 1).clamp_min(0)
    for row, length in enumerate(lengths):
        emissions[row, length:] = PADDING
        tags[row, length:] = 0
        for step in range(1, length):  # some entities of two tokens
            if tags[row, step - 1] % 2 == 1 and step % 2:
                tags[row, step] = tags[row, step - 1] + 1
    return emissions, tags, torch.tensor(lengths)


def legal_paths(crf: CRF, length: int) -> list[tuple[int, ...]]:
    allowed = (~crf.forbidden).tolist()
    start, follow = allowed[-2], allowed[:-2]
    return [
        path
        for path in itertools.product(range(len(start)), repeat=length)
        if start[path[0]] and all(follow[a][b] for a, b in itertools.pairwise(path))
    ]


def path_score(crf: CRF, emissions: Tensor, path: Any) -> Tensor:
    """The score of one path of one sequence, by the definition and with autograd."""
    score = crf.start[path[0]] + crf.end[path[-1]]
    for step, tag in enumerate(path):
        score = score + emissions[step, tag]
        if step:
            score = score + crf.transitions[path[step - 1], tag]
    return score


def posterior(crf: CRF, emissions: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
    """Every legal path of one sequence, and its probability."""
    paths = legal_paths(crf, len(emissions))
    scores = torch.stack([path_score(crf, emissions, path) for path in paths])
    return paths, scores.softmax(0)


def brute_loss(crf: CRF, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    losses = []
    for row, length in enumerate(lengths.tolist()):
        real = emissions[row, :length]
        scores = [path_score(crf, real, path) for path in legal_paths(crf, length)]
        gold = path_score(crf, real, tags[row, :length].tolist())
        losses.append(torch.stack(scores).logsumexp(0) - gold)
    return torch.stack(losses)


def gradients(crf: CRF, loss: Tensor, emissions: Tensor) -> list[Tensor]:
    inputs = [emissions, *crf.parameters()]
    return list(torch.autograd.grad(loss, inputs, materialize_grads=True))


batches = st.tuples(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.sampled_from([1, 3, 5]),
    st.integers(0, 10_000),
    st.sampled_from([0.1, 1.0, 8.0, 100.0]),  # the last goes to the log domain
)


@settings(max_examples=40, deadline=None)
@given(batches)
def test_loss_and_gradients_are_those_of_all_paths(batch: Any) -> None:
    lengths, size, seed, spread = batch
    crf = random_crf(size, seed)
    emissions, tags, sizes = random_batch(lengths, size, seed, spread)
    emissions.requires_grad_()
    weights = torch.arange(1.0, len(lengths) + 1, dtype=torch.float64)
    loss = crf.loss(emissions, tags, sizes)
    expected = brute_loss(crf, emissions, tags, sizes)
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)
    ours = gradients(crf, (loss * weights).sum(), emissions)
    theirs = gradients(crf, (expected * weights).sum(), emissions)
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-7, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(batches)
def test_marginals_and_best_paths_are_those_of_all_paths(batch: Any) -> None:
    lengths, size, seed, spread = batch
    crf = random_crf(size, seed)
    emissions, _, sizes = random_batch(lengths, size, seed, spread)
    marginals, best = crf.marginals(emissions, sizes), crf.decode(emissions, sizes)
    for row, length in enumerate(lengths):
        paths, probabilities = posterior(crf, emissions[row, :length].detach())
        expected = torch.zeros(length, size, dtype=torch.float64)
        for path, probability in zip(paths, probabilities.detach(), strict=True):
            expected[range(length), path] += probability
        torch.testing.assert_close(marginals[row, :length], expected, rtol=1e-7, atol=1e-9)
        assert not marginals[row, length:].any()
        assert tuple(best[row, :length]) == paths[int(probabilities.argmax())]
        assert not best[row, length:].any()


@settings(max_examples=40, deadline=None)
@given(batches)
def test_span_posteriors_are_those_of_all_paths(batch: Any) -> None:
    lengths, size, seed, spread = batch
    crf = random_crf(size, seed)
    emissions, tags, sizes = random_batch(lengths, size, seed, spread)
    spans, expected = [], []
    for row, length in enumerate(lengths):
        paths, probabilities = posterior(crf, emissions[row, :length].detach())
        for start in range(length):
            tag = int(tags[row, start])
            end = start + 1
            while end < length and tag % 2 and tags[row, end] == tag + 1:
                end += 1
            if tag % 2 == 0:
                continue
            wanted = (tag,) + (tag + 1,) * (end - start - 1)
            hits = [
                path[start:end] == wanted and not (end < length and path[end] == tag + 1)
                for path in paths
            ]
            spans.append([row, start, end])
            expected.append(probabilities[torch.tensor(hits)].sum().detach())
    if not spans:
        return
    chain = crf.chain(emissions, sizes)
    crf.decode_chain(chain)  # leaves the chain as it is
    found = crf.span_posteriors(chain, tags, torch.tensor(spans), torch.tensor(continuations(size)))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("size", [5, 13])
def test_equals_pytorch_crf(size: int) -> None:
    crf, other = CRF(size).double(), torchcrf.CRF(size, batch_first=True).double()
    with torch.no_grad():
        crf.start.copy_(other.start_transitions)
        crf.end.copy_(other.end_transitions)
        crf.transitions.copy_(other.transitions)
    emissions, tags, lengths = random_batch([40, 1, 17, 33], size, spread=3.0)
    emissions = emissions.nan_to_num(0.0).requires_grad_()
    mask = torch.arange(40) < lengths[:, None]
    loss, expected = crf.loss(emissions, tags, lengths), -other(emissions, tags, mask, "none")
    torch.testing.assert_close(loss, expected)
    (ours,) = torch.autograd.grad(loss.sum(), emissions)
    (theirs,) = torch.autograd.grad(expected.sum(), emissions)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    best = crf.decode(emissions, lengths)
    paths = [row[:length].tolist() for row, length in zip(best, lengths, strict=True)]
    assert paths == other.decode(emissions, mask)


@pytest.mark.parametrize("spread", [1.0, 300.0])
def test_gradcheck(spread: float) -> None:
    crf = random_crf(5)
    emissions, tags, lengths = random_batch([4, 1, 3], 5, spread=spread)
    emissions = emissions.nan_to_num(0.0).requires_grad_()

    def loss(values: Tensor, moves: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(
            _Loss(crf), {"crf.moves": moves}, (values, tags, lengths)
        )
        return found

    # Forbidden transitions have no effect, so their numerical gradient is zero like ours.
    moves = crf.moves.detach().requires_grad_()
    assert torch.autograd.gradcheck(loss, (emissions, moves), atol=1e-4)


class _Loss(torch.nn.Module):
    def __init__(self, crf: CRF) -> None:
        super().__init__()
        self.crf = crf

    def forward(self, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        return self.crf.loss(emissions, tags, lengths)


@pytest.mark.parametrize("every", [1, 3, 100])
@pytest.mark.parametrize("lengths", [[1], [6, 6], [9, 1, 4]])
def test_both_domains_agree(every: int, lengths: list[int]) -> None:
    crf = random_crf(5)
    emissions, _, sizes = random_batch(lengths, 5, spread=2.0)
    chain = crf.chain(emissions, sizes)
    scaled, log = ScaledLattice(chain, every), LogLattice(chain)
    torch.testing.assert_close(scaled.log_partition, log.log_partition)
    torch.testing.assert_close(scaled.unary(), log.unary())
    weights = torch.arange(1.0, len(lengths) + 1, dtype=torch.float64)
    torch.testing.assert_close(scaled.pairs(weights), log.pairs(weights))
    real = ~chain.padding.unsqueeze(2)
    for name in ("log_alpha", "log_beta"):
        ours, theirs = getattr(scaled, name)(), getattr(log, name)()
        torch.testing.assert_close(ours.where(real, 0.0), theirs.where(real, 0.0))


def test_scaling_is_rarer_the_narrower_the_scores_and_given_up_in_time() -> None:
    crf = CRF(13, *legal_steps(13))
    sizes = torch.tensor([7])

    def every(spread: float) -> int:
        emissions = torch.zeros(1, 7, 13)
        emissions[0, 3, 5] = spread
        return steps_between_scaling(crf.chain(emissions, sizes), 2)

    assert every(0.1) > every(10.0) > every(60.0) > 0 == every(200.0) == every(float("nan"))
    assert steps_between_scaling(crf.chain(torch.zeros(1, 7, 13), sizes), None) == 0


@pytest.mark.parametrize("spread", [20.0, 60.0, 120.0])
def test_the_widest_scores_that_the_scaled_domain_takes_lose_nothing(spread: float) -> None:
    """Emissions at the very ends of the range, so placed that constraints force detours."""
    size, length = 5, 60
    crf = CRF(size, *legal_steps(size)).double()
    generator = torch.Generator().manual_seed(1)
    emissions = spread * torch.randint(0, 2, (8, length, size), generator=generator).double()
    chain = crf.chain(emissions, torch.full((8,), length))
    every = steps_between_scaling(chain, 2)
    assert every >= 1
    scaled, log = ScaledLattice(chain, every), LogLattice(chain)
    torch.testing.assert_close(scaled.log_partition, log.log_partition, rtol=1e-12, atol=1e-9)
    torch.testing.assert_close(scaled.unary(), log.unary(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("size", [1, 3, 13])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_extreme_scores_stay_finite(size: int, dtype: torch.dtype) -> None:
    crf = CRF(size, *legal_steps(size))
    emissions, tags, lengths = random_batch([12, 1, 5], size)
    values = (emissions.sign() * 1e4).to(dtype).requires_grad_()
    loss = crf.loss(values, tags, lengths)
    assert loss.dtype == torch.float32
    assert torch.isfinite(loss).all()
    for gradient in gradients(crf, loss.sum(), values):
        assert torch.isfinite(gradient).all()
    assert torch.isfinite(crf.marginals(values, lengths)).all()


def test_an_illegal_reference_costs_much_but_is_finite() -> None:
    crf = CRF(3, *legal_steps(3))
    tags, lengths = torch.tensor([[2, 0, 2]]), torch.tensor([3])
    emissions = torch.zeros(1, 3, 3, requires_grad=True)
    loss = crf.loss(emissions, tags, lengths)
    assert 2e4 <= loss.item() < 2.1e4
    for gradient in gradients(crf, loss.sum(), emissions):
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("spread", [1.0, 500.0])
def test_alone_padded_and_permuted_are_the_same(spread: float) -> None:
    crf = random_crf(7).float()
    emissions, tags, lengths = random_batch([9, 2, 1, 6], 7, spread=spread)
    values = emissions.float().requires_grad_()
    loss = crf.loss(values, tags, lengths)
    (whole,) = torch.autograd.grad(loss.sum(), values)
    order = torch.tensor([2, 0, 3, 1])
    permuted = crf.loss(values[order], tags[order], lengths[order])
    torch.testing.assert_close(permuted, loss[order])
    best = crf.decode(values, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = values[row : row + 1, :length].detach().requires_grad_()
        single = crf.loss(alone, tags[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(single[0], loss[row], rtol=1e-5, atol=1e-5)
        (gradient,) = torch.autograd.grad(single.sum(), alone)
        torch.testing.assert_close(gradient[0], whole[row, :length], rtol=1e-5, atol=1e-6)
        assert not whole[row, length:].any()
        path = crf.decode(alone, lengths[row : row + 1])
        np.testing.assert_array_equal(path[0], best[row, :length])


def test_autocast_changes_nothing() -> None:
    crf = random_crf(5).float()
    emissions, tags, lengths = random_batch([6, 4], 5)
    values = emissions.float().requires_grad_()
    expected = crf.loss(values, tags, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        loss = crf.loss(values, tags, lengths)
        marginals = crf.marginals(values, lengths)
    loss.sum().backward()
    torch.testing.assert_close(loss, expected, rtol=0, atol=0)
    torch.testing.assert_close(marginals, crf.marginals(values, lengths), rtol=0, atol=0)


def test_steps_to_all() -> None:
    assert steps_to_all(torch.tensor(legal_steps(13)[1])) == 2
    assert steps_to_all(torch.eye(2, dtype=torch.bool)) is None


def test_constraints_are_no_part_of_the_stored_weights() -> None:
    assert set(CRF(3, *legal_steps(3)).state_dict()) == {"moves"}


def test_chain_keeps_nothing_of_the_padding() -> None:
    emissions = torch.full((1, 3, 2), PADDING)
    emissions[:, :1] = 1.0
    emissions[0, 0, 1] = 3.0
    moves = torch.zeros(4, 2)
    chain = make_chain(emissions, moves, moves > 0, torch.tensor([1]))
    assert chain.emissions.tolist() == [[[-2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("size", [3, 13])
def test_the_best_path_of_a_single_row_is_that_in_a_batch(size: int) -> None:
    crf = random_crf(size)
    emissions, lengths = torch.randn(2, 9, size), torch.tensor([7, 9])
    both = crf.decode(emissions, lengths)
    for row in range(2):
        alone = crf.decode(emissions[row : row + 1], lengths[row : row + 1])
        assert np.array_equal(alone[0], both[row])


@pytest.mark.parametrize(("spread", "safe"), [(1.0, True), (20.0, True), (1e4, False)])
def test_the_posteriors_of_a_single_row_are_those_in_a_batch(spread: float, safe: bool) -> None:
    crf, length = random_crf(7), torch.tensor([6])
    emissions, _, _ = random_batch([6], 7, spread=spread)
    path = crf.decode(emissions, length)
    spans = np.array([[0, start, end] for start in range(6) for end in range(start + 1, 7)])
    tensors = map(torch.from_numpy, (path, spans, continuations(7)))
    wanted = crf.span_posteriors(crf.chain(emissions, length), *tensors)
    found = crf.span_posteriors_of_one(emissions[0], path[0], spans[:, 1:], continuations(7))
    if safe:
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-9, atol=1e-12)
    else:
        assert found is None


def test_moves_that_change_are_noticed_for_a_single_row() -> None:
    crf, emissions, length = random_crf(5), torch.randn(1, 9, 5), torch.tensor([9])
    for change in (1.0, -3.0, 2.0):
        crf.moves.data[:] *= change  # torch does not count this
        twice, lengths = emissions.expand(2, -1, -1), length.expand(2)
        assert np.array_equal(crf.decode(emissions, length)[0], crf.decode(twice, lengths)[0])
    copied = copy.deepcopy(crf)
    copied.moves.data.zero_()
    crf.decode(emissions, length)
    assert not np.array_equal(copied.decode(emissions, length), crf.decode(emissions, length))
