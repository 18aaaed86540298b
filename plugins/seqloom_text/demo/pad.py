"""From a request of the text box to a text."""

from __future__ import annotations

from seqloom.errors import DataError, TooLargeError
from seqloom.files import parse_json
from seqloom.interfaces import PadInput

MOST_CHARACTERS = 20_000


class TextPad(PadInput):
    """Reads the text in the box."""

    shows_input = True

    def value(self, body: bytes) -> str:
        """Return the text in ``{"text": "…"}``.

        Raises:
            DataError: The request is not such JSON.
            TooLargeError: The text is too long.
        """
        expected = 'Expected JSON: {"text": "…"}.'
        try:
            sent = parse_json(body.decode())
        except ValueError as error:
            raise DataError(f"The request is not JSON. {expected}") from error
        text = sent.get("text") if isinstance(sent, dict) else None
        if not isinstance(text, str):
            raise DataError(f"The request has no text. {expected}")
        if len(text) > MOST_CHARACTERS:
            raise TooLargeError(
                f"The text has {len(text)} characters; up to {MOST_CHARACTERS} can be read at a "
                "time. Send less."
            )
        return text
