"""What ``evaluate`` and ``predict`` share: which data component reads, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins import Component, choice, registry

Section = dict[str, Any]


def split_overrides(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the name in ``data=NAME``, if there is one, and the ``data.key=value`` words.

    Raises:
        ConfigError: a word is neither.
    """
    name, pairs = None, []
    for word in words:
        if word.startswith("data="):
            name = word.removeprefix("data=")
        elif word.startswith("data.") and "=" in word:
            pairs.append(word.removeprefix("data."))
        else:
            raise ConfigError(f"{word!r} is neither data=NAME nor data.KEY=VALUE.")
    return name, pairs


def with_overrides(section: Mapping[str, Any], pairs: Sequence[str]) -> Section:
    """Return a data component's section with values replaced, checked against its schema.

    Raises:
        ConfigError: a key is unknown, or a value is of a wrong type.
        PluginError: the component is not installed.
    """
    name, params = choice(section)
    component = registry().find("data", name)
    typed = OmegaConf.structured(component.schema)
    try:
        for key, value in params.items():
            # A dict of the user's own is replaced; one with a schema is filled.
            OmegaConf.update(typed, key, value, merge=OmegaConf.get_type(typed, key) is not dict)
        typed = OmegaConf.merge(typed, OmegaConf.from_dotlist(list(pairs)))
        plain: Any = OmegaConf.to_container(typed, resolve=True, enum_to_str=True)
    except OmegaConfBaseException as fault:
        reason = str(fault).splitlines()[0]
        raise ConfigError(f"data={name} refuses {' '.join(pairs)}: {reason}") from fault
    return {"name": name, **plain}


def reader(
    stored: Mapping[str, Any] | None, wanted: str | None, paths: Sequence[str], pairs: Sequence[str]
) -> Section:
    """Return the section of the data component that reads the given files.

    The component is the one wanted; else that the model was trained with, if it reads such files;
    else the first that does; standard input is read as plain lines.

    Raises:
        ConfigError: no component reads such files.
    """
    name = wanted or _by_suffix(stored, paths[0])
    section = dict(stored) if stored and stored["name"] == name else {"name": name}
    return with_overrides(section, pairs)


def _by_suffix(stored: Mapping[str, Any] | None, path: str) -> str:
    if path == "-":
        return "lines"
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    reading = [part.name for part in _readers() if suffix in part.suffixes]
    if stored and stored["name"] in reading:
        return str(stored["name"])
    if not reading:
        known = {known for part in _readers() for known in part.suffixes}
        raise ConfigError(
            f"No installed reader takes files like {path!r}; name one with --data NAME. "
            f"{did_you_mean(suffix, known)}"
        )
    return reading[0]


def _readers() -> list[Component]:
    return [registry().find("data", name) for name in registry().names("data")]
