"""``multiply`` starts at the scale of ``concat``, in its outputs and in its gradients."""

from __future__ import annotations

import pytest
import torch

from seqloom.interfaces import Features
from seqloom_recurrent.encoders import BiGRU, BiLSTM, BiRNN, Recurrent

LENGTHS = torch.full((16,), 30)


def at_start(cls: type[Recurrent], merge: str, size: int, plain: bool = False) -> list[float]:
    """Return the outputs' root mean square and the size of the recurrent weights' gradient."""
    torch.manual_seed(1)
    encoder = cls(size, hidden_size=size, merge=merge)
    if plain:
        encoder.stack.layers[0].scale.fill_(1.0)  # type: ignore[union-attr, operator]
    states = encoder(Features(torch.randn(16, 30, size), LENGTHS)).states
    (states * torch.randn_like(states)).sum().backward()
    grads = [w.grad.norm() for key, w in encoder.named_parameters() if "weight_hh" in key]
    return [states.square().mean().sqrt().item(), torch.stack(grads).norm().item()]


@pytest.mark.parametrize("size", [16, 128])
@pytest.mark.parametrize("cls", [BiRNN, BiLSTM, BiGRU])
def test_scale_of_outputs_and_gradients(cls: type[Recurrent], size: int) -> None:
    wanted, gradient = at_start(cls, "concat", size)
    ours, our_gradient = at_start(cls, "multiply", size)
    assert ours == pytest.approx(wanted, rel=0.1)
    assert our_gradient == pytest.approx(gradient, rel=0.25)


def test_plain_product_is_too_small() -> None:
    wanted, gradient = at_start(BiLSTM, "concat", 128)
    plain, plain_gradient = at_start(BiLSTM, "multiply", 128, plain=True)
    assert plain < wanted / 4
    assert plain_gradient < gradient / 4


def test_deep_stack_does_not_vanish() -> None:
    values = torch.randn(16, 30, 32)
    rms = {}
    for merge in ("concat", "multiply"):
        torch.manual_seed(1)
        encoder = BiLSTM(32, hidden_size=32, num_layers=4, merge=merge)
        rms[merge] = encoder(Features(values, LENGTHS)).states.square().mean().sqrt().item()
    assert rms["multiply"] > rms["concat"] / 4


def test_scale_is_stored_not_trained() -> None:
    encoder = BiLSTM(4, hidden_size=4, num_layers=2, merge="multiply")
    assert "stack.layers.1.scale" in encoder.state_dict()
    assert not any("scale" in key for key, _ in encoder.named_parameters())


def test_building_draws_the_same_numbers_for_every_merge() -> None:
    draws = []
    for merge in ("sum", "multiply"):
        torch.manual_seed(3)
        BiLSTM(4, hidden_size=4, merge=merge)
        draws.append(torch.rand(1))
    assert torch.equal(*draws)


def test_no_product_at_all_is_left_alone() -> None:
    encoder = BiRNN(4, hidden_size=4, merge="multiply", nonlinearity="relu")
    layer = encoder.stack.layers[0]
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
    layer.scale.fill_(1.0)  # type: ignore[union-attr, operator]
    layer.calibrate(torch.randn(2, 3, 4))  # type: ignore[union-attr, operator]
    assert layer.scale == 1.0
