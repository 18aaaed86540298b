"""What tags are is told by all of them."""

import pytest

from seqloom_ner.plain import TagError, are_plain


def counts(tags: str) -> dict[str, int]:
    return {tag: tags.split().count(tag) for tag in tags.split()}


@pytest.mark.parametrize(
    "tags",
    [
        "person e-mail org O",
        "i-phone b-boy other",
        "NOUN VERB PUNCT",
        "U-Bahn S-Bahn_ Bus",
        "E-mail person",
        "T-shirt shoe",
        "vitamin-B person",
        "N V S B I E",  # letters of parts of speech
        ", . `` -LRB- NN PRP$",
        " ".join(f"T{n}" for n in range(21)) + " T0" * 30,
    ],
)
def test_plain(tags: str) -> None:
    assert are_plain(counts(tags))


@pytest.mark.parametrize(
    "tags",
    [
        "O",
        "O o",
        "B-PER I-PER O",
        "b-per i-per o",
        "PER_B PER_I LOC_B",
        "B_PER B_LOC O",
        "S-PER S-LOC O",
        "B-e-mail O",
        "B I O",
        "I-PER O",
    ],
)
def test_with_prefixes(tags: str) -> None:
    assert not are_plain(counts(tags))


def test_types_of_several_words_have_prefixes_too() -> None:
    assert not are_plain({"O": 5, "B-first name": 3, "B-last name": 2})


@pytest.mark.parametrize(
    ("tags", "tag", "alone", "told"),
    [
        ("O e-mail", "e-mail", False, "the prefix E and the type 'mail'. Set head.scheme=io for"),
        ("b-boy i-phone", "b-boy", False, "or else iob1, iob2 or bioes"),
        ("B-PER B-PER I-PER PERS", "PERS", True, "Other tags have prefixes, such as 'B-PER'"),
        ("B-PER I-PER _", "_", True, "Write O where there is no entity"),
        ("B-PER B-PER X-PER", "X-PER", True, "Other tags have prefixes, such as 'B-PER'"),
        ("B-PER X-PER X-PER", "X-PER", False, "Other tags have prefixes, such as 'B-PER'"),
        ("X-PER O", "X-PER", False, "If all tags are plain types, set head.scheme=io."),
        ("B-PER I-PER 0", "0", True, "Is it the letter O?"),
        ("PER LOC LOC B-PER", "B-PER", True, "most tags are plain types, such as 'PER'"),
        ("PER OUT", "OUT", False, "Write O where there is no entity; head.scheme=io reads it"),
        ("0 0 0 B-PER", "0", False, "Is it the letter O?"),
        ("_ _ _ B-PER", "_", False, "Write O where there is no entity"),
        ("nan nan B-PER", "nan", False, "Write O where there is no entity"),
        ("_ 0.9876 _ .5", "0.9876", False, "data.columns='{tokens: 1, tags: 2}'"),
        ("0 3", "0", False, "data.names.tags="),
        ("NER=B-PER _", "NER=B-PER", False, "data.features.tags=NER."),
        (" ".join(f"w{n}" for n in range(21)), "w0", False, "21 different tags: is it the column"),
        (" ".join(f"w{n}" for n in range(101)) * 3, "w0", False, "head.scheme=io"),
    ],
)
def test_refused(tags: str, tag: str, alone: bool, told: str) -> None:
    with pytest.raises(TagError) as error:
        are_plain(counts(tags))
    assert (error.value.tag, bool(error.value.strays)) == (tag, alone)
    assert told in error.value.problem


@pytest.mark.parametrize(
    ("tags", "strays"),
    [
        ("e-mail DNA DNA B-PER DNA I-PER DNA DNA", ["B-PER", "I-PER"]),
        ("DNA DNA DNA S-PER L-PER", ["S-PER", "L-PER"]),
        ("B-PER e-mail PERS B-PER 0", ["PERS", "0"]),
    ],
)
def test_all_tags_of_the_rarer_kind_are_named(tags: str, strays: list[str]) -> None:
    with pytest.raises(TagError) as error:
        are_plain(counts(tags))
    assert list(error.value.strays) == strays
