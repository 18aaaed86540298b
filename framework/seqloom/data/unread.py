"""Files in a folder that look like data, but have unsupported formats."""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

log = logging.getLogger("seqloom")


def warn_of_unread(
    place: object, names: Iterable[str], formats: Iterable[str], instead: str
) -> None:
    """Warn of files that are left out for their format, once for each place.

    Args:
        place: Folder or zip file.
        names: Names of its files.
        formats: Suffixes of formats that are not read, in lower case.
        instead: Suffix of a format to convert them to.
    """
    unread, known = Counter[str](), frozenset(formats)
    unread.update(PurePosixPath(name).suffix.lower() for name in names)
    found = tuple((suffix, unread[suffix]) for suffix in sorted(unread) if suffix in known)
    if found:
        _warn(str(place), found, instead)


@functools.lru_cache(maxsize=64)
def _warn(place: str, found: tuple[tuple[str, int], ...], instead: str) -> None:
    log.warning(
        "%s: files in unsupported formats are ignored: %s. Convert them, for example to %s.",
        place,
        ", ".join(f"{count} {suffix}" for suffix, count in found),
        instead,
    )
