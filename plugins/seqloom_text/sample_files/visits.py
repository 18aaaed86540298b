"""Sentences with the names of people, places and firms, token by token with IOB2 tags.

Some names are both: "Florence was sunny" is about a place and "Florence was hungry" about a person.
Only the words after the name tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seqloom_text.sample_files.draw import Draw

SENTENCES = 400

BOTH = ("Florence", "Jordan", "Austin", "Victoria", "Sydney", "Chelsea", "Lincoln", "Georgia")
"""Names of people and of places."""

NAMES: Mapping[str, Sequence[str]] = {
    "PER": (
        *BOTH,
        *("Ada Byron", "Emil Noether", "Rosa Lund", "Ivan Petrov", "Mina Okafor", "Carl Weiss"),
        *("Tomas Silva", "Leila Haddad", "Ngozi Eze", "Hanna Virtanen", "Omar", "Yuki", "Bruno"),
    ),
    "LOC": (
        *BOTH,
        *("Lisbon", "Oslo", "New Delhi", "Cape Town", "Porto Alegre", "Kyoto", "Bergen", "Quito"),
        *("Lake Como", "Nairobi", "the Black Forest", "Montreal"),
    ),
    "ORG": (
        *("Brightwater", "Nordlicht AG", "Kestrel Labs", "Baxter and Sons", "Onyx Systems"),
        *("Pine Street Bank", "Solano Foods", "Umbra", "Vela Motors", "Redwood Press"),
    ),
}
FORMS = (
    "{PER} was hungry after the long {trip} .",
    "{PER} was tired of the {trip} .",
    "{PER} was late , as usual .",
    "{PER} told us about the {trip} .",
    "{PER} works for {ORG} in {LOC} .",
    "{PER} and {PER} met at {ORG} {day} .",
    "{PER} left {LOC} {day} .",
    "{day} {PER} sent a letter to {ORG} .",
    "{LOC} was sunny {day} .",
    "{LOC} was flooded after the storm .",
    "{LOC} was full of tourists {day} .",
    "{LOC} was the last stop of the {trip} .",
    "We flew from {LOC} to {LOC} {day} .",
    "{ORG} opened an office in {LOC} .",
    "{ORG} hired {PER} {day} .",
    "The {trip} to {LOC} was paid by {ORG} .",
    "Nobody at {ORG} knew why the {trip} was late .",
    "It rained all day , so we read .",
)
WORDS: Mapping[str, Sequence[str]] = {
    "trip": ("trip", "flight", "journey", "visit", "tour", "train ride"),
    "day": ("yesterday", "on Monday", "last week", "in May", "this morning", "two days ago"),
}


def sentences(count: int = SENTENCES, seed: int = 0) -> Iterator[list[tuple[str, str]]]:
    """Yield sentences of tokens with their tags, all different."""
    draw, seen = Draw(seed), set[str]()
    while len(seen) < count:
        sentence = list(_sentence(draw, draw.one(FORMS)))
        text = " ".join(token for token, _ in sentence)
        if text not in seen:
            seen.add(text)
            yield sentence


def _sentence(draw: Draw, form: str) -> Iterator[tuple[str, str]]:
    for word in form.split():
        slot = word.strip("{}")
        if slot in NAMES:
            for position, token in enumerate(draw.one(NAMES[slot]).split()):
                yield token, f"{'I' if position else 'B'}-{slot}"
        else:
            for token in draw.filled(word, WORDS).split():
                yield token, "O"
