"""The parameters of ``data=spoken``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Spoken:
    """Commands such as "call four two", spoken by a formant synthesizer. Since 0.2.

    There is nothing to download. No command and no speaker is in two splits.

    Attributes:
        seed: Seed of the commands, the voices and the sounds.
        train_size: Number of commands to train on.
        val_size: Number of commands for validation.
        test_size: Number of commands for the test.
        train_speakers: Number of voices to train on.
        test_speakers: Number of voices for validation, and again for the test.
    """

    seed: int = 1
    train_size: int = 800
    val_size: int = 100
    test_size: int = 200
    train_speakers: int = 12
    test_speakers: int = 4
