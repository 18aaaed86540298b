"""What every head's codec promises, as checks."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np

from seqloom.errors import ExampleError, plural
from seqloom.interfaces import Example, View
from seqloom.testing.compare import (
    require,
    require_counts,
    require_raises,
    require_same_arrays,
    require_stable_hashes,
    require_unchanged,
    stored,
)
from seqloom.testing.heads import HeadCase
from seqloom.testing.samples import INPUTS, OPENING, inputs_with_markup, with_markup


def check_codec(case: HeadCase) -> None:
    """The codec's state is JSON, it can be pickled, and it encodes the same every time.

    What it is given of a target has the same names for all examples, also without a target.
    Fitting from what it counts in parts of the examples gives the same state.
    """
    codec = case.codec()
    require_counts(case.cls.make_codec(**case.params), case.examples)
    require_unchanged(codec, case.examples)
    require_stable_hashes(codec, case.examples)
    again = case.cls.make_codec(**case.params)
    again.restore(stored(codec.fit(case.examples)))
    for other in (codec, again, pickle.loads(pickle.dumps(codec))):
        for one in case.examples:
            require_same_arrays(other.encode(one), codec.encode(one), f"{one.id}: ")
            cost = codec.cost(other.encode(one))
            require(cost >= 0, f"cost() returns {cost}; expected at least 0")
    bare = Example("bad", {})
    known = set(codec.given(bare))
    for one in case.examples:
        found = set(codec.given(one))
        require(
            found == known,
            f"given() returns {sorted(found)}, and {sorted(known)} for an example without fields",
        )
    with require_raises(ExampleError, "an example without a target"):
        codec.encode(bare)


def check_augment(case: HeadCase) -> None:
    """Augmentation of targets depends on its generator alone, and does not change its argument."""
    codec = case.codec()
    for example in case.examples:
        item = codec.encode(example)
        before = {name: array.copy() for name, array in item.items()}
        first, second = (codec.augment(item, np.random.default_rng(3)) for _ in range(2))
        require(first.keys() == before.keys(), f"augment() returns the arrays {sorted(first)}")
        for name, array in before.items():
            same = np.array_equal(array, item[name])
            require(same, f"augment() changes its argument's {name!r}")
            repeated = np.array_equal(first[name], second[name])
            require(repeated, f"augment() is random beyond rng: {name!r}")


def check_output(case: HeadCase) -> None:
    """Rows have the named columns, and all text is escaped in HTML."""
    case = _with_markup(case)
    codec = case.codec()
    head = case.head(codec)
    for row, example in enumerate(case.examples):
        hostile = inputs_with_markup(example)
        prediction = codec.describe(hostile, case.decoded(head, [row])[0])
        lines = codec.columns(hostile, prediction)
        if codec.row_per_token:
            tokens = case.frames[row]
            rows = plural(len(lines), "row")
            require(len(lines) == tokens, f"{len(lines)} {rows} for {tokens} tokens")
        for cells in lines:
            names = codec.column_names
            require(
                len(cells) == len(names),
                f"a row of {len(cells)} {plural(len(cells), 'cell')} for {len(names)} "
                f"{plural(len(names), 'column')}",
            )
        html = codec.render(hostile, prediction, View("<p>what was read</p>"))
        before, found, _ = html.partition(OPENING)
        require(not found, f"render() does not escape texts: …{before[-40:]}{found}")


def _with_markup(case: HeadCase) -> HeadCase:
    """Return the case with markup in each field but the inputs, if its codec accepts that.

    So there is markup in the classes too, and in what is predicted: a label is ``left<script>…``.
    """
    for name in case.examples[0].fields:
        if name not in INPUTS:
            marked = replace(case, examples=[with_markup(one, name) for one in case.examples])
            case = marked if _is_taken(marked) else case
    return case


def _is_taken(case: HeadCase) -> bool:
    try:
        codec = case.codec()
    except ExampleError:
        return False
    return all(case.takes(codec, row, example) for row, example in enumerate(case.examples))
