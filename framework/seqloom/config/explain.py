"""Hydra's and OmegaConf's errors as sentences that name the key, what came and what to do."""

from __future__ import annotations

import re

from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from seqloom.config.store import register_configs
from seqloom.errors import ConfigError, PluginError, SeqloomError, did_you_mean
from seqloom.plugins import KINDS, Kind, registry

# Hydra refuses ``encoder=3`` by a bare ValueError.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, ValueError)

ASIDE = ("full_key:", "object_type=", "reference_type=")
"""What OmegaConf adds to its messages for its own developers."""


def explain(fault: Exception) -> SeqloomError:
    """Return an error of composing as one of ours."""
    if isinstance(fault, MissingConfigException) and fault.missing_cfg_file:
        group, _, name = fault.missing_cfg_file.removesuffix(".yaml").rpartition("/")
        if group:
            return _no_option(group, name, fault.options or ())
    cause = fault if isinstance(fault, OmegaConfBaseException) else fault.__cause__
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.key is not None:
        return _no_key(fault, cause)
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        return _wrong_value(fault, cause)
    return ConfigError("\n".join(_lines(fault)))


def _no_option(group: str, name: str, options: tuple[str, ...] | list[str]) -> SeqloomError:
    for kind in KINDS:
        if group in (kind, f"schema/{kind}"):
            return _no_component(kind, name, options)
    return ConfigError(f"There is no {group}={name}. {did_you_mean(name, options)}")


def _no_component(kind: Kind, name: str, options: tuple[str, ...] | list[str]) -> SeqloomError:
    if (kind, name) in register_configs():
        return PluginError(f"{kind}={name} is of no use: {register_configs()[kind, name]}")
    if (kind, name) in registry().contested:
        try:
            registry().find(kind, name)
        except PluginError as contested:
            return contested
    hint = did_you_mean(name, options)
    return ConfigError(f"There is no {kind}={name}. {hint}{registry().absent()}")


def _no_key(fault: Exception, cause: OmegaConfBaseException) -> ConfigError:
    """Say which key is unknown, and what there is in its place."""
    parent = cause.parent_node
    known = [str(key) for key in parent or () if key not in ("hydra", "_target_", "_partial_")]
    hint = did_you_mean(str(cause.key), known)
    full_key, where = cause.full_key or str(cause.key), _where(fault)
    section, dot, _ = full_key.rpartition(".")
    owner = f"{section} has no key {cause.key!r}" if dot else f"A run has no {cause.key!r}"
    message = f"{where}{owner}. {hint}"
    target = parent.get("_target_") if parent is not None and "_target_" in parent else None
    if target and not where:
        message += f" To hand it to {target} all the same, put a plus in front: +{full_key}=…"
    return ConfigError(message)


def _wrong_value(fault: Exception, cause: OmegaConfBaseException) -> ConfigError:
    key, where = str(cause.full_key), _where(fault)
    section, _, last = key.rpartition(".")
    if last == "name" and section in KINDS:
        return ConfigError(
            f"{where}{key} cannot be set: it says which part was chosen. Choose another part with "
            f"{section}=NAME."
        )
    reason = _lines(cause)[0].rstrip(".")
    return ConfigError(f"{where}{key}: {_plainly(reason)}.")


def _where(fault: Exception) -> str:
    """Return the YAML file in which the fault is, as the start of a message."""
    found = re.match(r"In '([^']+)'", str(fault))
    return f"In the config {found[1]!r}: " if found else ""


PHRASES = (
    (r"Value (.*) of type '\w+' could not be converted to Integer", r"\1 is not a whole number"),
    (r"Value (.*) of type '\w+' could not be converted to Float", r"\1 is not a number"),
    (r"Value '(.*)' is not a valid bool.*", r"'\1' is neither true nor false"),
    (r"Invalid value (.*), expected one of \[(.*)\]", r"\1 is none of: \2"),
    (r"field '.*' is not Optional", r"null is no value for it"),
)


def _plainly(reason: str) -> str:
    for pattern, phrase in PHRASES:
        if re.fullmatch(pattern, reason):
            return re.sub(pattern, phrase, reason)
    return reason


def _lines(fault: Exception) -> list[str]:
    """Return the lines of an error and its cause that say something, each once."""
    texts = [str(error) for error in (fault, fault.__cause__) if error]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return list(dict.fromkeys(one for one in lines if one and not one.startswith(ASIDE)))
