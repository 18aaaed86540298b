"""What every head promises of decoding and loss, by trying all targets of small examples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from seqloom.interfaces import Example, Head, HeadCodec, Prediction
from seqloom.testing.compare import NotApplicable, require
from seqloom.testing.heads import Candidates, HeadCase, targets

TINY = 3
"""Largest number of steps of an example whose targets are all tried."""

DRAWS = 6
"""Number of random weights, far enough apart that no wrong search is right by chance."""

TIE = 1e-4
"""Losses this close to one another, relative to the larger, count as equal."""

KINDS = ("label", "labels", "tags")


@dataclass(frozen=True)
class Tried:
    """All targets of one example that its codec accepts.

    Attributes:
        row: Position of the example.
        examples: Copies of it, one for each target.
        rejected: Number of other targets, which the codec rejects.
    """

    row: int
    examples: list[Example]
    rejected: int


def check_search(case: HeadCase) -> None:
    """The target that ``decode`` returns has the lowest loss, if all targets can be tried."""
    codec = case.codec()
    judged = 0
    for head, tried in trials(case, codec):
        losses = _losses(case, head, codec, tried)
        (prediction,) = case.decoded(head, [tried.row])
        place = place_of(case, prediction, tried)
        if place is None and tried.rejected:
            continue  # a target that the codec rejects has no loss to compare
        if place is None:
            reason = (
                f"no value of the prediction {prediction} is one of the {len(tried.examples)} "
                "targets that were tried"
            )
            require(_may_hide(case, prediction, tried), f"{reason}; expected one of them")
            raise NotApplicable(reason)
        judged += 1
        _require_least(losses, place, tried)
    if not judged:
        raise NotApplicable("decode() returns only targets that the codec rejects")


def check_likelihood(case: HeadCase) -> None:
    """If the loss is a negative log-likelihood, the probabilities of all targets sum to one."""
    codec = case.codec()
    if case.likelihood is False:
        raise NotApplicable("its loss is not a likelihood, according to the case")
    sums: dict[str, list[float]] = {}
    rejected = 0
    for head, tried in trials(case, codec):
        losses = _losses(case, head, codec, tried).double()
        rejected += tried.rejected
        for name, factor in _factors(case, tried).items():
            sums.setdefault(name, []).append(float((-losses * factor).exp().sum()))
    best = min(sums.values(), key=lambda totals: max(abs(total - 1) for total in totals))
    wrong = [total for total in best if abs(total - 1) > 1e-3]
    if not wrong:
        return
    reason = (
        f"over all targets of an example, exp(−loss) sums to {wrong[0]:.4g}, not to 1, "
        f"{len(wrong)} times out of {len(best)}"
    )
    claimed = case.likelihood is True or (len(wrong) < len(best) and not rejected)
    require(not claimed, reason)
    left_out = f" ({rejected} targets are rejected by the codec)" if rejected else ""
    raise NotApplicable(f"its loss is not a likelihood of these targets: {reason}{left_out}")


def trials(case: HeadCase, codec: HeadCodec) -> Iterator[tuple[Head, Tried]]:
    """Yield heads with weights drawn far from zero, and a small example for each.

    Raises:
        NotApplicable: The targets of no example are known.
    """
    offer = case.candidates or _by_kind(case)
    found = [
        _tried(case, codec, row, offer(case.examples[row]))
        for row in case.rows
        if case.frames[row] <= TINY
    ]
    found = [tried for tried in found if len(tried.examples) > 1]
    if not found:
        raise NotApplicable(f"no example of at most {TINY} steps has several targets")
    for draw, tried in itertools.product(range(DRAWS), found):
        yield drawn(case, codec, draw), tried


def drawn(case: HeadCase, codec: HeadCodec, draw: int) -> Head:
    """Return a new head in eval mode with weights drawn far from zero."""
    head = case.head(codec)
    generator = torch.Generator().manual_seed(draw)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    return head


def _tried(case: HeadCase, codec: HeadCodec, row: int, offered: Iterable[Example]) -> Tried:
    examples = list(offered)
    taken = [one for one in examples if case.takes(codec, row, one)]
    return Tried(row, taken, len(examples) - len(taken))


def _losses(case: HeadCase, head: Head, codec: HeadCodec, tried: Tried) -> Tensor:
    """Return the loss of each target of one example."""
    encoded = case.encoded([tried.row] * len(tried.examples))
    batch = targets(codec, tried.examples)
    with torch.no_grad():
        return head.loss(head(encoded, batch), batch)


def _by_kind(case: HeadCase) -> Candidates:
    """Return how to list the targets of a field of a standard kind.

    Raises:
        NotApplicable: The kind is another one.
    """
    named = case.params.get("field") or next(
        (name for name in KINDS if name in case.examples[0].fields), ""
    )
    kind = case.kind or named
    if kind not in KINDS:
        raise NotApplicable(
            f"the targets of a field of the kind {kind or '?'!r} cannot be listed; pass them as "
            "HeadCase(candidates=…)"
        )
    values = [example.fields[named] for example in case.examples]
    return lambda example: (
        replace(example, fields={**example.fields, named: value})
        for value in _possible(kind, values, example.fields[named])
    )


def _possible(kind: str, values: Sequence[Any], own: Any) -> Iterator[Any]:
    """Yield each value that could stand in place of ``own``, made of what all values have."""
    if kind == "label":
        yield from sorted(set(values))
        return
    seen = sorted({one for value in values for one in value})
    if kind == "tags":
        yield from map(list, itertools.product(seen, repeat=len(own)))
        return
    for size in range(len(seen) + 1):
        yield from map(list, itertools.combinations(seen, size))


def place_of(case: HeadCase, prediction: Prediction, tried: Tried) -> int | None:
    """Return the position of the target that a prediction names, or None.

    It is looked for under the name of the field or of its kind; under any key, if it has neither.
    """
    name = _varied(tried.examples)
    unordered = (case.kind or name) == "labels"
    known: dict[Any, int] = {}
    for place, example in enumerate(tried.examples):
        for form in _forms(example.fields[name], unordered):
            known.setdefault(form, place)
    own = _own_key(case, prediction, tried)
    values = prediction.values() if own is None else [prediction[own]]
    forms = [form for one in values for form in _forms(one, unordered)]
    return next((known[form] for form in forms if form in known), None)


def _own_key(case: HeadCase, prediction: Prediction, tried: Tried) -> str | None:
    names = (_varied(tried.examples), case.kind)
    return next((name for name in names if name in prediction), None)


def _may_hide(case: HeadCase, prediction: Prediction, tried: Tried) -> bool:
    """Return whether a target may be nested in a prediction, as tags are in a list of spans."""
    nested = any(
        isinstance(one, dict) or (isinstance(one, list) and not (one and _forms(one, False)))
        for one in prediction.values()
    )
    return nested and _own_key(case, prediction, tried) is None


def _varied(examples: Sequence[Example]) -> str:
    """Return the field in which examples differ: the one that is predicted."""
    first, other = examples[0].fields, examples[1].fields
    # By repr, since arrays do not compare to a single truth.
    return next(name for name, value in first.items() if repr(other[name]) != repr(value))


def _forms(value: Any, unordered: bool) -> list[Any]:
    """Return the forms of a value in a prediction: a list of letters may be a text."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        return []
    items = sorted(value) if unordered else value
    return [tuple(items), "".join(items), " ".join(items)]


def _require_least(losses: Tensor, place: int, tried: Tried) -> None:
    found, least = float(losses[place]), float(losses.min())
    fields = tried.examples[int(losses.argmin())].fields
    name = _varied(tried.examples)
    require(
        found <= least + TIE * max(1.0, abs(least)),
        f"decode() returns {tried.examples[place].fields[name]!r} with a loss of {found:.4g}, but "
        f"{fields[name]!r} has less, {least:.4g}, of {len(losses)} targets that were tried",
    )


def _factors(case: HeadCase, tried: Tried) -> dict[str, float]:
    """Return the numbers by which a loss may be divided and still be a likelihood."""
    # Of C labels there are 2^C sets.
    classes = math.log2(len(tried.examples) + tried.rejected)
    return {"nothing": 1.0, "tokens": float(case.frames[tried.row]), "classes": classes}
