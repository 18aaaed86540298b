"""The parameters of ``data=sound_strings``."""

from __future__ import annotations

from dataclasses import dataclass, field

from seqloom_sound.schemas.data import Sounds


@dataclass
class SoundStrings(Sounds):
    """Parameters of ``data=sound_strings``: strings of words from recordings of words. Since 0.2.

    Each string is of one speaker. Recordings are those of ``data=sounds``, with its parameters;
    none is in two splits.

    Attributes:
        group: Field whose equal values may be in one string: the speaker.
        unseen: Speakers to test on: ``test`` then has all their recordings, whatever their split,
            and no others. Empty: the splits are those of the recordings.
            Example: ``[theo]``.
        min_length: Shortest string, in recordings.
        max_length: Longest string, in recordings.
        separator: Text between the labels: ``307`` without one, ``3 0 7`` with a space.
            Example: ``" "``.
        min_pause: Shortest silence before, between and after the recordings, in seconds; each is
            drawn uniformly.
        max_pause: Longest of these silences, in seconds.
        trim: Both ends of a recording that are this many decibels below its loudest 10 ms are cut
            off; 0 keeps recordings as they are.
        min_snr: Smallest ratio of the speech to the noise in the background, in decibels; it is
            drawn uniformly for each string. The noise is under the words and in the pauses, and its
            colour is between white and pink.
        max_snr: Largest ratio of the speech to the noise in the background, in decibels.
        repeats: How often each recording of ``train`` is used; those of val and test are used once.
        seed: Seed of the composition.
    """

    group: str = "speaker"
    unseen: list[str] = field(default_factory=list)
    min_length: int = 3
    max_length: int = 7
    separator: str = ""
    min_pause: float = 0.02
    max_pause: float = 0.3
    trim: float = 30.0
    min_snr: float = 10.0
    max_snr: float = 40.0
    repeats: int = 5
    seed: int = 1
