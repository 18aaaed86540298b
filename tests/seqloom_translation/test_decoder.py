"""A step equals teacher forcing, in every form of the decoder."""

from __future__ import annotations

import itertools

import pytest
import torch

from seqloom.nn import has_bfloat16_lstm
from seqloom_translation import attention
from seqloom_translation.alignment import alignment
from seqloom_translation.decoder import Decoder
from seqloom_translation.schemas import Attention, Cell, Translation
from seqloom_translation.units import BOS

from .conftest import STATES, UNITS, decoder, encoded


@pytest.mark.parametrize(
    ("cell", "attention", "feeding"), [*itertools.product(Cell, Attention, [False, True])]
)
def test_a_step_equals_teacher_forcing(cell: Cell, attention: Attention, feeding: bool) -> None:
    model = decoder(cell=cell, attention=attention, input_feeding=feeding)
    source = encoded([4, 1, 3])
    units = torch.randint(4, UNITS, (3, 6))
    with torch.no_grad():
        memory = model.attention.remember(source.states, source.lengths)
        whole = model(units, source.summary, memory)
        state, last = model.initial_state(source.summary), torch.full((3,), BOS)
        for place in range(6):
            logits, weights, state = model.step(last, state, memory)
            torch.testing.assert_close(logits, model.logits(whole.hidden[:, place]))
            torch.testing.assert_close(weights, whole.weights[:, place])
            last = units[:, place]
    assert not whole.weights[1, :, 1:].any()
    torch.testing.assert_close(whole.weights.sum(2), torch.ones(3, 6))


@pytest.mark.parametrize("kernel", [True, False])
def test_its_lstms_compute_in_bfloat16_where_the_processor_can(
    kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernel and not has_bfloat16_lstm():
        pytest.skip("this processor has no such kernel")
    monkeypatch.setattr("seqloom_translation.decoder.has_bfloat16_lstm", lambda: kernel)
    model, source = Decoder(Translation(size=5, dropout=0.0), UNITS, STATES), encoded([4, 1, 3])
    units, types = torch.randint(4, UNITS, (3, 6)), []
    model.writer.register_forward_hook(lambda layer, given, found: types.append(found[0].dtype))

    def run() -> torch.Tensor:
        memory = model.attention.remember(source.states, source.lengths)
        hidden: torch.Tensor = model(units, source.summary, memory).hidden
        return hidden

    whole = run()
    with torch.autocast("cpu", torch.bfloat16):
        half = run()
    assert types == [torch.float32, torch.bfloat16 if kernel else torch.float32]
    torch.testing.assert_close(half.float(), whole, atol=0.02, rtol=0)
    half.sum().backward()
    assert all(one.grad is not None for one in model.writer.parameters())


@pytest.mark.parametrize("cell", list(Cell))
def test_a_step_after_more_training_has_the_new_weights(cell: Cell) -> None:
    """A search keeps weights as the kernels need them."""
    model, source = decoder(cell=cell), encoded([4, 2])
    units = torch.tensor([4, 5])

    def logits() -> torch.Tensor:
        memory = model.attention.remember(source.states, source.lengths)
        found: torch.Tensor = model.step(units, model.initial_state(source.summary), memory)[0]
        return found

    with torch.no_grad():
        before = logits()
        model.train()
        for parameter in model.parameters():
            parameter.data.view(-1)[-1] += 1.0  # a single value, which torch does not count
        model.eval()
        after = logits()
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, logits().detach())  # with gradients: by torch's own products


def test_several_hypotheses_share_the_states_of_their_example() -> None:
    model, source = decoder(), encoded([4, 2])
    memory = model.attention.remember(source.states, source.lengths)
    doubled = encoded([4, 2])
    rows = torch.tensor([0, 0, 1, 1])
    wide = model.attention.remember(doubled.states[rows], doubled.lengths[rows])
    state = model.initial_state(source.summary[rows])
    units = torch.tensor([4, 5, 6, 4])
    with torch.no_grad():
        shared, apart = (model.step(units, state, one)[:2] for one in (memory, wide))
    torch.testing.assert_close(shared, apart)


def test_examples_that_are_selected_lose_padding() -> None:
    model, source = decoder(), encoded([4, 1, 3])
    memory = model.attention.remember(source.states, source.lengths)
    kept = memory.select(torch.tensor([2, 1]))
    assert kept.lengths.tolist() == [3, 1]
    assert kept.values.shape[1] == kept.keys.shape[1] == 3
    torch.testing.assert_close(kept.values[0], memory.values[2, :3])


@pytest.mark.parametrize("size", [4, 5])
def test_states_of_the_size_of_queries_need_no_projection(size: int) -> None:
    found = attention.Attention(Attention.dot, 4, size)
    assert sum(one.numel() for one in found.parameters()) == (0 if size == 4 else 4 * size)


def test_without_words_there_is_no_alignment() -> None:
    assert alignment([], ["▁a"], []) == []
    assert alignment(["▁a"], [], [[1.0]]) == []
    assert alignment(["", ""], ["▁a"], [[0.5, 0.5]]) == []
