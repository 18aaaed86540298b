from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.interfaces import SequenceBatch
from seqloom_text.frontends.words import WordsFrontend

TRAIN = [["The", "cat", "sat"], ["dog"], ["the", "quick", "brown", "fox", "jumps"]]
Build = Callable[..., tuple[Any, WordsFrontend]]
BatchOf = Callable[..., SequenceBatch]


def gradients(frontend: WordsFrontend, values: Tensor) -> list[Tensor]:
    """Return the parameters' gradients for one row's values, (T, D)."""
    weights = torch.linspace(-1, 1, values.numel()).view_as(values)
    return list(torch.autograd.grad((values * weights).sum(), list(frontend.parameters())))


@pytest.mark.parametrize("characters", [True, False])
def test_size_is_known_and_true(build: Build, batch_of: BatchOf, characters: bool) -> None:
    codec, frontend = build(WordsFrontend, TRAIN, size=7, characters=characters)
    features = frontend(batch_of(codec, TRAIN))
    assert features.values.shape == (3, 5, frontend.output_size)
    assert frontend.output_size == 7 + (50 if characters else 0)
    assert features.lengths.tolist() == [3, 1, 5]


@pytest.mark.parametrize("characters", [True, False])
def test_alone_padded_with_junk_and_in_any_order(
    build: Build, batch_of: BatchOf, characters: bool
) -> None:
    codec, frontend = build(WordsFrontend, TRAIN, characters=characters, dropout=0.5)
    frontend.eval()
    batch = batch_of(codec, TRAIN)
    for row, length in enumerate([3, 1, 5]):
        batch["words"][row, length:] = 999_999  # beyond any table
        if characters:
            batch["characters"][row, length:] = 30_000
    order = [2, 0, 1]
    permuted = SequenceBatch(
        {name: tensor[order] for name, tensor in batch.tensors.items()},
        {name: lengths[order] for name, lengths in batch.lengths.items()},
        [batch.ids[row] for row in order],
    )
    together, shuffled = frontend(batch).values, frontend(permuted).values
    for row, tokens in enumerate(TRAIN):
        alone = frontend(batch_of(codec, [tokens])).values[0]
        wanted = gradients(frontend, alone)
        for values in (together[row], shuffled[order.index(row)]):
            torch.testing.assert_close(values[: len(tokens)], alone, atol=1e-6, rtol=1e-5)
            again = torch.autograd.grad(
                (values[: len(tokens)] * torch.linspace(-1, 1, alone.numel()).view_as(alone)).sum(),
                list(frontend.parameters()),
                retain_graph=True,
            )
            for gradient, expected in zip(again, wanted, strict=True):
                torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=1e-5)


def test_case_is_seen_by_the_characters_alone(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(WordsFrontend, TRAIN, size=7)
    values = frontend(batch_of(codec, [["The", "the"]])).values[0]
    assert torch.equal(values[0, :7], values[1, :7])
    assert not torch.allclose(values[0, 7:], values[1, 7:])


def test_tables_at_first(build: Build) -> None:
    torch.manual_seed(0)
    words = [[f"w{number}" for number in range(2000)]]
    _, frontend = build(WordsFrontend, words, size=50, init_std=0.3)
    weight = frontend.embedding.weight
    assert weight[0].eq(0).all()
    assert weight[1:].std().item() == pytest.approx(0.3, rel=0.02)


def test_padding_is_never_trained(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(WordsFrontend, TRAIN)
    optimizer = torch.optim.AdamW(frontend.parameters(), lr=0.1)
    for _ in range(3):
        frontend(batch_of(codec, TRAIN)).values.square().sum().backward()
        optimizer.step()
    assert frontend.embedding.weight[0].eq(0).all()
    assert frontend.spelling is not None
    assert frontend.spelling.embedding.weight[0].eq(0).all()


def test_dropout_is_one_mask_for_a_sequence(build: Build, batch_of: BatchOf) -> None:
    codec, frontend = build(WordsFrontend, TRAIN, dropout=0.5)
    dropped = frontend.train()(batch_of(codec, TRAIN)).values[2].eq(0)  # (T, D)
    assert torch.equal(dropped.all(0), dropped.any(0))
    assert 0.2 < dropped.float().mean().item() < 0.8
    assert not frontend.eval()(batch_of(codec, TRAIN)).values[2].eq(0).any()


def test_pretrained_vectors(build: Build, batch_of: BatchOf, tmp_path: Path) -> None:
    path = tmp_path / "small.vec"
    path.write_text("2 2\nthe 1 2\ncat 3 6\n")
    params = {"size": 2, "characters": False, "vectors": str(path)}
    codec, frontend = build(WordsFrontend, TRAIN, **params)
    values = frontend(batch_of(codec, [["THE", "cat", "unseen"]])).values[0]
    assert values.tolist() == [[1, 2], [3, 6], [2, 4]]  # the unknown is their mean
    assert frontend.embedding.weight.requires_grad
    assert frontend.embedding.weight[0].tolist() == [0, 0]

    path.unlink()
    stored = frontend.state_dict()
    codec.initial_vectors = None
    again = WordsFrontend(codec, **params)
    again.load_state_dict(stored)
    assert again(batch_of(codec, [["THE"]])).values.tolist() == [[[1, 2]]]


def test_frozen_vectors(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "small.vec"
    path.write_text("the 1 2\n")
    _, frontend = build(WordsFrontend, TRAIN, size=2, vectors=str(path), freeze_vectors=True)
    frozen = {name for name, p in frontend.named_parameters() if not p.requires_grad}
    assert frozen == {"embedding.weight"}
