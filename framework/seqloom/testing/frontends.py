"""What every frontend promises, as checks."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from seqloom.data.collate import EncodedExample
from seqloom.data.encode import Codecs
from seqloom.errors import ExampleError
from seqloom.interfaces import Arrays, Example, FrontendCodec
from seqloom.testing.compare import (
    ConformanceError,
    gradients,
    pickled,
    refused,
    require,
    require_equal,
    require_equal_gradients,
    require_finite_where_any,
    require_round_trip,
    stored,
    told,
)
from seqloom.testing.frontend_case import FrontendCase, batch_of, rows_of, signal, valid
from seqloom.testing.frontend_module import (
    check_bfloat16,
    check_determinism,
    check_device,
    check_ranks,
    check_state_dict,
)
from seqloom.testing.modules import require_gradients, require_padding_uncounted
from seqloom.testing.ranks import quiet_forks
from seqloom.testing.samples import LONG

__all__ = ["FRONTEND_CHECKS", "FrontendCase"]

LIMIT = 60.0
"""Seconds that a process of a data loader may take for an example."""


def check_sizes(case: FrontendCase) -> None:
    """Features have ``output_size`` columns and the lengths that ``frames`` foretold."""
    codec = case.codec()
    frontend, rows = case.frontend(codec), case.rows(codec)
    given = frontend(batch_of(codec, rows))
    size, columns = frontend.output_size, given.values.shape[-1]
    require(columns == size, f"features have {columns} columns, output_size is {size}")
    lengths, frames = given.lengths.tolist(), [row.frames for row in rows]
    require(lengths == frames, f"lengths are {lengths}, and frames() gave {frames}")
    where = given.lengths.device
    require(where.type == "cpu", f"lengths are on {where}; expected on the CPU")
    for name, found in (("frames", frames), ("cost", [row.cost for row in rows])):
        require(min(found) > 0, f"{name}() gives {found}; expected positive numbers")


def check_padding(case: FrontendCase) -> None:
    """An example alone gives what it gives in a padded batch: values and gradients."""
    codec = case.codec()
    frontend, rows = case.frontend(codec), case.rows(codec)
    batch = frontend(batch_of(codec, rows))
    signal(batch, range(len(rows))).backward()
    together = gradients(frontend)
    for number, row in enumerate(rows):
        one = frontend(batch_of(codec, [row]))
        length = int(one.lengths[0])
        require_equal(one.values[0], batch.values[number, :length], f"features of row {number}")
        signal(one, [number]).backward()
    require_equal_gradients(gradients(frontend), together, frontend, "alone against padded")


def check_training(case: FrontendCase) -> None:
    """In training mode further padding changes neither features nor what is learnt of them."""
    codec = case.codec()
    rows = case.rows(codec)
    longest = max(range(len(rows)), key=lambda place: rows[place].frames)
    others = [place for place in range(len(rows)) if place != longest]
    plain = batch_of(codec, [rows[place] for place in others])
    more = rows_of(batch_of(codec, rows), others)
    require_padding_uncounted(
        lambda: case.frontend(codec), lambda one, padded: valid(one(more if padded else plain))
    )


def check_order(case: FrontendCase) -> None:
    """The order of the batch does not matter."""
    codec = case.codec()
    frontend, rows = case.frontend(codec), case.rows(codec)
    batch = frontend(batch_of(codec, rows))
    other = frontend(batch_of(codec, rows[::-1]))
    for row in range(len(rows)):
        length = int(batch.lengths[row])
        place = len(rows) - 1 - row
        require_equal(
            other.values[place, :length],
            batch.values[row, :length],
            f"features of row {row}, moved",
        )


def check_codec(case: FrontendCase) -> None:
    """The codec's state is JSON, it pickles, and it encodes the same each time."""
    codec = case.codec()
    prepared = case.prepared(codec)
    again = case.cls.make_codec(**case.params)
    again.restore(stored(codec.fit(prepared)))
    for other in (codec, again, pickle.loads(pickle.dumps(codec))):
        for example in prepared:
            _require_same_item(other.encode(example), codec.encode(example))
    for example in prepared:
        fields = codec.prepare(example).fields
        same = set(fields) == set(example.fields) and all(
            fields[name] is value or np.array_equal(fields[name], value)
            for name, value in example.fields.items()
        )
        require(same, "prepare() is not idempotent")


def check_lengths(case: FrontendCase) -> None:
    """The shortest and a very long example give finite features, and finite gradients.

    A very long one is made by repeating what can be repeated: texts and lists.
    """
    codec = case.codec()
    frontend = case.frontend(codec)
    rows = sorted(case.rows(codec), key=lambda row: row.frames)
    for row in (rows[0], _repeated(codec, rows[-1])):
        given = frontend(batch_of(codec, [row]))
        finite = bool(torch.isfinite(valid(given)).all())
        require(finite, f"an example of {row.frames} steps has features that are not finite")
        signal(given, [0]).backward()
        require_finite_where_any(frontend, f"of {row.frames} steps")


def _repeated(codec: FrontendCodec, row: EncodedExample) -> EncodedExample:
    """Return a row that is many times as long, or the same if its fields cannot be repeated."""
    times = -(-LONG // row.frames)
    fields = {
        name: value * times if isinstance(value, str | list) else value
        for name, value in row.example.fields.items()
    }
    try:
        return Codecs(codec, {}).inputs(codec.prepare(Example("long", fields)))
    except ExampleError:  # a text may be a file's name
        return row


def check_workers(case: FrontendCase) -> None:
    """In a process of a data loader a codec that was sent there encodes the same.

    What a codec keeps outside itself, in its module or class, is found in a forked process all the
    same: that it would be lacking elsewhere is not seen here.
    """
    codec = case.codec()
    prepared = case.prepared(codec)
    sent = Sent(pickled(codec, "the codec"), prepared)
    loader = DataLoader(sent, batch_size=None, num_workers=1, timeout=LIMIT)
    with quiet_forks():
        try:
            items = list(loader)
        except RuntimeError as fault:  # it says nothing else of a worker that hangs or died
            raise ConformanceError(
                f"a process of a data loader died, or encoded no example within {LIMIT:g} s: "
                f"{fault}; does encode() wait for something that is not there?"
            ) from fault
    for example, found in zip(prepared, items, strict=True):
        if isinstance(found, str):
            raise ConformanceError(f"in a process of a data loader, encode() {found}")
        _require_same_item(found, codec.encode(example), "in a process of a data loader, ")


class Sent(Dataset[Arrays | str]):
    """What a worker of a data loader makes of examples by a codec that came in bytes."""

    def __init__(self, codec: bytes, examples: Sequence[Example]) -> None:
        self.codec = codec
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> Arrays | str:
        """Return the item, or what went wrong."""
        try:
            codec: FrontendCodec = pickle.loads(self.codec)
            return codec.encode(self.examples[place])
        except Exception as fault:
            return told(fault)


def _require_same_item(found: Arrays, expected: Arrays, where: str = "") -> None:
    require(set(found) == set(expected), f"{where}encode() gives other arrays")
    for name, array in expected.items():
        require(np.array_equal(array, found[name]), f"{where}encode() gives another {name!r}")


def check_augment(case: FrontendCase) -> None:
    """Augmentation depends on its generator alone, and leaves the item as it is."""
    codec = case.codec()
    for row in case.rows(codec):
        before = {name: array.copy() for name, array in row.item.items()}
        one = codec.augment(row.item, np.random.default_rng(3))
        two = codec.augment(row.item, np.random.default_rng(3))
        for name, array in before.items():
            require(np.array_equal(array, row.item[name]), f"augment() changes the item's {name!r}")
            require(
                np.array_equal(one[name], two[name]), f"augment() is random beyond rng: {name!r}"
            )
        require(codec.frames(one) > 0, "augment() leaves an item without frames")


def check_bad(case: FrontendCase) -> None:
    """An example without any field is refused as an `ExampleError`."""
    codec = case.codec()
    with refused(ExampleError, "an example without fields"):
        codec.encode(codec.prepare(Example("bad", {})))


def check_gradients(case: FrontendCase) -> None:
    """Every parameter gets a finite gradient, in training mode, that is not always zero."""
    codec = case.codec()
    frontend, batch = case.frontend(codec).train(), batch_of(codec, case.rows(codec))
    require_gradients(frontend, lambda one: signal(one(batch), range(len(batch))))


def check_round_trip(case: FrontendCase) -> None:
    """The weights survive a safetensors file."""
    codec = case.codec()
    frontend, batch = case.frontend(codec), batch_of(codec, case.rows(codec))
    torch.manual_seed(2)
    fresh = case.make(codec)
    require_round_trip(frontend, fresh, lambda one: signal(one(batch), range(len(batch))))


FRONTEND_CHECKS: tuple[Callable[[FrontendCase], None], ...] = (
    check_sizes,
    check_padding,
    check_training,
    check_order,
    check_lengths,
    check_codec,
    check_workers,
    check_augment,
    check_bad,
    check_gradients,
    check_round_trip,
    check_state_dict,
    check_determinism,
    check_device,
    check_bfloat16,
    check_ranks,
)
