"""Keep the encoded examples of a split as they come: few in memory, many in files."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

from seqloom.data.collate import EncodedExample
from seqloom.data.content import ContentFields, ContentHashes, Contents
from seqloom.data.encode import Codecs, encoded
from seqloom.data.encoded import EncodedSplit, Read, light
from seqloom.data.rejected import Rejected
from seqloom.data.scratch import Scratch
from seqloom.data.spool import IN_MEMORY
from seqloom.data.stored import StoredExamples, write_split
from seqloom.errors import ExampleError, RunError
from seqloom.interfaces import Example

log = logging.getLogger("seqloom")


class Gathered:
    """The encoded examples of a split, with what is known of them.

    Args:
        codecs: Codecs with their states.
        examples: Prepared examples.
        max_cost: Largest cost of an example.
        fields: Names of the fields that make up the content of an example.
        evaluated: Whether examples with targets that cannot be predicted are kept.

    Attributes:
        rejected: Why examples cannot be used.
        unknown: Why targets cannot be predicted.
        contents: Hashes of the examples.
        values: Digest of the examples that is the same for any frontend.
    """

    def __init__(
        self,
        codecs: Codecs,
        examples: Iterable[Example],
        max_cost: int | None,
        fields: ContentFields,
        *,
        evaluated: bool,
    ) -> None:
        self._codecs, self._examples, self._max_cost = codecs, examples, max_cost
        self._fields, self._evaluated = fields, evaluated
        self.rejected: list[ExampleError] = []
        self.unknown: list[ExampleError] = []
        self.contents: Contents
        self.values: str

    def rows(self, parent: Path | None, read: Read) -> EncodedSplit:
        """Return the encoded examples; many are stored in a folder that is removed with them.

        Args:
            parent: Folder for it; None: the one for temporary files.
            read: How to read the split again.
        """
        rows = iter(self._encoded())
        few = list(islice(rows, IN_MEMORY + 1))
        if len(few) <= IN_MEMORY:
            return EncodedSplit(few, read)
        try:
            scratch = Scratch(parent)
            write_split(scratch.path / "split", chain(few, rows))
            found = StoredExamples(scratch.path / "split", keeper=scratch)
        except (OSError, RunError) as error:
            log.warning(
                "Encoded data is kept in memory, since files cannot hold it: %s", str(error)
            )
            return EncodedSplit([*self._encoded()], read)
        return EncodedSplit(found, read)

    def _encoded(self) -> Iterable[EncodedExample]:
        """Yield the encoded examples without large values."""
        rejected, unknown = Rejected(skip=True), list[ExampleError]()
        hashes = ContentHashes(self._codecs.frontend, self._fields)
        known = unknown if self._evaluated else None
        for row in encoded(self._codecs, self._examples, rejected, self._max_cost, known):
            kept = light(row)
            hashes.add(row, kept.example)
            yield kept
        self.rejected, self.unknown = rejected.errors, unknown
        self.contents, self.values = hashes.contents(), hashes.values_digest()
