"""Hashes of what examples contain: whether data changed, and whether splits overlap.

Ids, the order of the examples and the names of their files have no influence on the digest of a
split, ``facts()["digest"]``.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqloom.data.archive import member_names, read_member
from seqloom.data.collate import EncodedExample
from seqloom.data.npy import read_npy
from seqloom.files import atomic_file
from seqloom.interfaces import Example, FrontendCodec

Hashes = NDArray[np.uint64]

CONTENT = "content"
"""Key of ``Example.meta`` by which a reader identifies what it made of a file, in plain types."""

FILES = "files"
"""Mark of digests for which files count by their bytes. Those of earlier versions have none."""

LARGEST = 1 << 30
"""Maximum size of an array of hashes in bytes: of 100 million examples."""


@dataclass(frozen=True)
class ContentFields:
    """Names of the fields whose values make up the content of an example.

    Attributes:
        read: Fields that the reader provides, targets included; empty: all of them.
        inputs: For each input of the frontend, the fields that may hold it, the preferred first;
            empty: all fields are inputs.
    """

    read: Sequence[str] = ()
    inputs: Sequence[Sequence[str]] = ()

    def whole(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was read of an example."""
        named = self.read or [name for name in fields if name != "id"]
        return {name: fields[name] for name in sorted(named) if name in fields}

    def input(self, fields: Mapping[str, Any]) -> list[Any] | None:
        """Return what the frontend reads of an example; None if that is not known."""
        found = [
            next((fields[name] for name in names if name in fields), None) for names in self.inputs
        ]
        return None if not found or any(one is None for one in found) else found


@dataclass(frozen=True)
class Contents:
    """Hashes of the N examples of a split.

    Attributes:
        whole: Hashes of all that was read, (N,) uint64.
        inputs: Hashes of the inputs alone, (N,) uint64: equal texts with unlike labels are equal.
        files: Whether files that are loaded late, such as images, count by their bytes, not by what
            a library decoded them to.
    """

    whole: Hashes
    inputs: Hashes
    files: bool = False

    def __len__(self) -> int:
        return len(self.whole)

    def facts(self) -> dict[str, Any]:
        """Return the number of examples and a digest of them in any order, in plain types."""
        digest = hashlib.blake2b(np.sort(self.whole).tobytes(), digest_size=16).hexdigest()
        return {"examples": len(self), "digest": digest, **({"of": FILES} if self.files else {})}

    def among(self, others: Contents) -> int:
        """Return the number of these examples whose inputs are among those of other examples."""
        own, counts = np.unique(self.inputs, return_counts=True)
        if not len(own):
            return 0
        # Not np.isin, which sorts both: the training examples may be many more than these.
        places = np.searchsorted(own, others.inputs).clip(max=len(own) - 1)
        found = np.zeros(len(own), np.bool_)
        found[places[own[places] == others.inputs]] = True
        return int(counts[found].sum())

    def missing(self, others: Contents) -> int:
        """Return the number of other examples that are not among these, counted as often."""
        return (Counter(others.whole.tolist()) - Counter(self.whole.tolist())).total()


class ContentHashes:
    """Collects the hashes of encoded examples, one after the other.

    What is not of plain types counts by the arrays that the frontend's codec made of it. A value
    with a method ``digest``, such as a file that is loaded late, counts by that, and what a reader
    cut out of a file by ``meta["content"]``: two versions of a library may decode a file otherwise.

    Args:
        codec: Codec of the frontend, which may have a notion of its own of equal inputs.
        fields: Names of the fields.
    """

    def __init__(self, codec: FrontendCodec, fields: ContentFields) -> None:
        self._codec, self._fields = codec, fields
        self._whole, self._inputs, self._values = (array("Q") for _ in range(3))
        self._files = False

    def add(self, encoded: EncodedExample, kept: Example) -> None:
        """Add an example.

        Args:
            encoded: Encoded example whose fields are all there.
            kept: The example without large values.
        """
        values = encoded.example.fields
        every = self._fields.whole(values)
        texts = {name: _text(one) for name, one in every.items()}
        if kept is encoded.example and None not in texts.values():
            self._add_texts(encoded, every, texts)
            return
        source = _source(every, encoded.example)
        self._files |= source is not None
        content = _plain_or_encoded(every, encoded) if source is None else source
        whole = _hash(content)
        self._whole.append(whole)
        own = self._codec.content(encoded.example, encoded.inputs)
        if own is None:
            read = self._fields.input(values)
            own = _plain_or_encoded(every if read is None else read, encoded)
        self._inputs.append(_hash(own))
        same = kept is encoded.example and content is every
        complete = same and len(every) == len(self._fields.read or values)
        self._values.append(whole if complete else _value_hash(kept, self._fields))

    def _add_texts(
        self, encoded: EncodedExample, every: Mapping[str, Any], texts: Mapping[str, Any]
    ) -> None:
        """Add an example, as above, each value of which was made a text for all its hashes."""
        values = encoded.example.fields
        parts = [part for name, text in texts.items() for part in (repr(name).encode(), text)]
        whole = inputs = _digest(b"".join(parts))
        own = self._codec.content(encoded.example, encoded.inputs)
        read = self._fields.input(values) if own is None else None
        if own is not None:
            inputs = _hash(own)
        elif read is not None:
            known = {id(every[name]): text for name, text in texts.items()}
            parts = [known.get(id(one)) for one in read if type(one) is not tuple]
            complete = len(parts) == len(read) and None not in parts
            inputs = (
                _digest(b"[%b]" % b", ".join(parts))
                if complete
                else _hash(_plain_or_encoded(read, encoded))
            )
        self._whole.append(whole)
        self._inputs.append(inputs)
        complete = len(every) == len(self._fields.read or values)
        self._values.append(whole if complete else _value_hash(encoded.example, self._fields))

    def plain(self) -> tuple[bytes, bytes, bytes, bool]:
        """Return what was added, for `extend`."""
        whole, inputs, values = self._whole, self._inputs, self._values
        return whole.tobytes(), inputs.tobytes(), values.tobytes(), self._files

    def extend(self, others: tuple[bytes, bytes, bytes, bool]) -> None:
        """Add examples whose hashes are known."""
        for own, other in zip((self._whole, self._inputs, self._values), others[:3], strict=True):
            own.frombytes(other)
        self._files |= others[3]

    def contents(self) -> Contents:
        """Return the hashes of the examples that were added."""
        return Contents(
            np.array(self._whole, np.uint64), np.array(self._inputs, np.uint64), self._files
        )

    def values_digest(self) -> str:
        """Return a digest of the examples in any order that is the same for any frontend.

        Values that are not of plain types, such as images, count by the ids of the examples.
        """
        every = np.sort(np.array(self._values, np.uint64))
        return hashlib.blake2b(every.tobytes(), digest_size=16).hexdigest()


def contents(
    examples: Iterable[EncodedExample], codec: FrontendCodec, fields: ContentFields
) -> Contents:
    """Return the hashes of encoded examples whose fields are all there; see `ContentHashes`."""
    found = ContentHashes(codec, fields)
    for encoded in examples:
        found.add(encoded, encoded.example)
    return found.contents()


def _value_hash(example: Example, fields: ContentFields) -> int:
    values = fields.whole(example.fields)
    plain = {name: one for name, one in values.items() if _is_plain(one)}
    complete = len(plain) == len(fields.read or values)
    return _hash(plain if complete else [plain, example.id])


def _source(values: Mapping[str, Any], example: Example) -> Any:
    """Return values with those that are not plain by their files; None if these are not known."""
    other = [name for name, one in values.items() if not _is_plain(one)]
    digests = [digest() for name in other if (digest := getattr(values[name], "digest", None))]
    if len(digests) < len(other):
        digests = [example.meta[CONTENT]] if CONTENT in example.meta else []
    if not other or not digests:
        return None
    return [{name: one for name, one in values.items() if name not in other}, digests]


def values_digest(examples: Iterable[Example], fields: ContentFields) -> str:
    """Return a digest of examples; see `ContentHashes.values_digest`."""
    every = np.sort(np.array([_value_hash(one, fields) for one in examples], np.uint64))
    return hashlib.blake2b(every.tobytes(), digest_size=16).hexdigest()


def _plain_or_encoded(value: Any, encoded: EncodedExample) -> Any:
    """Return a dict or list of values, with the encoded arrays for those that are not plain."""
    if isinstance(value, dict):
        plain: Any = {name: one for name, one in value.items() if _is_plain(one)}
    else:
        plain = [one for one in value if _is_plain(one)]
    return value if len(plain) == len(value) else [plain, encoded.inputs]


_PLAIN = frozenset((str, int, float, bool, type(None)))


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):  # a union of types takes twice the time
        return _PLAIN.issuperset(map(type, value)) or all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return type(value) in _PLAIN or isinstance(value, (str, int, float))


def _hash(value: Any) -> int:
    found = hashlib.blake2b(digest_size=8)
    _feed(found, value)
    return int.from_bytes(found.digest())


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())


def _text(value: Any) -> bytes | None:
    """Return what is hashed of a single value, or of a list of some; None: of any other kind."""
    kind = type(value)
    if kind is list or kind is tuple:
        if not _PLAIN.issuperset(map(type, value)):
            return None
        text = repr(list(value) if kind is tuple else value)
    elif kind in _PLAIN:
        text = repr(value)
    else:
        return None
    return text.encode("utf-8", "surrogatepass")


def _feed(found: Any, value: Any) -> None:
    if isinstance(value, dict):
        for name in sorted(value):
            found.update(repr(name).encode("utf-8", "surrogatepass"))
            _feed(found, value[name])
    elif isinstance(value, np.ndarray):
        found.update(f"{value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).data)
    elif isinstance(value, list | tuple) and not _is_plain(value):
        for one in value:
            _feed(found, one)
    else:
        text = repr(list(value) if isinstance(value, tuple) else value)
        found.update(text.encode("utf-8", "surrogatepass"))


def save_contents(path: Path, splits: Mapping[str, Contents]) -> None:
    """Write the hashes of several splits into a file."""
    arrays = {
        f"{split}.{name}": getattr(one, name)
        for split, one in splits.items()
        for name in ("whole", "inputs", "files")
    }
    with atomic_file(path) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)


def load_contents(path: Path) -> dict[str, Contents]:
    """Return the hashes by split that `save_contents` wrote; empty if they cannot be read."""
    try:
        arrays = {
            name.removesuffix(".npy"): read_npy(read_member(str(path), name, LARGEST))
            for name in member_names(str(path))
        }
        names = {name.partition(".")[0] for name in arrays}
        found = {
            n: Contents(
                arrays[f"{n}.whole"], arrays[f"{n}.inputs"], bool(arrays.get(f"{n}.files", False))
            )
            for n in names
        }
    except (ValueError, LookupError):
        return {}
    hashes = [array for one in found.values() for array in (one.whole, one.inputs)]
    valid = all(array.dtype == np.uint64 and array.ndim == 1 for array in hashes)
    return found if valid else {}
