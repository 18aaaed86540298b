"""Leave out, truncate or split the training examples that have more tokens than a run takes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqloom.data.rejected import Rejected
from seqloom.data.spool import Spool
from seqloom.errors import Cause, ConfigError, ExampleError, plural
from seqloom.interfaces import Example

log = logging.getLogger("seqloom")

TOKENS, OFFSETS = "tokens", "offsets"
PER_TOKEN = frozenset(("tokens", "tags"))
"""Kinds of fields that have an item for each token."""

CONTINUING = re.compile(r"[IELMielm]([-_:/.].*)?|.*[-_:/.][IELM]")
"""Tags inside an entity, or at its end: in IOB, BIOES, BILOU and BMEWO, in all their spellings."""


@dataclass(frozen=True)
class LengthLimit:
    """What to do with training examples of more tokens than a number.

    Attributes:
        most: Maximum number of tokens.
        how: ``error``, ``skip``, ``truncate`` or ``split``.
        kinds: Kind of each field that the reader provides.
    """

    most: int
    how: str
    kinds: Mapping[str, str]

    def apply(
        self, examples: Sequence[Example], rejected: Rejected
    ) -> tuple[Spool, dict[str, Any]]:
        """Return the examples that the limit leaves, and what it did, in plain types.

        Args:
            examples: Prepared examples of the train split.
            rejected: Collects those that are an error.

        Raises:
            ConfigError: Their length is not known, or they cannot be split.
        """
        whole = {name for name, kind in self.kinds.items() if kind not in PER_TOKEN}
        if self.how == "split" and whole:
            raise ConfigError(
                f"batch.on_long=split: the field {min(whole)!r} belongs to a whole example, not to "
                "its parts. Only tokens and tags can be split; set batch.on_long=truncate or skip.",
                cause=Cause.wrong_value,
            )
        facts = {"max_length": self.most, "on_long": self.how, "examples": 0, "tokens_left_out": 0}
        found = Spool(self._limited(examples, rejected, facts))
        if facts["examples"] and self.how != "error":
            log.info("The train split: %s", _told(facts, len(found) - len(examples)))
        return found, facts

    def _limited(
        self, examples: Iterable[Example], rejected: Rejected, facts: dict[str, Any]
    ) -> Iterator[Example]:
        for example in examples:
            tokens = example.fields.get(TOKENS)
            if not isinstance(tokens, list | tuple):
                raise ConfigError(
                    f"batch.max_length={self.most}: {example.origin or example.id} has no tokens "
                    "that could be counted. batch.max_cost limits the size of other examples.",
                    cause=Cause.wrong_value,
                )
            if len(tokens) <= self.most or not self._fits(example, len(tokens)):
                yield example
                continue
            facts["examples"] += 1
            if self.how == "error":
                problem = (
                    f"it has {len(tokens)} tokens, more than batch.max_length={self.most}; "
                    "batch.on_long says what to do with such examples"
                )
                rejected.errors.append(ExampleError(example, problem, cause=Cause.over_cost))
                continue
            kept = [] if self.how == "skip" else list(self._parts(example, len(tokens)))
            facts["tokens_left_out"] += len(tokens) - sum(len(p.fields[TOKENS]) for p in kept)
            yield from kept

    def _fits(self, example: Example, length: int) -> bool:
        """Return whether there is a tag for each token; if not, the head refuses the whole."""
        found = (example.fields.get(name) for name in self._per_token)
        return all(len(one) == length for one in found if isinstance(one, list | tuple))

    @property
    def _per_token(self) -> set[str]:
        return {TOKENS, *(name for name, kind in self.kinds.items() if kind in PER_TOKEN)}

    def _parts(self, example: Example, length: int) -> Iterator[Example]:
        """Yield the first part of an example, and the others too if it is split."""
        start = 0
        while start < length:
            end = self._end(example, start, length)
            yield self._part(example, slice(start, end))
            if self.how == "truncate":
                return
            start = end

    def _part(self, example: Example, span: slice) -> Example:
        names = self._per_token
        fields = {
            name: value[span] if name in names and isinstance(value, list | tuple) else value
            for name, value in example.fields.items()
        }
        meta = dict(example.meta)
        if OFFSETS in meta:
            meta[OFFSETS] = meta[OFFSETS][span]
        name = f"{example.id}[{span.start}:]" if span.start else example.id
        return replace(example, id=name, fields=fields, meta=meta)

    def _end(self, example: Example, start: int, length: int) -> int:
        """Return where a part ends: not inside an entity, unless that is as long as a part."""
        end = start + self.most
        if end >= length:
            return length
        found = [example.fields.get(name) for name, kind in self.kinds.items() if kind == "tags"]
        tags = [one for one in found if isinstance(one, list | tuple)]
        for place in range(end, start, -1):
            if not any(_continues(one, place) for one in tags):
                return place
        return end


def _continues(tags: Sequence[Any], place: int) -> bool:
    """Return whether the tag at a place continues an entity that began before it."""
    return CONTINUING.fullmatch(str(tags[place])) is not None and tags[place - 1] not in ("O", "o")


def _told(facts: Mapping[str, Any], more: int) -> str:
    left_out = facts["tokens_left_out"]
    what = {
        "skip": "left out",
        "truncate": f"truncated by {left_out:,} {plural(left_out, 'token')} in all",
        "split": f"split, which makes {more:,} more",
    }
    count, most = facts["examples"], facts["max_length"]
    return (
        f"{count:,} {plural(count, 'example has', 'examples have')} more than {most} tokens "
        f"(batch.max_length): {what[facts['on_long']]}."
    )
