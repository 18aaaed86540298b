"""Layers on top of one another, in one direction and in two."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from seqloom.errors import ConfigError
from seqloom.interfaces import Features
from seqloom.nn import Merge, reverse_within_lengths

from seqloom_mingru.encoders import BiMinGRU, MinGRU

LENGTHS = torch.tensor([5, 2, 4])


def features(size: int = 3) -> Features:
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(3, 5, size, generator=generator)
    for row, length in enumerate(LENGTHS.tolist()):
        values[row, length:] = torch.nan
    return Features(values, LENGTHS)


def take_weights(encoder: MinGRU, both: BiMinGRU, direction: str) -> None:
    weights = both.state_dict()
    encoder.load_state_dict(
        {name.replace(f"{direction}.", ""): weights[name] for name in weights if direction in name}
    )


def merged(merge: Merge, forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
    return {
        Merge.concat: torch.cat((forward, backward), -1),
        Merge.sum: forward + backward,
        Merge.average: (forward + backward) / 2,
        Merge.multiply: forward * backward,
    }[merge]


@pytest.mark.parametrize("merge", list(Merge))
def test_two_directions_are_two_encoders(merge: Merge) -> None:
    """The one reads the sequences, the other each of them from its end."""
    torch.manual_seed(1)
    one_layer: dict[str, Any] = {"hidden_size": 4, "num_layers": 1, "norm": False}
    both = BiMinGRU(3, merge=merge, **one_layer)
    ahead, back = MinGRU(3, **one_layer), MinGRU(3, **one_layer)
    take_weights(ahead, both, "forward_layer")
    take_weights(back, both, "backward_layer")
    given = features()
    found, forward = both(given), ahead(given)
    mirrored = back(Features(reverse_within_lengths(given.values, LENGTHS), LENGTHS))
    backward = reverse_within_lengths(mirrored.states, LENGTHS)
    assert both.output_size == (8 if merge is Merge.concat else 4)
    for row, length in enumerate(LENGTHS.tolist()):
        expected = merged(merge, forward.states[row, :length], backward[row, :length])
        torch.testing.assert_close(found.states[row, :length], expected)
    torch.testing.assert_close(found.summary, merged(merge, forward.summary, mirrored.summary))


@pytest.mark.parametrize("merge", list(Merge))
def test_every_step_of_the_sequence_reaches_every_state(merge: Merge) -> None:
    encoder = BiMinGRU(3, hidden_size=4, merge=merge)
    values = torch.randn(1, 6, 3)
    jacobian = torch.autograd.functional.jacobian(
        lambda inputs: encoder(Features(inputs, torch.tensor([6]))).states[0], values
    )
    assert (jacobian[:, :, 0].abs().sum((1, 3)) > 0).all()


def test_going_on_from_a_ragged_batch() -> None:
    """Each row's final state is that after its own last step."""
    encoder, given = MinGRU(3, hidden_size=4, num_layers=3), features()
    more = torch.randn(3, 4, 3)
    rest = encoder(Features(more, torch.tensor([4, 4, 4])), encoder(given).final_state)
    for row, length in enumerate(LENGTHS.tolist()):
        whole = torch.cat((given.values[row, :length], more[row])).unsqueeze(0)
        alone = encoder(Features(whole, torch.tensor([length + 4])))
        torch.testing.assert_close(rest.states[row], alone.states[0, length:])


def test_two_directions_cannot_go_on() -> None:
    encoder = BiMinGRU(3, hidden_size=4)
    assert not encoder.causal
    with pytest.raises(ValueError, match="cannot continue from a state"):
        encoder(features(), encoder(features()).final_state)
    with pytest.raises(NotImplementedError, match="not causal"):
        encoder.initial_state(3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"hidden_size": 0},
            r"encoder\.hidden_size is 0; it must be a whole number, 1 or more\.",
        ),
        ({"num_layers": 1.5}, r"encoder\.num_layers is 1\.5; it must be a whole number"),
        (
            {"dropout": 1.0},
            r"encoder\.dropout=1\.0: expected a number in .0, 1.\.",
        ),
        (
            {"candidate": "positiv"},
            r"encoder\.candidate is 'positiv'\. Did you mean 'positive'\? There are: linear, pos",
        ),
        ({"merge": "add"}, r"encoder\.merge is 'add'\. There are: average, concat, multiply, sum"),
    ],
)
def test_mistakes_are_told(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BiMinGRU(3, **params)


def test_a_row_without_steps_is_named() -> None:
    with pytest.raises(ValueError, match="Sequence 1 of the batch has length 0"):
        MinGRU(3)(Features(torch.zeros(2, 4, 3), torch.tensor([4, 0])))


@pytest.mark.parametrize("merge", list(Merge))
def test_depth_takes_nothing_away(merge: Merge) -> None:
    """Without a norm before each layer it would, most of all where products are merged."""
    torch.manual_seed(1)
    given = Features(torch.randn(8, 20, 32), torch.full((8,), 20))

    def kept(norm: bool) -> float:
        spreads: list[float] = []
        for num_layers in (1, 4):
            encoder = BiMinGRU(32, hidden_size=32, num_layers=num_layers, norm=norm, merge=merge)
            spreads.append(encoder(given).states.detach().std().item())
        return spreads[1] / spreads[0]

    assert kept(norm=True) > 0.8
    assert kept(norm=False) < 0.6


def test_the_frontends_scale_does_not_matter() -> None:
    encoder, given = BiMinGRU(3, hidden_size=4), features()
    louder = Features(100 * given.values, LENGTHS)
    torch.testing.assert_close(
        encoder(louder).summary, encoder(given).summary, rtol=1e-3, atol=1e-3
    )
