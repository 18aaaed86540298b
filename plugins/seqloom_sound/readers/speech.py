"""The reader ``speech``: sounds with transcripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqloom.data import Pattern, SplitConfig
from seqloom_sound.readers.sounds import FoundReader
from seqloom_sound.readers.transcripts import Transcripts
from seqloom_sound.schemas.data import Pauses


class SpeechReader(FoundReader):
    """Reader of sounds with texts; see `Speech` for the parameters and `FoundReader` for ids."""

    def __init__(
        self,
        *,
        train: str | None = None,
        val: str | None = None,
        test: str | None = None,
        sounds: str | None = None,
        columns: Mapping[str, str] | None = None,
        pattern: str | None = None,
        channel: int | None = None,
        cut: bool = True,
        pauses: Pauses | Mapping[str, Any] | None = None,
        hold_out: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
        split: SplitConfig | Mapping[str, Any] | None = None,
    ) -> None:
        compiled = Pattern(pattern, "data.pattern") if pattern else None
        super().__init__(
            Transcripts(dict(columns or {}), sounds, compiled),
            {"train": train, "val": val, "test": test},
            hold_out,
            split,
            channel=channel,
            pauses=Pauses.of(pauses) if cut else None,
        )
