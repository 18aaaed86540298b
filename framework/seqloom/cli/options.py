"""What ``evaluate`` and ``predict`` share: which data component reads, with which parameters."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from seqloom.config.explain import explain
from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins import Component, choice, registry

Section = dict[str, Any]


def is_override(word: str) -> bool:
    """Tell ``data=NAME`` and ``data.KEY=VALUE`` from the name of a file, such as ``data.csv``.

    >>> is_override("data.columns.text=body"), is_override("data.csv")
    (True, False)
    """
    key, equals, _ = word.lstrip("+").partition("=")
    return bool(equals) and (key == "data" or key.startswith("data."))


def split_overrides(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the name in ``data=NAME``, if there is one, and the ``data.KEY=VALUE`` words.

    Raises:
        ConfigError: a word is neither.
    """
    name, pairs = None, []
    for word in words:
        if not is_override(word):
            raise ConfigError(f"{word!r} is neither data=NAME nor data.KEY=VALUE.")
        if word.startswith("data="):
            name = word.removeprefix("data=")
        else:
            pairs.append(word)
    return name, pairs


def with_overrides(section: Mapping[str, Any], pairs: Sequence[str]) -> Section:
    """Return a data component's section with values replaced, checked against its schema.

    Args:
        section: the component's name, and its parameters that are not the schema's own.
        pairs: ``data.KEY=VALUE``, in the language of Hydra's overrides.

    Raises:
        ConfigError: a key is unknown, a value is of a wrong type or missing.
        PluginError: the component is not installed.
    """
    name, params = choice(section)
    refuse_interpolations(params, f"data={name}")
    component = registry().find("data", name)
    typed = OmegaConf.structured(component.schema)
    try:
        for key, value in params.items():
            _set(typed, key, value)
        for override in OverridesParser.create().parse_overrides(list(pairs)):
            key = override.key_or_group.removeprefix("data.")
            _set(typed, key, override.value())
        plain: Any = OmegaConf.to_container(
            typed, resolve=True, enum_to_str=True, throw_on_missing=True
        )
    except MissingMandatoryValue as fault:
        key = f"data.{fault.full_key}"
        raise ConfigError(f"{key} has no value; give one: {key}=…") from fault
    except (HydraException, OmegaConfBaseException) as fault:
        raise explain(fault, prefix="data.") from fault
    return {"name": name, **plain}


def refuse_interpolations(value: Any, where: str) -> None:
    """Refuse ``${…}`` in what a bundle stores: it would be filled from the reader's environment.

    Raises:
        ConfigError: there is one.
    """
    if isinstance(value, str) and "${" in value:
        raise ConfigError(
            f"The model's own {where} holds {value!r}, which no training writes: the bundle was "
            "tampered with. Name the data yourself: data=NAME data.test=PATH."
        )
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        refuse_interpolations(one, where)


def _set(typed: DictConfig, key: str, value: Any) -> None:
    """Set a value; a dict of the user's own is replaced, one with a schema is filled."""
    kind = OmegaConf.get_type(OmegaConf.select(typed, key, throw_on_resolution_failure=False))
    OmegaConf.update(typed, key, value, merge=is_dataclass(kind))


def reader(
    stored: Mapping[str, Any] | None, wanted: str | None, paths: Sequence[str], pairs: Sequence[str]
) -> Section:
    """Return the section of the data component that reads the given files.

    The component is the one wanted; else that the model was trained with, if it reads such files;
    else the first that does; standard input is read as plain lines.

    Raises:
        ConfigError: no component reads such files.
    """
    name = wanted or _the_reader(stored, paths)
    section = dict(stored) if stored and stored["name"] == name else {"name": name}
    return with_overrides(section, pairs)


def _the_reader(stored: Mapping[str, Any] | None, paths: Sequence[str]) -> str:
    readers = {path: _by_suffix(stored, path) for path in paths}
    if len(set(readers.values())) > 1:
        listing = ", ".join(f"{path} ({name})" for path, name in readers.items())
        raise ConfigError(
            f"These inputs need different readers: {listing}. Predict from one kind at a time, or "
            "name one reader for all of them with --data NAME."
        )
    return readers[paths[0]]


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


def positive(text: str) -> int:
    """Return a whole number from 1 up, for argparse.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def use_threads(count: int) -> None:
    """Let torch use so many threads of the CPU; it would take all, also of a busy machine."""
    import torch

    torch.set_num_threads(count)


def _readers() -> list[Component]:
    return [registry().find("data", name) for name in registry().names("data")]
