"""The codec of the head: numbers tags of any scheme as IOB2, and shows predicted entities."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqloom.checks import warn_of_similar_names
from seqloom.errors import Cause, DataError, ExampleError, ExamplesError, did_you_mean, plural
from seqloom.interfaces import Arrays, Example, HeadCodec, Prediction, View
from seqloom_ner import Scheme, schemes
from seqloom_ner.markup import rendered
from seqloom_ner.plain import (
    TagError,
    are_plain,
    other_form,
    refuse_prefixes,
    refuse_swapped,
    with_letters,
)
from seqloom_ner.spans import Span, entities, tag_names, with_text

logger = logging.getLogger("seqloom")


class NerCodec(HeadCodec):
    """Numbers the tags of the training examples: O, then B- and I- of each type, sorted.

    The encoded array is ``tags``, int64 (T,).

    Attributes:
        field: Field that holds the tags.
        scheme: Tag scheme of the data; ``auto`` until ``restore`` if it is detected.
        tags: Names of the numbers; known after ``restore``.
        unseen: Types of evaluated examples that no training example has.
    """

    column_names = ("token", "tag", "confidence")
    row_per_token = True

    def __init__(self, field: str = "tags", scheme: Scheme | str = Scheme.auto) -> None:
        self.field = field
        self.wanted = Scheme(scheme)
        self.scheme = self.wanted
        self.tags: list[str] = []
        self.unseen: list[str] = []
        self._numbers: dict[str, int] = {}
        self._known: frozenset[str] = frozenset()
        self._of_pairs: dict[tuple[str, str], int] = {}
        self._trained: Scheme | None = None

    def fit(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Return scheme and tags of the training examples.

        Raises:
            ExampleError: An example lacks the field, or has a tag that the scheme forbids.
            ExamplesError: Some examples have tags that are unlike most of the others.
        """
        return self.fit_counted(self.count(examples), examples)

    def count(self, examples: Iterable[Example]) -> schemes.Pairs:
        """Return the pairs of neighbouring tags; see `Codec.count`."""
        pairs = schemes.Pairs()
        for example in examples:
            pairs.add(self._tags(example))
        return pairs

    def fit_counted(self, pairs: schemes.Pairs, examples: Sequence[Example]) -> dict[str, Any]:
        """Return what ``fit`` returns; see `Codec.fit_counted`."""
        plain = self._are_plain(pairs.tags, examples)
        scheme = self.wanted
        if plain:
            scheme = Scheme.io
        elif scheme == Scheme.auto:
            scheme = pairs.detect()
        if not plain and pairs.broken(scheme):
            for example in examples:
                self._check_scheme(example, self._parsed(example), scheme)
        if not plain:
            self._tell_spellings(pairs.respelled())
        sentences = pairs.sentences(plain)
        types = sorted(sentences)
        warn_of_similar_names("head=ner: the types", {one: sentences[one] for one in types})
        self._log(scheme, types)
        return {"scheme": scheme.value, "tags": tag_names(types)}

    def _are_plain(self, counts: Mapping[str, int], examples: Sequence[Example]) -> bool:
        """Return whether the tags of the training examples are plain types.

        Raises:
            ExampleError: A tag is not one of the scheme that is set.
            ExamplesError: Some examples have tags that are unlike most of the others.
            DataError: It cannot be told what the tags are.
        """
        try:
            if self.wanted == Scheme.auto:
                plain = are_plain(counts)
                if plain:
                    _refuse_swapped(examples)
                return plain
            if self.wanted == Scheme.io:
                refuse_prefixes(counts)
                return True
            for tag in counts:
                schemes.parse(tag)
        except TagError as error:
            if error.strays:
                raise ExamplesError(self._having(error.strays, examples)) from None
            wrong = self._found(error.tag, error.problem, examples)
            raise DataError(str(wrong), cause=Cause.bad_tags) from None
        except schemes.SchemeError as error:
            raise self._found(tag, error.problem, examples) from None
        return False

    def _found(self, tag: str, problem: str, examples: Sequence[Example]) -> ExampleError:
        """Return the error of the first token with a tag."""
        return next(self._having({tag: problem}, examples))

    def _having(
        self, problems: Mapping[str, str], examples: Iterable[Example]
    ) -> Iterator[ExampleError]:
        """Yield the error of the first token with one of the tags, for each example with one."""
        for example in examples:
            for position, tag in enumerate(self._tags(example)):
                if tag in problems:
                    yield _wrong(example, position, problems[tag])
                    break

    @property
    def _plain(self) -> bool:
        """Whether tags are plain types; known after ``restore``."""
        return self.scheme == Scheme.io

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state that ``fit`` returned; a scheme that is set is that of the data now."""
        self._trained = Scheme(state["scheme"])
        self.scheme = self._trained if self.wanted == Scheme.auto else self.wanted
        self.tags = list(state["tags"])
        self._numbers = {tag: number for number, tag in enumerate(self.tags)}
        self._known = frozenset(tag[2:] for tag in self.tags)
        self._of_pairs = {}

    def encode(self, example: Example) -> Arrays:
        """Return the numbers of the example's tags.

        Raises:
            ExampleError: The field is missing, a tag is invalid, or its type was not in training.
        """
        usual = self._usual(example.fields.get(self.field))
        if usual is not None:
            return {"tags": np.array(usual, dtype=np.int64)}
        tags = self.canonical(example)
        unseen = next((at for at, tag in enumerate(tags) if tag not in self._numbers), None)
        if unseen is not None:
            kind = tags[unseen][2:]
            known = did_you_mean(kind, {tag[2:] for tag in self.tags[1:]})
            problem = f"has a tag of the type {kind!r}, which no training example has. {known}"
            raise _wrong(example, unseen, problem, Cause.unseen_class)
        numbers = [self._numbers[tag] for tag in tags]
        self._of_pairs.update(zip(schemes.pairs_of(self._tags(example)), numbers, strict=True))
        return {"tags": np.array(numbers, dtype=np.int64)}

    def _usual(self, tags: Any) -> list[int] | None:
        """Return the numbers of tags whose pairs were all met before; None otherwise.

        A tag's number depends on itself and the one before it, and whether it is allowed does too.
        """
        if not isinstance(tags, list) or self.scheme == Scheme.bioes:
            return None  # in BIOES the last tag counts too
        try:
            return [self._of_pairs[pair] for pair in schemes.pairs_of(tags)]
        except (KeyError, TypeError):
            return None

    def encode_truth(self, example: Example) -> Arrays:
        """Return the numbers of the example's tags; those of unseen types follow the others.

        Raises:
            ExampleError: The field is missing, or a tag is invalid.
        """
        tags = self.canonical(example)
        known = {*self.tags[1::2], *(f"B-{kind}" for kind in self.unseen)}
        self.unseen += [
            tag[2:] for tag in dict.fromkeys(tags) if tag[0] == "B" and tag not in known
        ]
        numbers = {tag: number for number, tag in enumerate(self.tags_of_truth)}
        return {"tags": np.array([numbers[tag] for tag in tags], dtype=np.int64)}

    @property
    def tags_of_truth(self) -> list[str]:
        """The names of the numbers in evaluated examples: the tags, then those of unseen types."""
        return [*self.tags, *tag_names(self.unseen)[1:]]

    def baselines(
        self, train: Sequence[Example], examples: Sequence[Example]
    ) -> dict[str, list[Prediction]]:
        """Return the most frequent tag of each word, and O for words that training does not have.

        Examples without tokens have none.
        """
        if not all(isinstance(one.fields.get("tokens"), list | tuple) for one in train):
            return {}
        counts: dict[str, Counter[str]] = {}
        for example in train:
            for token, tag in zip(example.fields["tokens"], self.canonical(example), strict=False):
                counts.setdefault(token, Counter())[tag] += 1
        most = {token: found.most_common(1)[0][0] for token, found in counts.items()}
        return {
            "most frequent tag of each word": [
                {"tags": [most.get(token, "O") for token in one.fields["tokens"]], "entities": []}
                for one in examples
            ]
        }

    def check(self, example: Example, arrays: Arrays, frames: int) -> None:
        """Reject an example whose tags and tokens differ in number.

        Raises:
            ExampleError: There is not one tag for each token.
        """
        count = len(arrays["tags"])
        if count != frames:
            raise ExampleError(
                example,
                f"{self.field!r} has {count} {plural(count, 'tag')} for {frames} "
                f"{plural(frames, 'token')}; head=ner needs one tag "
                "for each token.",
                cause=Cause.bad_tags,
            )

    def describe(self, example: Example, prediction: Prediction) -> Prediction:
        """Return the prediction with ``tokens``, and with ``text`` for each entity.

        If the offsets of the tokens in the text are known, an entity also gets ``start_char`` and
        ``end_char``, and its text is taken from there.
        """
        tokens = list(example.fields["tokens"])
        found = [with_text(example, tokens, entity) for entity in prediction["entities"]]
        tags = self._shown(prediction["tags"])
        return {**prediction, "tags": tags, "tokens": tokens, "entities": found}

    def _shown(self, tags: list[str]) -> list[str]:
        """Return tags of IOB2 in the form of predictions."""
        return [tag[2:] or tag for tag in tags] if self._plain else tags

    def target(self, example: Example) -> list[str] | None:
        """Return the example's own tags in the form of those that are predicted.

        Raises:
            ExampleError: A tag is invalid in the scheme of the training data.
        """
        return self._shown(self.canonical(example)) if self.field in example.fields else None

    def columns(self, example: Example, prediction: Prediction) -> list[list[str]]:
        """Return a row for each token: the token, its tag, and the confidence of its entity."""
        confidences = [""] * len(prediction["tags"])
        for entity in prediction["entities"]:
            if "confidence" in entity:
                span = slice(entity["start"], entity["end"])
                size = entity["end"] - entity["start"]
                confidences[span] = [f"{entity['confidence']:.4f}"] * size
        rows = zip(example.fields["tokens"], prediction["tags"], confidences, strict=True)
        return [list(row) for row in rows]

    def render(self, example: Example, prediction: Prediction, view: View) -> str:
        """Return HTML of the tokens with their entities, and of the reference if it differs."""
        return rendered(example.fields["tokens"], prediction["entities"], self._reference(example))

    def _reference(self, example: Example) -> list[Span] | None:
        """Return the entities of the example's own tags; None if they are missing or invalid."""
        if self.field not in example.fields:
            return None
        try:
            tags = self.canonical(example)
        except ExampleError:
            return None
        return entities(tags) if len(tags) == len(example.fields["tokens"]) else None

    def canonical(self, example: Example) -> list[str]:
        """Return the example's tags in IOB2.

        Raises:
            ExampleError: The field is missing, or a tag is invalid in the codec's scheme.
        """
        tags = self._parsed(example)
        self._check_scheme(example, tags, self.scheme)
        return schemes.to_iob2(tags, self.scheme)

    def _parsed(self, example: Example) -> list[schemes.Tag]:
        tags = self._tags(example)
        try:
            if self._plain:
                return schemes.parse_plain(tags, self._known)
            return schemes.parse_all(tags)
        except schemes.SchemeError as error:
            problem = error.problem
            if self._trained is not None:
                problem = other_form(tags[error.position], self.scheme, self._trained, self.tags)
            raise _wrong(example, error.position, problem) from None

    def _tags(self, example: Example) -> Sequence[str]:
        tags = example.fields.get(self.field)
        if tags is None:
            raise ExampleError(
                example,
                f"has no field {self.field!r}, which head.field names. "
                f"{did_you_mean(self.field, example.fields)}",
                cause=Cause.no_field,
            )
        if isinstance(tags, str) or not all(isinstance(tag, str) for tag in tags):
            raise ExampleError(
                example,
                f"field {self.field!r} is {tags!r}; head=ner needs a list of tags.",
                cause=Cause.bad_tags,
            )
        return list(tags)

    def _check_scheme(self, example: Example, tags: Sequence[schemes.Tag], scheme: Scheme) -> None:
        try:
            schemes.check(tags, scheme)
        except schemes.SchemeError as error:
            others = [one for one in (Scheme.iob1, Scheme.iob2, Scheme.bioes) if one != scheme]
            prefixes = {prefix for prefix, _ in tags}
            if "E" in prefixes and prefixes.isdisjoint("BS"):
                hint = "Are these tags IOE, with I and E alone? Convert them to IOB2."
            elif self.wanted == Scheme.auto and self._trained is not None:
                hint = (
                    f"The training tags follow {scheme}. Correct it; or, if this file follows "
                    "another scheme, convert it, or evaluate on it with "
                    f"head.scheme={' or '.join(others)}."
                )
            else:
                how = "detected in the training tags" if self.wanted == Scheme.auto else "set"
                hint = (
                    f"The scheme {scheme} was {how}; if the data follows another, set "
                    f"head.scheme to {', '.join(others)} or io."
                )
            raise _wrong(example, error.position, f"{error.problem} {hint}") from None

    def _tell_spellings(self, read: Mapping[str, str]) -> None:
        """Say how tags that are spelled in another way are read."""
        for tag, own in list(read.items())[:1]:
            many = plural(len(read), "tag is", "tags are")
            logger.info("head=ner: %d %s spelled like %r, read as %r.", len(read), many, tag, own)

    def _log(self, scheme: Scheme, types: Sequence[str]) -> None:
        how = "detected in the training tags" if self.wanted == Scheme.auto else "as set"
        if scheme == Scheme.io and self.wanted == Scheme.auto:
            doubtful = with_letters(types)
            logger.log(
                logging.WARNING if doubtful else logging.INFO,
                "head=ner: the tags are plain types, such as %r; neighbours of one type are one "
                "entity (head.scheme=io).%s",
                types[0],
                f" {doubtful[0]!r} is read as a type, too, not as a prefix and a type; if the "
                "tags have prefixes, set head.scheme to iob1, iob2 or bioes."
                if doubtful
                else "",
            )
        into = "" if scheme == Scheme.iob2 else ", converted to iob2"
        logger.info(
            "head=ner: tag scheme %s (%s)%s; %d %s",
            scheme,
            how,
            into,
            len(types),
            plural(len(types), "type"),
        )
        if not types:
            logger.warning("head=ner: no training example has an entity: every tag is O.")


def _refuse_swapped(examples: Sequence[Example]) -> None:
    """Refuse examples whose tokens are the tags.

    Raises:
        DataError: They are; names the first token.
    """
    try:
        refuse_swapped(token for one in examples for token in one.fields.get("tokens", ()) if token)
    except TagError as error:
        example = next(one for one in examples if error.tag in one.fields.get("tokens", ()))
        place = list(example.fields["tokens"]).index(error.tag)
        wrong = ExampleError(example, f"token {place + 1} {error.problem}")
        raise DataError(str(wrong), cause=Cause.bad_tags) from None


def _wrong(
    example: Example, position: int, problem: str, cause: Cause = Cause.bad_tags
) -> ExampleError:
    """Return the error of a tag, which names its token by number, from 1, and text."""
    tokens, named = example.fields.get("tokens"), ""
    if isinstance(tokens, list | tuple) and position < len(tokens):
        named = f" ({tokens[position]!r})"
    return ExampleError(example, f"token {position + 1}{named} {problem}", cause=cause)
