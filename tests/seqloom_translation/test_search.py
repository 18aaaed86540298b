"""The search finds what trying all sequences finds."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch

from seqloom_translation.decoder import Decoder
from seqloom_translation.greedy import greedy_search
from seqloom_translation.search import Search, coverage, repeats, search
from seqloom_translation.units import BOS, EOS, FIRST, UNK

from .conftest import UNITS, decoder, encoded

LIMIT = 3


def _found(
    model: Decoder,
    lengths: list[int],
    settings: Search,
    prefixes: dict[int, list[int]] | None = None,
) -> list[list[tuple[list[int], float]]]:
    source = encoded(lengths)
    with torch.no_grad():
        memory = model.attention.remember(source.states, source.lengths)
        rows = search(
            model,
            source.summary,
            memory,
            limits=[LIMIT] * len(lengths),
            prefixes=[(prefixes or {}).get(row, []) for row in range(len(lengths))],
            settings=settings,
        )
    return [[(one.units, one.score(settings)) for one in row] for row in rows]


def _all(
    model: Decoder, lengths: list[int], row: int, settings: Search
) -> list[tuple[list[int], float]]:
    """Return every sequence with its score, the best first."""
    source = encoded(lengths)
    size = lengths[row]
    states = source.states[row : row + 1, :size]
    choices = range(FIRST, UNITS)
    found = []
    for length in range(LIMIT + 1):
        for units in itertools.product(choices, repeat=length):
            with torch.no_grad():
                memory = model.attention.remember(states, torch.tensor([size]))
                forced = torch.tensor([[*units, EOS]])
                out = model(forced, source.summary[row : row + 1], memory)
                logs = model.logits(out.hidden)[0].log_softmax(1)
                score = float(logs.gather(1, forced[0].unsqueeze(1)).double().sum())
            score /= (length + 1) ** settings.length_penalty
            if settings.coverage_penalty:
                score += settings.coverage_penalty * coverage(out.weights[0])
            found.append((list(units), score))
    return sorted(found, key=lambda one: -one[1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize(("feeding", "beta"), [(False, 0.0), (True, 0.0), (False, 0.3)])
def test_a_wide_beam_equals_trying_all_sequences(
    seed: int, alpha: float, feeding: bool, beta: float
) -> None:
    model = decoder(seed=seed, input_feeding=feeding)
    settings = Search(beam=60, best=4, length_penalty=alpha, coverage_penalty=beta)
    lengths = [3, 1, 2]
    for row, found in enumerate(_found(model, lengths, settings)):
        expected = _all(model, lengths, row, settings)[:4]
        assert [units for units, _ in found] == [units for units, _ in expected]
        for (_, score), (_, other) in zip(found, expected, strict=True):
            assert score == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("beam", [1, 3])
def test_an_example_does_not_depend_on_the_others(beam: int) -> None:
    model, settings = decoder(), Search(beam=beam)
    lengths = [4, 1, 3, 2]
    together = _found(model, lengths, settings)
    source = encoded(lengths)
    for row, length in enumerate(lengths):
        with torch.no_grad():
            states = source.states[row : row + 1, :length]
            memory = model.attention.remember(states, torch.tensor([length]))
            (alone,) = search(
                model,
                source.summary[row : row + 1],
                memory,
                limits=[LIMIT],
                prefixes=[[]],
                settings=settings,
            )
        assert alone[0].units == together[row][0][0]


def test_greedy_takes_the_most_probable_unit_of_each_step() -> None:
    model, source = decoder(seed=2), encoded([3, 2])
    memory = model.attention.remember(source.states, source.lengths)
    found = _found(model, [3, 2], Search())
    for row in range(2):
        state, last, units = model.initial_state(source.summary), torch.tensor([BOS, BOS]), []
        while len(units) < LIMIT:
            with torch.no_grad():
                logits, _, state = model.step(last, state, memory)
            best = max([EOS, *range(FIRST, UNITS)], key=lambda unit: float(logits[row, unit]))
            if best == EOS:
                break
            units.append(best)
            last = torch.tensor([best, best])
        assert found[row][0][0] == units


def test_a_prefix_is_kept_whatever_its_length() -> None:
    for beam in (1, 4):
        found = _found(decoder(), [3, 2, 1], Search(beam=beam), {0: [6, 6], 2: [4, 4, 4, 4, 5]})
        assert found[0][0][0][:2] == [6, 6]
        assert found[2][0][0] == [4, 4, 4, 4, 5]


@pytest.mark.parametrize("no_repeat", [0, 1, 2, 3])
def test_the_greedy_search_equals_a_beam_of_one(no_repeat: int) -> None:
    """Also where units are given, unknown ones too, and where texts reach their limits."""
    lengths, limits = [3, 2, 1, 4, 2, 2], [9, 0, 4, 30, 30, 3]
    prefixes = [[], [6, 6], [], [UNK, 5, 5, 5, 4], [], [4]]
    for seed in range(8):
        model = decoder(seed=seed)
        source = encoded(lengths)
        with torch.no_grad():
            memory = model.attention.remember(source.states, source.lengths)
        settings = Search(no_repeat=no_repeat)
        known: Any = {"limits": limits, "prefixes": prefixes}
        expected = search(model, source.summary, memory, settings=settings, **known)
        for logs in (True, False):
            found = greedy_search(
                model, source.summary, memory, no_repeat=no_repeat, logs=logs, **known
            )
            assert [one.units for one in found] == [one.units for (one,) in expected]
            for one, (other,) in zip(found, expected, strict=True):
                assert one.logs == (pytest.approx(other.logs, abs=1e-5) if logs else [])


def test_runs_of_units_do_not_repeat() -> None:
    model = decoder(seed=1)
    with torch.no_grad():
        model.bias[EOS] = -1e4  # it would never end
    source = encoded([3])
    memory = model.attention.remember(source.states, source.lengths)
    for size in (0, 2, 3):
        (row,) = search(
            model,
            source.summary,
            memory,
            limits=[40],
            prefixes=[[]],
            settings=Search(beam=2, no_repeat=size),
        )
        units = row[0].units
        runs = list(zip(*(units[start:] for start in range(size or 2)), strict=False))
        assert (len(set(runs)) == len(runs)) == bool(size)
    assert repeats([5, 6, 5, 6, 5], 2) == [6, 6]
    assert repeats([5], 2) == []


def test_coverage_is_low_where_steps_are_left_out() -> None:
    assert coverage(torch.tensor([[0.5, 0.5], [0.5, 0.5]])) == pytest.approx(0)
    assert coverage(torch.tensor([[1.0, 0.0], [0.5, 0.5]])) == pytest.approx(math.log(0.5))
