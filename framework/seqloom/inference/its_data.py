"""Read the files that a model names as its data only if the user asks for it.

A bundle from elsewhere may name any file of this machine, or any address. The module imports no
torch, since the start of every command that uses a model imports it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from seqloom.config.overrides import Overrides, data_key
from seqloom.config.run_config import Section
from seqloom.errors import ConfigError, printable
from seqloom.plugins.named_files import SPLITS, named_files

log = logging.getLogger("seqloom")

LONGEST = 200
"""Maximum number of characters of a path in a message."""


def as_user_named(section: Section, overrides: Overrides, split: str, its_data: bool) -> Section:
    """Return the section of a model's own data as far as the user named what it reads.

    Args:
        section: Section of the model's data, with the user's overrides.
        overrides: The user's overrides.
        split: Name of the split that will be read.
        its_data: Whether files that only the model names may be read; they are logged.

    Raises:
        ConfigError: The split is in files that only the model names.
    """
    own = {data_key(word) for word in overrides.data}
    if not its_data:
        section = _reduced(section, own, split)
    named = named_files("data", section, own)
    if not named:
        return section
    listing = shown(named)
    if its_data:
        log.warning("Reading the data that the model names: %s", listing)
        return section
    raise ConfigError(
        f"The model names its own data, {listing}, which is read only on request: to read it, add "
        f"--its-data (in Python its_data=True); for other data, name it: data.{split}=FILE"
    )


def shown(named: Mapping[str, str]) -> str:
    """Return paths by key as words of a message: ``data.test=FILE``."""
    pairs = [printable(f"data.{key}={value}") for key, value in named.items()]
    return ", ".join(one if len(one) <= LONGEST else f"{one[:LONGEST]}…" for one in pairs)


def _reduced(section: Section, own: set[str], split: str) -> Section:
    """Return the section without the files of splits that are not needed for the one to read."""
    source = {split} if section.get(split) or split == "train" else {split, "train"}
    return {
        key: None if key in SPLITS and key not in source | own and _is_file(value) else value
        for key, value in section.items()
    }


def _is_file(value: object) -> bool:
    return isinstance(value, str | Mapping)
