"""The oracle of conversions is the other way round: entities written in a scheme."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom_ner import Scheme
from seqloom_ner.schemes import (
    Pairs,
    SchemeError,
    check,
    detect,
    parse,
    parse_all,
    parse_plain,
    problems,
    to_iob2,
)
from seqloom_ner.spans import Span, entities

SCHEMES = (Scheme.iob1, Scheme.iob2, Scheme.bioes)
pieces = st.lists(
    st.tuples(st.sampled_from(["", "PER", "LOC", "B-cell", "O"]), st.integers(1, 3)), max_size=8
)


def write(parts: list[tuple[str, int]], scheme: Scheme) -> tuple[list[str], list[Span]]:
    """Tags of a sequence of entities (no type: outside tokens), with the entities themselves."""
    tags: list[str] = []
    spans: list[Span] = []
    for kind, size in parts:
        if not kind:
            tags += ["O"] * size
            continue
        adjacent = bool(spans) and spans[-1][0] == kind and spans[-1][2] == len(tags)
        spans.append((kind, len(tags), len(tags) + size))
        prefixes = ["B"] + ["I"] * (size - 1)
        if scheme == Scheme.iob1 and not adjacent:
            prefixes[0] = "I"
        if scheme == Scheme.bioes:
            prefixes = ["S"] if size == 1 else [*prefixes[:-1], "E"]
        tags += [f"{prefix}-{kind}" for prefix in prefixes]
    return tags, spans


@given(pieces, st.sampled_from(SCHEMES))
def test_conversion_keeps_the_entities(parts: list[tuple[str, int]], scheme: Scheme) -> None:
    tags, spans = write(parts, scheme)
    parsed = parse_all(tags)
    check(parsed, scheme)
    converted = to_iob2(parsed, scheme)
    assert entities(converted) == spans
    check(parse_all(converted), Scheme.iob2)


@given(st.lists(pieces, min_size=1), st.sampled_from(SCHEMES))
def test_detected_scheme_fits_what_was_written(
    sentences: list[list[tuple[str, int]]], scheme: Scheme
) -> None:
    written = [write(parts, scheme) for parts in sentences]
    found = detect([tags for tags, _ in written])
    for tags, spans in written:
        parsed = parse_all(tags)
        if found == scheme:
            check(parsed, found)
        else:  # nothing told them apart, or the entities would differ
            assert scheme != Scheme.bioes or not any(spans for _, spans in written)
            assert entities(to_iob2(parsed, found)) == spans


def test_a_few_wrong_tags_do_not_change_what_is_detected() -> None:
    good = ["B-PER", "I-PER", "O", "B-LOC"]
    bad = ["I-PER", "O"]
    assert detect([good] * 20 + [bad]) == Scheme.iob2
    assert detect([bad] * 20 + [["I-PER", "B-PER"]]) == Scheme.iob1
    assert detect([["O", "O"]]) == Scheme.iob2


@pytest.mark.parametrize(
    "tag", ["NN", "B-", "-PER", "X-PER", "B-PER\n", "", "IB-A", "B- A", "-X-", "_"]
)
def test_other_tags_are_refused(tag: str) -> None:
    expected = f"token 5 has the tag {tag!r}; head=ner needs O, or B- or I-"
    with pytest.raises(SchemeError, match=re.escape(expected)):
        parse(tag, 4)


@pytest.mark.parametrize("letters", ["BILU", "BMEW"])
def test_bioes_may_have_other_letters(letters: str) -> None:
    tags = [f"{letters[number]}-A" for number in (0, 1, 2, 3)] + ["O", f"{letters[3]}-B"]
    assert detect([tags]) == Scheme.bioes
    check(parse_all(tags), Scheme.bioes)
    assert to_iob2(parse_all(tags), Scheme.bioes) == ["B-A", "I-A", "I-A", "B-A", "O", "B-B"]


def test_numbers_of_tags_are_told() -> None:
    with pytest.raises(
        SchemeError, match=r"'3'; .* Name the tags of such numbers: data\.names\.tags="
    ):
        parse("3")


def test_types_may_have_hyphens() -> None:
    assert parse("I-B-cell-line") == ("I", "B-cell-line")


@pytest.mark.parametrize(
    ("scheme", "tags", "text"),
    [
        ("iob2", "O I-A", "token 2 has the tag 'I-A' after 'O', where iob2 has 'B-A'."),
        ("iob2", "B-A I-B", "token 2 has the tag 'I-B' after 'B-A', where iob2 has 'B-B'"),
        ("iob2", "I-A", "token 1 has the tag 'I-A' after 'O', where iob2 has 'B-A'."),
        ("iob2", "S-A", "token 1 has the tag 'S-A', which iob2 does not have."),
        ("iob1", "O B-A", "token 2 has the tag 'B-A' after 'O', where iob1 has 'I-A'."),
        ("bioes", "O E-A", "has the tag 'E-A' after 'O', where bioes has 'B-A' or 'S-A'."),
        ("bioes", "B-A O", "token 2 comes after 'B-A', which bioes must follow by 'I-'"),
        ("bioes", "B-A S-B", "token 2 comes after 'B-A', which bioes must follow by"),
        ("bioes", "E-A", "token 1 has the tag 'E-A' after 'O'"),
        (
            "bioes",
            "S-A I-A",
            "token 2 has the tag 'I-A' after 'S-A', where bioes has 'B-A'",
        ),
        ("bioes", "O B-A", "token 2 leaves an entity of type 'A' open at the sentence's"),
    ],
)
def test_illegal_tags_are_named(scheme: str, tags: str, text: str) -> None:
    with pytest.raises(SchemeError, match=re.escape(text)):
        check(parse_all(tags.split()), Scheme(scheme))


def test_one_stray_tag_does_not_turn_the_scheme() -> None:
    good = [["B-A", "I-A", "O", "B-A"]] * 30
    assert detect([*good, ["S-A"]]) == Scheme.iob2


@given(st.lists(st.lists(st.sampled_from(["O", "B-A", "I-A", "E-A", "S-B", "I-B"]))))
def test_pairs_count_what_each_sentence_alone_breaks(sentences: list[list[str]]) -> None:
    pairs = Pairs()
    for tags in sentences:
        pairs.add(tags)
    for scheme in SCHEMES:
        alone = sum(len(list(problems(parse_all(tags), scheme))) for tags in sentences)
        assert pairs.broken(scheme) == alone
    for kind in "AB":
        having = [tags for tags in sentences if any(tag.endswith(kind) for tag in tags)]
        assert pairs.sentences(plain=False)[kind] == len(having)


@pytest.mark.parametrize(
    ("tag", "read"),
    [
        ("b-per", ("B", "per")),
        ("s-loc", ("S", "loc")),
        ("o", ("O", "")),
        ("B_PER", ("B", "PER")),
        ("I:PER", ("I", "PER")),
        ("l/PER", ("E", "PER")),
        ("PER-B", ("B", "PER")),
        ("geo.loc_I", ("I", "geo.loc")),
        ("PER-U", ("S", "PER")),
        ("I-B", ("I", "B")),  # as it is usual
        ("B-per-I", ("B", "per-I")),
        ("B-1", ("B", "1")),
        ("B", ("B", "entity")),
        ("I", ("I", "entity")),
    ],
)
def test_other_spellings(tag: str, read: tuple[str, str]) -> None:
    assert parse_all([tag]) == [read]


@pytest.mark.parametrize(
    ("tag", "hint"),
    [
        ("NOUN", "Plain types are read with head.scheme=io."),
        ("_", "Write O where there is no"),
        ("NER=B-PER", r"data\.features\.tags=NER\."),
    ],
)
def test_tags_that_are_refused_have_a_hint(tag: str, hint: str) -> None:
    with pytest.raises(SchemeError, match=hint):
        parse_all([tag])


def test_plain_types_are_entities_of_equal_neighbours() -> None:
    tags = parse_plain(["PER", "PER", "LOC", "O", "LOC", "X"], ())
    check(tags, Scheme.io)
    assert to_iob2(tags, Scheme.io) == ["B-PER", "I-PER", "B-LOC", "O", "B-LOC", "B-X"]
    with pytest.raises(
        SchemeError, match=r"token 2 .* 'B-PER', but the tags of head\.scheme=io are"
    ):
        parse_plain(["PER", "B-PER"], ["PER"])
