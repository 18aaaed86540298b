"""The parameters of ``data=spoken``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Spoken:
    """Commands such as "call four two", spoken by a formant synthesizer; nothing to download.

    No command and no speaker is in two splits.

    Attributes:
        seed: Seed of the commands, the voices and the sounds.
        train_size: Number of commands.
        val_size: The same.
        test_size: The same.
        train_speakers: Number of voices.
        test_speakers: The same for val, and for test.
    """

    seed: int = 1
    train_size: int = 800
    val_size: int = 100
    test_size: int = 200
    train_speakers: int = 12
    test_speakers: int = 4
