"""Keep the encoded examples of a split as they come: few in memory, many in files."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from seqloom.data.collate import EncodedExample
from seqloom.data.content import ContentFields, ContentHashes, Contents
from seqloom.data.encode import Codecs, encode_one
from seqloom.data.encoded import EncodedSplit, Read, light
from seqloom.data.flat import flat
from seqloom.data.forked import KilledError, in_order, processes
from seqloom.data.progress import progress
from seqloom.data.scratch import Scratch
from seqloom.data.split_writer import SplitWriter, write_split
from seqloom.data.spool import IN_MEMORY, Spool
from seqloom.data.stored import StoredExamples
from seqloom.errors import ExampleError, RunError
from seqloom.interfaces import Example
from seqloom.quiet import withheld

log = logging.getLogger("seqloom")

FIRST = 64
"""Number of examples that are encoded before processes start, and fewest in a part."""

PART = 8192
"""Maximum number of examples in a part, which a process encodes before it takes the next part."""

PART_BYTES = 1 << 26
"""Bytes of arrays in a part, about, if the first examples are like the others."""


@dataclass(frozen=True)
class _Part:
    """What a process made of some examples, beside the files of their arrays.

    Attributes:
        rejected: Places of the examples that cannot be encoded.
        hashes: Hashes of the others; see `ContentHashes.plain`.
    """

    rejected: list[int]
    hashes: tuple[bytes, bytes, bytes, bool]


class SplitEncoding:
    """Encodes the examples of a split, and keeps what is known of them.

    Nothing is encoded, and no attribute is set, before `encode` is called.

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
        values_digest: Digest of the examples that is the same for any frontend.
    """

    def __init__(
        self,
        codecs: Codecs,
        examples: Sequence[Example],
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
        self.values_digest: str

    def encode(self, parent: Path | None, read_again: Read) -> EncodedSplit:
        """Encode the examples; many are stored in a folder that is removed with them.

        Args:
            parent: Folder for it; None: the one for temporary files.
            read_again: Reads the split again.

        Raises:
            KilledError: A process that encodes them was ended from outside.
        """
        many = len(self._examples) > IN_MEMORY
        return EncodedSplit(self._stored(parent) if many else [*self._encoded()], read_again)

    def _stored(self, parent: Path | None) -> Sequence[EncodedExample]:
        """Return the encoded examples that are written into a folder, or all in memory."""
        try:
            scratch = Scratch(parent)
            self._write(scratch.path / "split", processes(len(self._examples)))
            return StoredExamples(scratch.path / "split", keeper=scratch)
        except KilledError:
            raise
        except (OSError, RunError) as error:
            log.warning(
                "Encoded data is kept in memory, since files cannot hold it: %s", str(error)
            )
            return [*self._encoded()]

    def _encoded(self) -> Iterator[EncodedExample]:
        """Yield the encoded examples without large values."""
        hashes = self._start()
        for example in progress(self._examples, "Encoding"):
            yield from self._one(example, hashes)
        self._end(hashes)

    def _start(self) -> ContentHashes:
        self.rejected, self.unknown = [], []
        return self._hashes()

    def _hashes(self) -> ContentHashes:
        return ContentHashes(self._codecs.frontend, self._fields)

    def _end(self, hashes: ContentHashes) -> None:
        self.contents, self.values_digest = hashes.contents(), hashes.values_digest()

    def _one(self, example: Example, hashes: ContentHashes) -> Iterator[EncodedExample]:
        """Yield an encoded example without large values, if it can be used."""
        unknown = self.unknown if self._evaluated else None  # None: such examples are rejected
        encoded = encode_one(self._codecs, example, self.rejected, self._max_cost, unknown)
        if encoded is not None:
            kept = light(encoded)
            hashes.add(encoded, kept.example)
            yield kept

    def _write(self, folder: Path, count: int) -> None:
        """Write the files, by this process alone if there is no room for those of several."""
        if count > 1:
            with suppress(OSError):
                self._write_by_processes(folder, count)
                return
        write_split(folder, self._encoded())

    def _write_by_processes(self, folder: Path, count: int) -> None:
        """Write the files that one process would write."""
        hashes, writer = self._start(), SplitWriter(folder)
        try:
            every = self._written(folder.parent, count, hashes, writer)
            for _ in progress(every, "Encoding", total=len(self._examples)):
                pass
            writer.close()
        except BaseException:
            writer.abandon()
            raise
        self._end(hashes)

    def _written(
        self, folder: Path, count: int, hashes: ContentHashes, writer: SplitWriter
    ) -> Iterator[int]:
        """Yield the place of each example after what came of it was written."""
        if isinstance(self._examples, Spool):
            self._examples.flush()  # once, and not in each process
        every, size = range(len(self._examples)), 0
        for place in every[:FIRST]:
            for encoded in self._one(self._examples[place], hashes):
                writer.append(encoded)
                size += sum(one.nbytes for one in flat(encoded).values())
            yield place
        length = max(FIRST, min(PART, PART_BYTES * FIRST // max(size, 1)))
        spans = [every[start : start + length] for start in every[FIRST::length]]
        with closing(self._by_processes(folder, spans, count)) as found:
            for span, part in found:
                own = folder / f"part-{span.start}"
                if not part or not self._join(own, part, hashes, writer):
                    for place in span:
                        for encoded in self._one(self._examples[place], hashes):
                            writer.append(encoded)
                shutil.rmtree(own, ignore_errors=True)
                yield from span

    def _by_processes(
        self, folder: Path, spans: list[range], count: int
    ) -> Generator[tuple[range, _Part | None], None, None]:
        """Yield parts whose files are in folders, of which none is left at the end."""

        def work(span: range) -> _Part | None:
            return self._part(span, folder / f"part-{span.start}")

        try:
            with closing(in_order(work, spans, count)) as found:
                yield from found
        finally:
            for one in folder.glob("part-*"):
                shutil.rmtree(one, ignore_errors=True)

    def _join(self, folder: Path, part: _Part, hashes: ContentHashes, writer: SplitWriter) -> bool:
        """Add what a process made of some examples; return whether it can be used."""
        before = len(self.rejected)
        for place in part.rejected:  # for the errors
            for _ in self._one(self._examples[place], self._hashes()):
                break  # it can be encoded here
        if len(self.rejected) == before + len(part.rejected) and writer.extend(folder):
            hashes.extend(part.hashes)
            return True
        del self.rejected[before:]
        return False

    def _part(self, span: range, folder: Path) -> _Part | None:
        """Encode some examples, and write them into a folder.

        Returns:
            None if there are messages, or targets that cannot be predicted, which a codec may
            number in the order in which it meets them: the main process encodes these examples.
        """
        hashes, writer, places = self._start(), SplitWriter(folder, part=True), list[int]()
        with withheld() as said:
            for place in span:
                before = len(self.rejected)
                for encoded in self._one(self._examples[place], hashes):
                    writer.append(encoded)
                places += [place] * (len(self.rejected) - before)
            writer.close()
        return None if said or self.unknown else _Part(places, hashes.plain())
