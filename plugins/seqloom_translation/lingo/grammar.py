"""The grammar of Lingo, and of the English that is translated into it.

An English sentence is subject, verb, object and perhaps an adverb. In Lingo the adverb comes first
and the verb last; an adjective follows its noun; articles, nouns and adjectives agree in gender and
number, and the verb agrees with its subject. So a word's form depends on words before and after it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

NOUNS = {
    "dog": ("ruk", "m"),
    "cat": ("mirel", "f"),
    "horse": ("pav", "m"),
    "bird": ("teril", "f"),
    "child": ("nos", "m"),
    "teacher": ("dalun", "f"),
    "farmer": ("gorb", "m"),
    "singer": ("lavis", "f"),
    "boat": ("kem", "m"),
    "lamp": ("sulir", "f"),
    "stone": ("brod", "m"),
    "river": ("anel", "f"),
}
"""Stem and gender (masculine, feminine) by English noun."""

ADJECTIVES = {
    "small": "piv",
    "large": "grom",
    "old": "vet",
    "young": "nul",
    "red": "rosk",
    "white": "belk",
    "quiet": "tish",
    "happy": "felk",
}

VERBS = {
    "sees": "vid",
    "follows": "sek",
    "finds": "trov",
    "carries": "port",
    "paints": "mal",
    "hears": "slush",
    "likes": "plak",
    "forgets": "oblit",
}
"""Stems by English verb in the singular."""

ADVERBS = {
    "today": "hodi",
    "often": "parfo",
    "at night": "noktu",
    "in the garden": "hortu",
}

ARTICLES = {"the": "l", "a": "un"}

PLURALS = {"child": "children"}
IRREGULAR = {"carries": "carry"}

ENDINGS = {("m", False): "o", ("m", True): "oi", ("f", False): "a", ("f", True): "ai"}
"""Endings by gender and number."""


@dataclass(frozen=True)
class Phrase:
    """An article, perhaps an adjective, and a noun.

    Attributes:
        article: English article.
        adjective: English adjective; empty if there is none.
        noun: English noun in the singular.
        plural: Whether there are several.
    """

    article: str
    adjective: str
    noun: str
    plural: bool

    @property
    def english(self) -> str:
        """The phrase in English."""
        article = "some" if self.plural and self.article == "a" else self.article
        noun = PLURALS.get(self.noun, f"{self.noun}s") if self.plural else self.noun
        rest = " ".join(word for word in (self.adjective, noun) if word)
        return f"an {rest}" if article == "a" and rest[0] in "aeiou" else f"{article} {rest}"

    @property
    def lingo(self) -> str:
        """The phrase in Lingo."""
        stem, gender = NOUNS[self.noun]
        ending = ENDINGS[gender, self.plural]
        words = [ARTICLES[self.article] + ending, stem + ending]
        if self.adjective:
            words.append(ADJECTIVES[self.adjective] + ending)
        return " ".join(words)


def sentence(rng: random.Random) -> tuple[str, str]:
    """Return a random sentence in English and in Lingo."""
    subject, other = _phrase(rng), _phrase(rng)
    verb, negated = rng.choice(sorted(VERBS)), rng.random() < 0.25
    adverb = rng.choice(["", "", *sorted(ADVERBS)])
    base = IRREGULAR.get(verb, verb.removesuffix("s"))
    if negated:
        spoken = f"{'do' if subject.plural else 'does'} not {base}"
    else:
        spoken = base if subject.plural else verb
    english = " ".join(one for one in (subject.english, spoken, other.english, adverb) if one)
    form = f"{'ni ' if negated else ''}{VERBS[verb]}{'unt' if subject.plural else 'ut'}"
    first = [ADVERBS[adverb]] if adverb else []
    lingo = [*first, subject.lingo, other.lingo, form]
    return f"{english.capitalize()}.", f"{' '.join(lingo).capitalize()}."


def _phrase(rng: random.Random) -> Phrase:
    adjective = rng.choice(["", *sorted(ADJECTIVES)]) if rng.random() < 0.7 else ""
    article, noun = rng.choice(sorted(ARTICLES)), rng.choice(sorted(NOUNS))
    return Phrase(article, adjective, noun, rng.random() < 0.4)
