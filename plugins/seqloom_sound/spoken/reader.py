"""The reader of ``data=spoken``: commands spoken by generated voices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.interfaces import SPLITS, Example, Reader
from seqloom_sound.spoken.phonemes import ACTIONS, DIGITS, phonemes
from seqloom_sound.spoken.synthesis import RATE, Voice, synthesize

LONGEST = 3  # digits in a command
POSSIBLE = len(ACTIONS) * sum(len(DIGITS) ** n for n in range(1, LONGEST + 1))
VERSION = 1  # changes whenever the synthesizer makes other samples


@dataclass(frozen=True)
class Utterance:
    """A sound that is synthesized when it is loaded.

    Attributes:
        text: Words, separated by spaces.
        voice: Who speaks.
        snr: Ratio of the speech to the noise in the background, in decibels.
        seed: Numbers that the durations, pauses, melody and noise follow from.
    """

    text: str
    voice: Voice
    snr: float
    seed: tuple[int, ...]

    def __str__(self) -> str:
        return f"the utterance {self.text!r}"

    def load(self) -> tuple[np.ndarray, int]:
        """Return the samples, (T,) float32, and the rate."""
        rng = np.random.default_rng(self.seed)
        words = [phonemes(word) for word in self.text.split()]
        spoken = synthesize(words, self.voice, rng)
        silence = np.zeros(RATE // 20, np.float32)
        samples = np.concatenate([silence, spoken, silence])
        level = float(np.sqrt((spoken**2).mean())) * 10 ** (-self.snr / 20)
        return samples + level * rng.standard_normal(len(samples), np.float32), RATE

    def digest(self) -> str:
        """Return a digest of what the samples follow from."""
        return hashlib.blake2b(f"{VERSION} {self!r}".encode(), digest_size=16).hexdigest()


class SpokenReader(Reader):
    """Speaks commands; see `Spoken` for the parameters.

    An example has ``sound``, ``text`` such as "call four two", ``label``, its first word, and
    ``speaker``. No text and no speaker is in two splits.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        train_size: int = 800,
        val_size: int = 100,
        test_size: int = 200,
        train_speakers: int = 12,
        test_speakers: int = 4,
    ) -> None:
        self._seed = seed
        self._sizes = dict(zip(SPLITS, (train_size, val_size, test_size), strict=True))
        self._speakers = dict(
            zip(SPLITS, (train_speakers, test_speakers, test_speakers), strict=True)
        )
        for name, value, least in (
            ("seed", seed, 0),
            *((f"{split}_size", size, 0) for split, size in self._sizes.items()),
            ("train_speakers", train_speakers, 1),
            ("test_speakers", test_speakers, 1),
        ):
            if value < least:
                raise ConfigError(
                    f"data.{name}={value}: expected at least {least}.", cause=Cause.wrong_value
                )
        if sum(self._sizes.values()) > POSSIBLE:
            raise ConfigError(
                f"data.train_size, val_size and test_size are {sum(self._sizes.values())} in all, "
                f"but there are only {POSSIBLE} different commands; use smaller numbers."
            )

    def examples(self, split: str) -> Iterator[Example]:
        """Yield the utterances of a split; see `Reader.examples`.

        Raises:
            ConfigError: The split has another name than these three.
        """
        if split not in SPLITS:
            raise ConfigError(f"No split {split!r}. {did_you_mean(split, SPLITS)}")
        voices = [self._voice(split, number) for number in range(self._speakers[split])]
        for number, text in enumerate(self._texts[split], 1):
            seed = (self._seed, SPLITS.index(split), number)
            rng = np.random.default_rng(seed)
            name, voice = voices[rng.integers(len(voices))]
            sound = Utterance(text, voice, round(rng.uniform(15, 35), 1), (*seed, 1))
            fields = {"sound": sound, "text": text, "label": text.split()[0], "speaker": name}
            yield Example(f"spoken-{split}-{number:05}", fields)

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        """Texts by split: a prefix of one random order of all commands is cut into splits."""
        order = np.random.default_rng(self._seed).permutation(POSSIBLE)
        ends = np.cumsum(list(self._sizes.values()))
        cut = np.split(order[: ends[-1]], ends[:-1])
        return {
            split: [_command(int(n)) for n in part] for split, part in zip(SPLITS, cut, strict=True)
        }

    def _voice(self, split: str, number: int) -> tuple[str, Voice]:
        """Return the name and the voice of a speaker: of men, women and children."""
        rng = np.random.default_rng([self._seed, SPLITS.index(split), number, 2])
        size = rng.uniform()
        voice = Voice(
            pitch=round(float(95 * 2.3**size * np.exp(rng.normal(0, 0.08))), 1),
            tract=round(float(0.95 + 0.25 * size + rng.normal(0, 0.03)), 3),
            rate=round(float(np.exp(rng.uniform(-0.2, 0.2))), 3),
            open=round(float(rng.uniform(0.5, 0.75)), 3),
            breath=round(float(rng.uniform(0.02, 0.15)), 3),
        )
        return f"{split}-{number + 1}", voice


def _command(number: int) -> str:
    """Return the command of a number below `POSSIBLE`.

    >>> _command(0), _command(POSSIBLE - 1)
    ('call zero', 'stop nine nine nine')
    """
    number, digits = divmod(number, POSSIBLE // len(ACTIONS))
    length = 1
    while digits >= 10**length:
        digits -= 10**length
        length += 1
    return " ".join([ACTIONS[number], *(DIGITS[int(one)] for one in f"{digits:0{length}}")])
