"""From a request of the microphone, or a file that was dropped, to a sound."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from seqloom.errors import DataError, TooLargeError
from seqloom.interfaces import PadInput
from seqloom_sound.decode import opened, read_part
from seqloom_sound.sound import Sound

MOST_SECONDS = 200


class SoundPad(PadInput):
    """Reads a sound file."""

    def value(self, body: bytes) -> Sound:
        """Return the sound in a file.

        Raises:
            DataError: The file is damaged or of an unknown format.
            TooLargeError: The sound is too long.
        """
        name = "The request"
        try:
            with opened(io.BytesIO(body), name) as file:
                _check_length(file.frames / file.samplerate)
                return Sound(read_part(file, name), file.samplerate)
        except ValueError as error:
            raise DataError(str(error)) from error

    def about(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the longest recording, in seconds."""
        return {"most_seconds": MOST_SECONDS}


def _check_length(seconds: float) -> None:
    """Refuse a long sound before it is decoded: a small file may hold hours."""
    if seconds > MOST_SECONDS:
        raise TooLargeError(
            f"The sound is {seconds:.0f} seconds long; up to {MOST_SECONDS} can be read at a time. "
            "Record less."
        )
