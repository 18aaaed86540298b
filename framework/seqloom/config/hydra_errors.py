"""Explain errors of Hydra and OmegaConf: the key, the value, what was expected, what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    KeyValidationError,
    OmegaConfBaseException,
)
from yaml import MarkedYAMLError

from seqloom.config.groups import no_option, options_by_group
from seqloom.config.options import hint_of_options
from seqloom.config.store import register_configs
from seqloom.errors import Cause, ConfigError, PluginError, SeqloomError, did_you_mean, writable
from seqloom.extras import install_command
from seqloom.plugins import KINDS, Kind, registry
from seqloom.plugins.named_files import SPLITS
from seqloom.plugins.readers import suffix_of

# Hydra rejects ``encoder=3`` with a bare ValueError.
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, MarkedYAMLError, ValueError)

# Lines that Hydra and OmegaConf add to their messages for developers.
ASIDE = r"full_key:|object_type=|reference_type=|In '.*' raised while composing config:|In '.*':"


def explain(error: Exception, prefix: str = "") -> SeqloomError:
    """Return an error of composition as an error of seqloom.

    Args:
        error: Error of Hydra or OmegaConf.
        prefix: Prefix of the keys if a section was composed alone, such as ``data.``.
    """
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, name = error.missing_cfg_file.removesuffix(".yaml").rpartition("/")
        if group:
            return _no_option(group, name, error.options or options_by_group().get(group) or ())
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        place = f"{error.problem_mark.name}:{error.problem_mark.line + 1}"
        return ConfigError(
            f"{place}: this is not valid YAML: {error.problem}.", cause=Cause.not_parsed
        )
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override)
    return _explain_text("\n".join(map(str, (error, error.__cause__)))) or _composed(error, prefix)


def _explain_text(text: str) -> ConfigError | None:
    """Return the explanation of an error that only its text identifies."""
    several = re.search(r"Ambiguous value for argument '(.*)'", text)
    if several:
        word, key = several[1], several[1].partition("=")[0]
        return ConfigError(
            f"{word!r} has several values. To try each, put -m before: seqloom train -m {word}. A "
            "single value that contains a comma needs quotes inside the shell's quotes: "
            f"'{key}=\"VALUE\"'. A list is written {key}=[A,B].",
            cause=Cause.several_values,
        )
    no_text = re.search(r"override ([^=\s]+)=.*\nIncompatible key type", text)
    if no_text:
        return ConfigError(
            f"{no_text[1]}: keys must be strings, but one was parsed as null or similar. It needs "
            f"quotes inside the shell's quotes: '{no_text[1]}={{\"KEY\": VALUE}}'.",
            cause=Cause.wrong_value,
        )
    if text.startswith("Config group override must be a string"):
        return ConfigError(
            "A group of the config, such as encoder, takes the name of one of its options, "
            "encoder=lstm, not null or a number. To leave one out: ~scheduler, logger=none or "
            "callbacks=none.",
            cause=Cause.wrong_value,
        )
    merged = re.match(r"In '(\w+)/\w+': .*\nMerge error: \w+ is not a subclass", text)
    if merged:
        return ConfigError(
            f"Several options of {merged[1]} are given; expected one, {merged[1]}=NAME. To "
            f"compare them, put -m before: seqloom train -m {merged[1]}=NAME,NAME.",
            cause=Cause.several_values,
        )
    if text.startswith("Only one of --run"):
        return ConfigError(
            "--cfg, --info and similar flags describe one run: leave out -m.",
            cause=Cause.several_values,
        )
    return None


def _composed(error: Exception, prefix: str) -> SeqloomError:
    cause = _cause(error)
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.key is not None:
        return _no_key(error, cause, prefix)
    if cause is not None and cause.full_key:
        return _wrong_value(error, cause, prefix)
    return ConfigError(_where(error) + "\n".join(_lines(error)))


def _cause(error: Exception) -> OmegaConfBaseException | None:
    """Return the underlying error of OmegaConf, if there is one; it has the key and the value."""
    for one in (error, error.__cause__, error.__context__):
        if isinstance(one, OmegaConfBaseException):
            return one
    return None


def _unreadable(override: str) -> ConfigError:
    if "=" not in override:
        return ConfigError(
            f"{override!r} cannot be read; write GROUP=NAME or KEY=VALUE.",
            cause=Cause.unreadable_override,
        )
    key = override.partition("=")[0]
    if override != writable(override):
        return not_utf8(override)
    if override.count("{") > override.count("}") or override.count("[") > override.count("]"):
        return ConfigError(
            f"{override!r} cannot be read: a bracket is not closed. If the value contains spaces, "
            f"the shell splits it: quote the whole word, '{key}={{KEY: VALUE, …}}'.",
            cause=Cause.unreadable_override,
        )
    if re.match(r"[^={]+=\{[^'\"]+:", override):
        return ConfigError(
            f"{override!r} cannot be read. Strings with characters other than letters and digits "
            f'need quotes inside the shell\'s quotes: \'{key}={{"KEY": "VALUE"}}\'.',
            cause=Cause.unreadable_override,
        )
    if "." in key and not re.fullmatch(r"[~+]*\w+([.@/:]\w+)*", key, re.ASCII):
        section = key.rpartition(".")[0]
        return ConfigError(
            f"{override!r} cannot be read. A key with characters other than letters and digits "
            f"needs braces and quotes: '{section}={{\"KEY\": VALUE}}'.",
            cause=Cause.unreadable_override,
        )
    return ConfigError(
        f"{override!r} cannot be read. A value with a comma, semicolon, bracket, ~ or similar "
        "needs quotes inside the shell's quotes: 'KEY=\"VALUE\"'.",
        cause=Cause.unreadable_override,
    )


def not_utf8(word: str) -> ConfigError:
    """Return the error for an override with lone surrogates, as in names that are not UTF-8."""
    return ConfigError(
        f"{word!a} has bytes that are not UTF-8, so it cannot be recorded with the run. Rename the "
        "file or the folder, or use other characters.",
        cause=Cause.unreadable_override,
    )


LAUNCHERS = {"joblib": "sweep", "submitit_slurm": "sweep", "submitit_local": "sweep", "ray": "ray"}
"""The extras whose packages provide launchers of Hydra."""


def _no_option(group: str, name: str, options: Sequence[str]) -> SeqloomError:
    if group == "hydra/launcher" and name in LAUNCHERS:
        return ConfigError(
            f"hydra/launcher={name} needs its package: {install_command(LAUNCHERS[name])}",
            cause=Cause.unknown_option,
        )
    if group.partition("/")[0] == "data" and (file := _named_file(f"{group}/{name}")):
        return file
    for kind in KINDS:
        if group in (kind, f"schema/{kind}"):
            return _no_component(kind, name, options)
    return ConfigError(
        f"There is no {group}={name}. {did_you_mean(name, options)}", cause=Cause.unknown_option
    )


def _named_file(option: str) -> ConfigError | None:
    """Return the error for ``data=FILE``, where the name of a reader is expected."""
    path = option.removeprefix("data/")
    suffix = suffix_of(path)
    components = [registry().find("data", name) for name in registry().names("data")]
    readers = sorted(one.name for one in components if suffix and suffix in one.suffixes)
    if not readers and not Path(path).exists():
        return None
    own = suffix.removeprefix(".")
    first = own if own in readers else readers[0] if len(readers) == 1 else "NAME"
    by = f" Readers of such files: {', '.join(readers)}." if readers else ""
    return ConfigError(
        f"data={path} is a file, but data= takes the name of a reader. Set both: data={first} "
        f"data.train={path}.{by}",
        cause=Cause.unknown_option,
    )


def _no_component(kind: Kind, name: str, options: Sequence[str]) -> SeqloomError:
    if (kind, name) in register_configs():
        return PluginError(
            f"{kind}={name} cannot be used: {register_configs()[kind, name]}",
            cause=Cause.broken_plugin,
        )
    if (kind, name) in registry().contested:
        try:
            registry().find(kind, name)
        except PluginError as contested:
            return contested
    return no_option(kind, name, options or registry().names(kind))


def _no_key(error: Exception, cause: OmegaConfBaseException, prefix: str) -> ConfigError:
    """Return an error that names the unknown key and similar ones."""
    parent = cause.parent_node
    known = [str(key) for key in parent or () if key not in ("hydra", "_target_", "_partial_")]
    hint = did_you_mean(str(cause.key), known)
    full_key, where = f"{prefix}{cause.full_key or cause.key}", _where(error)
    section, dot, _ = full_key.rpartition(".")
    if section == "data" and cause.key in SPLITS and not where:
        return _no_reader(str(cause.key))
    owner = f"{section} has" if dot else "there is" if where else "A run has"
    message = f"{where}{owner} no key {cause.key!r}. {hint}{hint_of_options(full_key)}"
    if cause.object_type is dict and not where:  # not typed, so keys can be added
        message += f" To add it anyway, prefix it with a plus: +{full_key}=…"
    return ConfigError(message, cause=Cause.unknown_key)


def _no_reader(key: str) -> ConfigError:
    """Return the error for the file of a split, where the chosen data is in no files."""
    known = [registry().find("data", name) for name in registry().names("data")]
    readers = [f"data={one.name} ({one.suffixes[0]})" for one in known if one.suffixes]
    return ConfigError(
        f"data has no key {key!r}: choose the reader of the file, one of {', '.join(readers)}.",
        cause=Cause.unknown_key,
    )


def _wrong_value(error: Exception, cause: OmegaConfBaseException, prefix: str) -> ConfigError:
    key, where = f"{prefix}{cause.full_key}", _where(error)
    section, _, last = key.rpartition(".")
    if last == "name" and section in KINDS:
        return ConfigError(
            f"{where}{key} cannot be set: it names the chosen component. Choose another one with "
            f"{section}=NAME.",
            cause=Cause.wrong_value,
        )
    reason = _lines(cause)[0].rstrip(".")
    if re.match(r"Cannot (assign \w+ to Dict|merge DictConfig with)", reason):
        return ConfigError(
            f"{where}{key}: expected keys with values, '{key}={{KEY: VALUE, KEY: VALUE}}'. The "
            "quotes are needed: without them the shell expands the braces. To set a single key, "
            f"use {key}.KEY=VALUE.",
            cause=Cause.wrong_value,
        )
    if isinstance(cause, KeyValidationError):
        section = key.removesuffix(f".{cause.key}")
        spelled = str(cause.key).lower() if isinstance(cause.key, bool) else cause.key
        return ConfigError(
            f"{where}{section}: keys must be strings, but {spelled} was parsed as a number or "
            f"similar. It needs quotes inside the shell's quotes: '{section}={{\"{spelled}\": "
            "VALUE}'.",
            cause=Cause.wrong_value,
        )
    if re.match(r"Value '\{\}' of type 'dict'", reason):
        return ConfigError(
            f"{where}{section} has no keys inside {last!r}. A key with a dot needs braces and "
            f"quotes: '{section}={{\"{last}.…\": VALUE}}'.",
            cause=Cause.wrong_value,
        )
    return ConfigError(f"{where}{key}: {rephrased(reason)}.", cause=Cause.wrong_value)


def _where(error: Exception) -> str:
    """Return the YAML file of the error, as the start of a message."""
    found = re.match(r"In '([^']+)'", str(error))
    return f"In the config {found[1]!r}: " if found else ""


FROM_MAPPING = "ValidationError raised while resolving interpolation: "
"""How the reason starts if a value in a mapping with quoted keys is wrong."""

PHRASES = (
    (r"Value (.*) of type '\w+' could not be converted to Integer", r"\1 is not a whole number"),
    (r"Value (.*) of type '\w+' could not be converted to Float", r"\1 is not a number"),
    (r"Value '(.*)' is not a valid bool.*", r"'\1' is neither true nor false"),
    (r"Invalid value (.*), expected one of \[(.*)\]", r"\1 is not one of: \2"),
    (r"field '.*' is not Optional", r"null is not allowed"),
    (r"Invalid value assigned: \w+ is not a ListConfig.*", r"expected a list, [A,B]"),
    (r"Invalid type assigned: .* value: (.*)", r"\1 is not a section; set its keys one by one"),
)


def rephrased(reason: str) -> str:
    """Return the reason of OmegaConf's for which a value is wrong, in other words if there are."""
    reason = reason.removeprefix(FROM_MAPPING)
    for pattern, phrase in PHRASES:
        if re.fullmatch(pattern, reason):
            return re.sub(pattern, phrase, reason)
    return reason


def _lines(error: Exception) -> list[str]:
    """Return the informative lines of an error and its cause, each once."""
    texts = [str(one) for one in (error, error.__cause__) if one]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return list(dict.fromkeys(one for one in lines if one and not re.match(ASIDE, one)))
