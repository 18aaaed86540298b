"""Phonemes and the words that are made of them.

Formants of vowels are the means of men in Peterson and Barney, Control methods used in a study of
the vowels, JASA 24(2), 1952. Those of consonants are from table III of Klatt, Software for a
cascade/parallel formant synthesizer, JASA 67(3), 1980. Durations and noise bands are ours: rounded
values of clear speech, with noise moved below 4 kHz, where it fits 8000 samples per second.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phoneme:
    """One sound of speech, or a part of one.

    Attributes:
        formants: First three resonances in hertz, for the tract of a man.
        seconds: Length at the normal rate.
        voice: Strength of the glottal pulses, 0 to 1.
        noise: Strength of the noise, 0 to 1.
        band: Middle of the noise in hertz.
        width: Deviation of the noise around it, in hertz.
        wide: Factor of the resonances' bandwidths; nasals have wider ones.
    """

    formants: tuple[float, float, float]
    seconds: float
    voice: float = 1.0
    noise: float = 0.0
    band: float = 2000.0
    width: float = 1000.0
    wide: float = 1.0


PHONEMES = {
    # Vowels.
    "IY": Phoneme((270, 2290, 3010), 0.13),
    "IH": Phoneme((390, 1990, 2550), 0.09),
    "EH": Phoneme((530, 1840, 2480), 0.11),
    "AH": Phoneme((640, 1190, 2390), 0.11),
    "AA": Phoneme((730, 1090, 2440), 0.15),
    "AO": Phoneme((570, 840, 2410), 0.15),
    "UH": Phoneme((440, 1020, 2240), 0.09),
    "UW": Phoneme((300, 870, 2240), 0.14),
    "AX": Phoneme((500, 1500, 2500), 0.06, voice=0.8),  # a neutral tube of 17 cm
    # Approximants and nasals.
    "W": Phoneme((290, 610, 2150), 0.07, voice=0.7),
    "R": Phoneme((310, 1060, 1380), 0.07, voice=0.7),
    "L": Phoneme((310, 1050, 2880), 0.08, voice=0.6),
    "N": Phoneme((480, 1340, 2470), 0.08, voice=0.5, wide=3.0),
    # Fricatives.
    "F": Phoneme((340, 1100, 2080), 0.11, voice=0, noise=0.16, band=2200, width=2500),
    "V": Phoneme((220, 1100, 2080), 0.06, voice=0.4, noise=0.08, band=2200, width=2500),
    "TH": Phoneme((320, 1290, 2540), 0.10, voice=0, noise=0.1, band=3000, width=1500),
    "S": Phoneme((320, 1390, 2530), 0.12, voice=0, noise=0.5, band=3700, width=450),
    "Z": Phoneme((240, 1390, 2530), 0.09, voice=0.35, noise=0.35, band=3700, width=450),
    # Plosives: a closure, and below their releases.
    "P": Phoneme((400, 1100, 2150), 0.07, voice=0),
    "T": Phoneme((400, 1600, 2600), 0.06, voice=0),
    "K": Phoneme((300, 1990, 2850), 0.06, voice=0),
    "P'": Phoneme((400, 1100, 2150), 0.02, voice=0, noise=0.3, band=700, width=500),
    "T'": Phoneme((400, 1600, 2600), 0.03, voice=0, noise=0.6, band=3300, width=700),
    "K'": Phoneme((300, 1990, 2850), 0.03, voice=0, noise=0.5, band=1900, width=500),
}
"""Phonemes by their names in ARPAbet; a name with an apostrophe is the release of a plosive."""

WORDS = {
    "call": "K K' AO L",
    "open": "AO UH P P' AX N",
    "play": "P P' L EH IY",
    "stop": "S T T' AA P P'",
    "zero": "Z IH R AO UH",
    "one": "W AH N",
    "two": "T T' UW",
    "three": "TH R IY",
    "four": "F AO R",
    "five": "F AA IH V",
    "six": "S IH K K' S",
    "seven": "S EH V AX N",
    "eight": "EH IY T T'",
    "nine": "N AA IH N",
}
"""Phonemes by word."""

ACTIONS = ("call", "open", "play", "stop")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def phonemes(word: str) -> list[Phoneme]:
    """Return the phonemes of a word.

    >>> [round(one.seconds, 2) for one in phonemes("two")]
    [0.06, 0.03, 0.14]
    """
    return [PHONEMES[name] for name in WORDS[word].split()]
