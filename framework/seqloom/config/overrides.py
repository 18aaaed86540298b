"""Overrides of a trained model: ``data=NAME``, ``data.KEY=VALUE`` and ``head.KEY=VALUE``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqloom.config.hydra_errors import explain
from seqloom.config.params import typed_params
from seqloom.config.quoted_keys import with_plain_keys
from seqloom.config.run_config import Section
from seqloom.errors import ConfigError
from seqloom.plugins import KINDS, Kind, registry
from seqloom.plugins.registry import interpolation_in, name_and_params


@dataclass
class Overrides:
    """Overrides of a trained model's data and head.

    Attributes:
        name: Name in ``data=NAME``, if there is one.
        data: The ``data.KEY=VALUE`` words.
        head: The ``head.KEY=VALUE`` words.
    """

    name: str | None = None
    data: list[str] = field(default_factory=list)
    head: list[str] = field(default_factory=list)


def is_override(word: str) -> bool:
    """Tell ``data=NAME`` and ``data.KEY=VALUE`` from the name of a file, such as ``data.csv``.

    >>> is_override("data.columns.text=body"), is_override("head.csv")
    (True, False)
    """
    key, equals, _ = word.lstrip("+").partition("=")
    return bool(equals) and (key == "data" or key.startswith(("data.", "head.")))


def refuse_override_of_trained(word: str) -> None:
    """Refuse an override of what cannot change after training, unless a file has this name.

    Raises:
        ConfigError: The word is such an override, or ``on_bad=``.
    """
    key, equals, value = word.lstrip("+~").partition("=")
    if equals and key == "on_bad" and not Path(word).exists():
        raise ConfigError(f"{word} is written with dashes here: --on-bad {value}")
    if equals and key.partition(".")[0] in KINDS and not Path(word).exists():
        raise ConfigError(
            f"{word}: the components of a model are fixed by training. Only how data is read "
            "(data=NAME, data.KEY=VALUE) and how predictions are decoded (head.KEY=VALUE) can be "
            "set here; for the rest, train again."
        )


def refuse_without_effect(words: Sequence[str], keys: Sequence[str], reason: str) -> None:
    """Refuse ``data.KEY=VALUE`` of keys that change nothing here.

    Args:
        words: The user's overrides.
        keys: Keys below ``data``.
        reason: A sentence: why they change nothing, and what to do.

    Raises:
        ConfigError: A word sets one of the keys.
    """
    for word in words:
        if data_key(word).partition(".")[0] in keys:
            raise ConfigError(f"{word} has no effect here: {reason}")


def data_key(word: str) -> str:
    """Return the key below ``data`` that an override sets.

    >>> data_key("data.columns.text=body")
    'columns.text'
    """
    return word.lstrip("+~").partition("=")[0].removeprefix("data.")


def split_overrides(words: Sequence[str]) -> Overrides:
    """Return the words by what they set.

    Raises:
        ConfigError: A word is not an override of the data or the head.
    """
    found = Overrides()
    for word in words:
        if not is_override(word):
            refuse_override_of_trained(word)
            own = f" A file to evaluate on: data.test={word}" if Path(word).exists() else ""
            raise ConfigError(
                f"{word!r}: expected data=NAME, data.KEY=VALUE or head.KEY=VALUE.{own}"
            )
        if word.startswith("data="):
            found.name = word.removeprefix("data=")
        else:
            (found.head if word.lstrip("+").startswith("head.") else found.data).append(word)
    return found


def with_overrides(
    section: Mapping[str, Any], pairs: Sequence[str], kind: Kind = "data"
) -> Section:
    """Return a component's section with values replaced, checked against its schema.

    Args:
        section: Name of the component, and its parameters that differ from the schema's defaults.
        pairs: ``data.KEY=VALUE``, in the language of Hydra's overrides.
        kind: Kind of the component.

    Raises:
        ConfigError: A key is unknown, or a value has a wrong type or is missing.
        PluginError: The component is not installed.
    """
    name, params = name_and_params(section)
    found = interpolation_in(params)
    if found:
        raise ConfigError(
            f"The model's own {kind}={name} holds {found!r}, which training never writes: the "
            "bundle was tampered with. Choose the data yourself: data=NAME data.test=PATH."
        )
    component = registry().find(kind, name)
    try:
        overrides = OverridesParser.create().parse_overrides(with_plain_keys(pairs))
        values = [(one.key_or_group.removeprefix(f"{kind}."), one.value()) for one in overrides]
    except HydraException as error:
        raise explain(error, prefix=f"{kind}.") from error
    return {"name": name, **typed_params(component, [*params.items(), *values])}
