"""Turn a composed config into plain, checked data: every value resolved and every key known."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, cast, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from seqloom.config.hydra_errors import FROM_MAPPING, rephrased
from seqloom.config.interval import parse_interval, parse_limit
from seqloom.config.options import hint_of_options
from seqloom.config.run_config import RunConfig, Section
from seqloom.config.schema import Run
from seqloom.errors import Cause, ConfigError, SeqloomError, did_you_mean
from seqloom.plugins import KINDS, Kind, registry


def freeze(config: DictConfig) -> RunConfig:
    """Return the config with every value resolved and checked.

    Parameters that are null get the value that another component suggests.

    Raises:
        ConfigError: A value is missing, an interpolation cannot be resolved, a key is unknown, or a
            schema rejects a value.
        PluginError: A component is not installed.
    """
    plain = _plain(config)
    refuse_unknown_keys(plain)
    follow_suggestions(plain)
    refuse_out_of_range(plain)
    if plain.get("save_every") is not None:
        parse_interval("save_every", plain["save_every"])
    if plain.get("time_limit") is not None:
        parse_limit("time_limit", plain["time_limit"])
    return RunConfig.from_plain(plain)


def freeze_section(config: DictConfig, kind: Kind) -> Section:
    """Return one component's section of a config as plain data; raises the errors of `freeze`."""
    section: Section = _plain(config)[kind]
    _refuse_in_section(kind, section)
    return section


def _plain(config: DictConfig) -> Section:
    try:
        plain: Any = OmegaConf.to_container(
            config, resolve=True, throw_on_missing=True, enum_to_str=True
        )
    except MissingMandatoryValue as error:
        key = error.full_key
        raise ConfigError(f"{key} has no value. Set it: {key}=…", cause=Cause.no_value) from error
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        if reason.startswith(FROM_MAPPING):
            raise ConfigError(
                f"{error.full_key}: {rephrased(reason)}.", cause=Cause.wrong_value
            ) from error
        raise ConfigError(f"{error.full_key} cannot be resolved: {reason}.") from error
    return {key: _name_first(value) for key, value in plain.items()}


def _name_first(section: Any) -> Any:
    """Return a component's section with its name before its parameters, for readability."""
    if isinstance(section, dict) and "name" in section:
        return {"name": section["name"], **section}
    return section


def refuse_unknown_keys(config: Section) -> None:
    """Reject keys that were added by ``+key=value`` but that nothing reads.

    Raises:
        ConfigError: A key is unknown; the message names a similar one.
        PluginError: A component is not installed.
    """
    _refuse(config, Run, "", "a run")
    for kind in KINDS:
        _refuse_in_section(kind, config[kind])


def follow_suggestions(config: Section) -> None:
    """Set parameters that are null to what the components suggest, in place.

    What suits one head or data set does not suit another: a small file of sentences needs dropout
    and many epochs, a generated grammar neither. The head counts first, the data set after it, and
    what a component suggests for its own section comes last.
    """
    found = [(kind, registry().find(kind, config[kind]["name"])) for kind in reversed(KINDS)]
    suggestions = [
        (kind, *key.partition("=")[::2], params)
        for kind, component in found
        for key, params in component.suggests.items()
    ]
    for _, name, option, params in sorted(suggestions, key=lambda one: one[0] == one[1]):
        section = config.get(name)
        if not section or (option and section.get("name") != option):
            continue
        section.update({one: params[one] for one in params if section.get(one, 0) is None})


def _refuse_in_section(kind: Kind, section: Any) -> None:
    if not isinstance(section, dict) or "name" not in section:
        raise ConfigError(
            f"{kind} must be one of the installed components, chosen as {kind}=NAME: "
            f"{', '.join(registry().names(kind))}. A preset of one starts with "
            f"defaults: [/schema/{kind}/NAME@_here_, _self_]"
        )
    component = registry().find(kind, section["name"])
    params = {key: value for key, value in section.items() if key != "name"}
    _refuse(params, component.section_schema(), f"{kind}.", f"{kind}={component.name}")
    own = {key: value for key, value in params.items() if key not in component.settings}
    try:
        component.schema(**own)  # its __post_init__ may reject values before any data is read
    except SeqloomError:
        raise
    except Exception as error:  # a plugin's schema can raise anything
        raise ConfigError(
            f"{kind}={component.name} does not accept its parameters: {error}",
            cause=Cause.wrong_value,
        ) from error


def _refuse(params: Section, schema: type, prefix: str, owner: str) -> None:
    """Reject keys that are not in a schema or in the schemas nested in it."""
    known, hints = [f.name for f in fields(schema)], get_type_hints(schema)
    for key, value in params.items():
        if key not in known:
            hint = did_you_mean(str(key), known) + hint_of_options(f"{prefix}{key}")
            raise ConfigError(
                f"{prefix}{key} is not a parameter of {owner}. {hint}", cause=Cause.unknown_key
            )
        if is_dataclass(hints[key]) and isinstance(value, dict):
            _refuse(value, cast("type", hints[key]), f"{prefix}{key}.", owner)


MINIMUM = {
    "seed": 0,
    "threads": 1,
    "max_restarts": 0,
    "batch.max_examples": 1,
    "batch.max_cost": 1,
    "batch.workers": 0,
    "batch.max_length": 1,
    "data.take": 1,
    "budget.epochs": 1,
    "budget.min_steps": 0,
    "budget.max_epochs": 1,
    "trainer.accumulate_grad_batches": 1,
    "trainer.check_val_every_n_epoch": 1,
    "trainer.log_every_n_steps": 1,
    "trainer.num_nodes": 1,
}

TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "trainer.max_epochs": ((int,), "a whole number"),
    "trainer.max_steps": ((int,), "a whole number"),
    "trainer.max_time": ((str, dict), "a time as DD:HH:MM:SS"),
    "trainer.limit_train_batches": ((int, float), "a number"),
    "trainer.limit_val_batches": ((int, float), "a number"),
    "trainer.gradient_clip_val": ((int, float), "a number"),
    "optimizer.lr": ((int, float), "a number"),
}
"""Types of settings of Lightning and torch, which have no schema, and their names in messages."""


def refuse_out_of_range(config: Section) -> None:
    """Reject settings of a wrong type, or below their minimum.

    Raises:
        ConfigError: A value is below its minimum, or is not a number.

    >>> refuse_out_of_range({"threads": 0})
    Traceback (most recent call last):
    seqloom.errors.ConfigError: threads=0: expected 1 or more.
    """
    for key, minimum in MINIMUM.items():
        value = _at(config, key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise ConfigError(f"{key}={value}: expected a whole number.", cause=Cause.wrong_value)
        if value is not None and value < minimum:
            raise ConfigError(
                f"{key}={value}: expected {minimum} or more.", cause=Cause.wrong_value
            )
    for key, (kinds, words) in TYPES.items():
        value = _at(config, key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise ConfigError(f"{key}={value}: expected {words}.", cause=Cause.wrong_value)


def _at(config: Section, key: str) -> Any:
    section, _, name = key.rpartition(".")
    return (config.get(section) or {}).get(name) if section else config.get(name)
