"""Match regular expressions with a bound on the time, since a shared model brings its own."""

from __future__ import annotations

import re
import time
from typing import Any

from seqloom.errors import ConfigError

LONGEST = 1000
"""Maximum number of characters of an expression."""

SECONDS = 2.0
"""Seconds of a core that all matches of an expression may take, besides `SECONDS_EACH`."""

SECONDS_EACH = 0.001
"""Seconds of a core that each match adds to what they may take."""


class Pattern:
    """A regular expression, in the language of `re`, whose matches take a limited time.

    Some expressions, such as ``(a+)+$``, take longer than anyone can wait for a short text.

    Args:
        text: Expression.
        key: Key of the config that it comes from, for messages.

    Attributes:
        text: Expression.
        groups: Number of its groups.

    Raises:
        ConfigError: It is not a regular expression, or too long.
    """

    def __init__(self, text: str, key: str) -> None:
        self.text, self.key = text, key
        if len(text) > LONGEST:
            raise ConfigError(f"{key} has {len(text):,} characters; expected up to {LONGEST:,}.")
        import regex

        try:
            self.groups = re.compile(text).groups
            self._compiled: Any = regex.compile(text)
        except (re.error, RecursionError, OverflowError, ValueError) as error:
            raise ConfigError(f"{key}={text}: not a regular expression: {error}.") from None
        except regex.error as error:  # what only the other engine refuses
            raise ConfigError(f"{key}={text}: not supported in a pattern: {error}.") from None
        self._left = SECONDS

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first match in a text, or None; as ``re.search`` does.

        Raises:
            ConfigError: The matches of this expression took too long.
        """
        return self._match(self._compiled.search, text)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Return the match of a whole text, or None; as ``re.fullmatch`` does.

        Raises:
            ConfigError: The matches of this expression took too long.
        """
        return self._match(self._compiled.fullmatch, text)

    def _match(self, function: Any, text: str) -> re.Match[str] | None:
        self._left += SECONDS_EACH
        start, timeout = time.thread_time(), max(self._left, SECONDS_EACH)
        while True:
            try:
                found: re.Match[str] | None = function(text, timeout=timeout)
                break
            except TimeoutError:
                if time.thread_time() - start >= self._left:
                    raise ConfigError(
                        f"{self.key}={self.text} takes too long to match, at {text[:60]!r}. Use an "
                        "expression without repeated groups that contain repetitions themselves."
                    ) from None
                timeout *= 2  # this process waited for a core, and the timeout does not know it
        self._left -= time.thread_time() - start
        return found
