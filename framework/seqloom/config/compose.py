"""Compose a run's config: from overrides to a frozen, checked config.

On the command line, Hydra composes and `freeze_and_check` does the rest; in Python,
`compose_run` does both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_module
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_automatic_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, SearchPathException
from hydra.version import VersionBase
from omegaconf import DictConfig

from seqloom.config.automatic_split import with_automatic_split
from seqloom.config.compatibility import check_compatible
from seqloom.config.freeze import freeze, freeze_section
from seqloom.config.hydra_errors import COMPOSITION_ERRORS, explain, not_utf8
from seqloom.config.quoted_keys import as_key, with_plain_keys
from seqloom.config.run_config import RunConfig, Section
from seqloom.config.store import register_configs
from seqloom.errors import Cause, ConfigError, writable
from seqloom.plugins import KINDS
from seqloom.plugins.registry import DISABLE_KEY, disable

VERSION_BASE = "1.3"

Amend = Callable[[RunConfig, Sequence[str]], RunConfig]
"""Function from a frozen config and the user's overrides to the config that is checked and run."""


def compose_run(
    overrides: Sequence[str], amend: Amend | None = None, config_dir: Path | None = None
) -> RunConfig:
    """Return the frozen, checked config that ``seqloom train`` would run with these overrides.

    Args:
        overrides: Overrides as on the command line.
        amend: Function that is applied to the config before the compatibility check.
        config_dir: Folder with the user's own options, as ``--config-dir`` names it.

    Raises:
        ConfigError: It cannot be composed, or its components are not compatible.
        PluginError: A component is not installed.
    """
    overrides = with_plain_keys(overrides)
    disable_by(overrides)
    return freeze_and_check(composed("train", overrides, config_dir), overrides, amend)


def freeze_and_check(
    found: DictConfig, overrides: Sequence[str], amend: Amend | None = None
) -> RunConfig:
    """Return a config that Hydra composed, frozen and checked; see `compose_run`.

    It also disables the plugins of ``disable_plugins``, applies ``amend`` (with ``init=``, what the
    trained model gives) and adds the automatic split.
    """
    for word in overrides:
        if word != writable(word):
            raise not_utf8(word)
    disable(found.disable_plugins)
    config = freeze(found)
    if amend:
        config = amend(config, overrides)
    config = with_automatic_split(config)
    check_compatible(config.components)
    return config


SWEEP_WORDS = ("hydra.sweeper.", "hydra/sweeper=", "hydra.launcher.", "hydra/launcher=")
"""Starts of the overrides that have no effect on a single run."""


def refuse_sweep(words: Sequence[str], chosen: str | None = None) -> None:
    """Refuse to train one model where the words or the chosen option describe a sweep.

    Args:
        words: Overrides of a single run.
        chosen: Option of the group ``sweep``, if it is known.

    Raises:
        ConfigError: One of them describes a sweep.
    """
    given = [word for word in words if word.lstrip("+").startswith((*SWEEP_WORDS, "sweep="))]
    given = [word for word in given if word not in NO_SWEEP]
    if not given and f"sweep={chosen or 'grid'}" not in NO_SWEEP:
        given = [f"sweep={chosen}"]
    if given:
        raise ConfigError(
            f"{given[0]} describes several runs, which need -m: seqloom train -m {given[0]} …. "
            "Leave it out to train one model.",
            cause=Cause.several_values,
        )


NO_SWEEP = ("sweep=grid", "sweep=null")
"""Choices of the group ``sweep`` that ask for no runs of their own."""


def refuse_no_folder(words: Sequence[str]) -> None:
    """Refuse an empty ``run_dir``, before files are written where the command was given.

    Raises:
        ConfigError: A word is ``run_dir=`` without a path.
    """
    if {"run_dir=", "run_dir=''", 'run_dir=""'} & set(words):
        raise ConfigError("run_dir is empty. Set it: run_dir=PATH", cause=Cause.no_value)


def compose_data(overrides: Sequence[str]) -> Section:
    """Return the data section that ``data=NAME data.KEY=VALUE`` overrides describe.

    Raises:
        ConfigError: It cannot be composed.
        PluginError: The component is not installed.
    """
    return freeze_section(composed("evaluate", overrides), "data")


def composed(
    config_name: str, overrides: Sequence[str], config_dir: Path | None = None
) -> DictConfig:
    """Return a config as Hydra composes it, neither resolved nor checked.

    Args:
        config_name: ``train`` or ``evaluate``.
        overrides: Overrides as on the command line.
        config_dir: Folder with the user's own options.

    Raises:
        ConfigError: It cannot be composed.
        PluginError: A component is not installed.
    """
    register_configs()
    try:
        with _preserve_hydra(), initialize_config_module("seqloom_conf", version_base=VERSION_BASE):
            if config_dir is not None:
                _search_in(config_dir)
            return compose(config_name, overrides=with_plain_keys(overrides))
    except COMPOSITION_ERRORS as error:
        raise explain(error) from error


def _search_in(folder: Path) -> None:
    """Let Hydra look for options in a folder too, at the place where ``--config-dir`` has it."""
    if not folder.is_dir():
        raise SearchPathException(f"Additional config directory '{folder.absolute()}' not found")
    path = create_automatic_config_search_path(None, None, "pkg://seqloom_conf")
    schema = SearchPathQuery(provider="schema")
    path.prepend(provider="command-line", path=f"file://{folder.absolute()}", anchor=schema)
    GlobalHydra.instance().clear()
    Hydra.create_main_hydra2("app", path)


@contextmanager
def _preserve_hydra() -> Iterator[None]:
    """Preserve the state of a Hydra that is running in this process, perhaps another program's."""
    running, base = GlobalHydra.instance().hydra, VersionBase.instance().version_base
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = running
        VersionBase.instance().version_base = base


def disable_by(words: Sequence[str]) -> None:
    """Disable the plugins that ``disable_plugins=[NAME]`` on a command line names, and no others.

    Which options a command has depends on its plugins, so this runs before composing. In a
    YAML file, the key takes effect once the config is composed: components of those plugins are
    then rejected.

    Raises:
        ConfigError: The value is not a list of names, or names a plugin that is not installed.
    """
    named = [word for word in words if word.lstrip("+").partition("=")[0] == DISABLE_KEY]
    disable(_names(named[-1]) if named else ())


def _names(word: str) -> list[str]:
    try:
        override = OverridesParser.create().parse_override(word)
        value = None if override.is_sweep_override() else override.value()
    except HydraException:
        value = None
    if not isinstance(value, list):
        raise ConfigError(
            f"{word!r} cannot be read; write {DISABLE_KEY}=[NAME,NAME]. It applies to the "
            "whole command and cannot be swept over.",
            cause=Cause.unreadable_override,
        )
    return [str(name) for name in value]


def as_overrides(given: Iterable[str | Mapping[str, Any]]) -> list[str]:
    """Return overrides as command-line words.

    A mapping becomes the words that set its values: the ``name`` of a section chooses the option of
    its group, and keys that a section of Lightning or torch lacks are added.

    Args:
        given: Words, and mappings from keys to values, such as
            ``{"encoder": {"name": "lstm", "hidden_size": 64}}``.

    >>> as_overrides(["seed=1", {"encoder": {"name": "lstm", "merge": None}, "threads": 2}])
    ['seed=1', 'encoder=lstm', 'encoder.merge=null', 'threads=2']
    >>> as_overrides([{"trainer": {"max_epochs": 3}, "data": {"train": "a, b.csv"}}])
    ['++trainer.max_epochs=3', "data.train='a, b.csv'"]
    """
    words: list[str] = []
    for one in given:
        if isinstance(one, str):
            words.append(one)
            continue
        if not isinstance(one, Mapping):
            raise ConfigError(
                f"{one!r} ({type(one).__name__}) is not an override. Pass each one separately, as "
                'a string such as "encoder=lstm" or a mapping: fit("encoder=lstm", "seed=1", '
                "run_dir=PATH).",
                cause=Cause.unreadable_override,
            )
        for key, value in one.items():
            words += _words(key, value) if isinstance(value, Mapping) else [f"{key}={_text(value)}"]
    return words


def _words(key: str, section: Mapping[str, Any]) -> list[str]:
    plus = "" if key in KINDS or key == "batch" else "++"
    choice = [f"{key}={section['name']}"] if "name" in section else []
    values = [f"{plus}{key}.{name}={_text(section[name])}" for name in section if name != "name"]
    return [*choice, *values]


def _text(value: object) -> str:
    """Return a value in the syntax of Hydra's overrides."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_key(name)}: {_text(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_text, value)) + "]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return str(value) if isinstance(value, int | float) else quoted(value)


def quoted(value: object) -> str:
    r"""Return a value, such as a path, in quotes, so that Hydra takes it literally.

    Backslashes are literal unless a quote follows.

    >>> print(quoted("here, or there"), quoted("it's"))
    'here, or there' 'it\'s'
    """
    text = re.sub(r"(\\*)('|\Z)", lambda one: 2 * one[1] + (one[2] and "\\'"), str(value))
    return f"'{text}'"
