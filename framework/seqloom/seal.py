"""The SHA-256 of what a JSON file holds, in the file itself, so that a damaged value is noticed.

It distinguishes a damaged file from an intact one, but does not show who wrote the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "sha256"
"""Key of the digest in the object of a file."""


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain data without NaN and infinities with its digest, to be written as JSON."""
    return {**content, KEY: _digest(content)}


def is_changed(content: Mapping[str, Any]) -> bool:
    """Return whether the object of a file has another digest than the file says.

    False if it says none: earlier versions wrote none.
    """
    rest = {key: value for key, value in content.items() if key != KEY}
    return KEY in content and content[KEY] != _digest(rest)


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain data, whose keys and items have an order, as they have in JSON.

    The text is that of the data after it was written and read.
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
