"""``seqloom explain``: what components, keys and codes of errors mean; without torch or Hydra."""

from __future__ import annotations

import argparse
import difflib
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from seqloom.cli.options import HelpFormatter
from seqloom.cli.reference.groups import (
    GROUPS,
    SECTIONS,
    group_names,
    option_names,
    option_of,
    section_keys,
    section_text,
)
from seqloom.cli.reference.key import Key
from seqloom.cli.reference.option import Option
from seqloom.cli.reference.troubles import CODES, section_of
from seqloom.config.groups import no_option
from seqloom.errors import Cause, ConfigError
from seqloom.extras import install_command

WIDEST = 100
"""Longest line, in characters, on a terminal that has more."""

LONGEST_DEFAULT = 60
"""Longest default that is shown whole, in characters."""

RUN = "run"
"""What the keys of a run itself are listed under."""

RECIPES = ("experiment", "sweep", "debug")
"""Groups whose options set keys of others."""


def explain(arguments: list[str]) -> int:
    """Print what the named components, groups and keys mean.

    Raises:
        ConfigError: A name is unknown.
    """
    names: list[str] = _parser().parse_args(arguments).names
    print("\n\n".join(explanation(name) for name in names) if names else overview())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom explain",
        description="Explain components, groups and keys of a config: what they mean, their "
        "defaults, their values, and an override to copy; and the codes behind errors. Without a "
        "name: list what there is.",
        epilog="Examples:\n  seqloom explain encoder\n  seqloom explain encoder=bilstm\n"
        "  seqloom explain encoder.merge\n  seqloom explain trainer\n"
        "  seqloom explain hidden_size\n  seqloom explain S101",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="GROUP=NAME, GROUP, GROUP.KEY, KEY, or a code"
    )
    return parser


def overview() -> str:
    """Return the list of groups and sections."""
    said = {**GROUPS, RUN: section_text(RUN), **{one: section_text(one) for one in SECTIONS}}
    rows = [(name, said.get(name, "")) for name in dict.fromkeys([*group_names(), *said])]
    lines = ["What can be explained, as in seqloom explain encoder:", "", *_table(rows)]
    return "\n".join([*lines, "", "Keys too: seqloom explain encoder.hidden_size"])


def explanation(name: str) -> str:
    """Return what a component, group, section or key means.

    Raises:
        ConfigError: There is no such thing.
    """
    if name.upper() in CODES:
        return section_of(name.upper())
    group, equals, option = name.partition("=")
    if equals and group in group_names():
        return option_text(_option(group, option))
    if name in group_names():
        return _group_text(name)
    if name in (RUN, *SECTIONS):
        blocks = "\n\n".join(map(key_text, section_keys(name)))
        return f"{name}: {section_text(name)}\n\n{blocks}"
    found = _with_path(name) or _with_path(name, last=True)
    if found:
        return "\n\n".join(_shared_text(key, labels) for key, labels in found)
    raise _unknown(name)


def _option(group: str, name: str) -> Option:
    if name in option_names(group):
        return option_of(group, name)
    raise no_option(group, name, option_names(group))


def option_text(option: Option) -> str:
    """Return what an option and its keys mean."""
    lines = _wrapped(f"{option.label}: {option.text or 'no description.'}", "")
    if option.base:
        lines.append(f"A preset of {option.base}.")
    if option.extra:
        lines.append(f"Its libraries: {install_command(option.extra, option.provider)}")
    if option.since:
        lines.append(f"Since {option.provider} {option.since}.")
    if option.group in RECIPES:
        rows = [(key.path, _short(key.default)) for key in option.keys]
        return "\n".join([*lines, "", "It sets:", *_table(rows)]) if rows else "\n".join(lines)
    blocks = ["\n".join(lines), *map(key_text, option.keys)]
    if option.target:
        section = option.group.replace("/", ".")
        blocks.append(f"Other arguments of {option.target}: +{section}.NAME=VALUE")
    return "\n\n".join(blocks)


def key_text(key: Key) -> str:
    """Return what a key means, in some lines."""
    if key.choices:
        kind = "one of: " if not any(key.choices.values()) else "one of those below"
        kind += "" if any(key.choices.values()) else ", ".join(key.choices)
        kind += " or null" if key.allowed.endswith("or null") else ""
    else:
        kind = key.allowed
    if key.default:
        head = f"  {key.path}    default: {_short(key.default)} ({kind})"
    else:
        head = f"  {key.path}    {kind} of keys"
    lines = [head, *_wrapped(key.text or "No description.", " " * 6)]
    if any(key.choices.values()):
        lines += [f"    {line}" for line in _table(key.choices.items())]
    since = f"   (since {key.since})" if key.since else ""
    return "\n".join([*lines, f"      {key.override}{since}"] if key.override else lines)


def _shared_text(key: Key, labels: Sequence[str]) -> str:
    """Return what a key means, with the options that have it."""
    whose = _wrapped(f"{key.path}, a key of {_listed(labels)}:", "")
    return "\n".join([*whose, key_text(key)])


def _listed(labels: Sequence[str]) -> str:
    """Return labels with each group once: ``encoder=lstm, bilstm``."""
    groups = groupby(labels, key=lambda label: label.partition("=")[0])
    parts = [(group, [one.partition("=")[2] for one in found]) for group, found in groups]
    return "; ".join(
        f"{group}={', '.join(names)}" if any(names) else group for group, names in parts
    )


def _group_text(group: str) -> str:
    options = [option_of(group, name) for name in option_names(group)]
    about = GROUPS.get(group, "presets of a plugin")
    lines = [f"{group}: {about}. Choose one: {group}=NAME", ""]
    lines += _table([(option.name, option.text) for option in options])
    if group not in RECIPES:
        rows = []
        for key, labels in _shared(options):
            some = [label.partition("=")[2] for label in labels]
            whose = "" if len(labels) == len(options) else f" ({', '.join(some)})"
            rows.append((key.path, f"{key.text.partition('. ')[0].rstrip('.')}.{whose}"))
        lines += ["", "Keys:", *_table(list(dict(reversed(rows)).items())[::-1])] if rows else []
    return "\n".join(
        [*lines, "", f"More: seqloom explain {options[0].label}"] if options else lines
    )


def _shared(options: Sequence[Option]) -> list[tuple[Key, list[str]]]:
    """Return the different keys of options, each with the options that have it."""
    found: dict[tuple[str, str], tuple[Key, list[str]]] = {}
    for option in options:
        for key in option.keys:
            found.setdefault((key.path, key.text), (key, []))[1].append(option.label)
    return list(found.values())


def _every_option(start: str = "") -> Iterator[Option]:
    """Yield the options of the groups whose keys start so."""
    for group in group_names():
        if group not in RECIPES and f"{group.replace('/', '.')}.".startswith(start):
            yield from (option_of(group, name) for name in option_names(group))


def _with_path(name: str, last: bool = False) -> list[tuple[Key, list[str]]]:
    """Return the keys of a name with the options that have them.

    Args:
        name: The whole key.
        last: It is only the last part of the key.
    """
    found = []
    for section in (RUN, *SECTIONS):
        found += [(key, ["a run"]) for key in section_keys(section) if _is(key, name, last)]
    start = "" if last else f"{name.partition('.')[0]}."
    shared = _shared([option for option in _every_option(start) if not option.base])
    return found + [(key, labels) for key, labels in shared if _is(key, name, last)]


def _is(key: Key, name: str, last: bool) -> bool:
    return (key.name if last else key.path) == name


def known_names() -> list[str]:
    """Return everything that can be explained: groups, options, sections and keys."""
    options = list(_every_option())
    paths = [key.path for option in options for key in option.keys]
    paths += [key.path for section in (RUN, *SECTIONS) for key in section_keys(section)]
    labels = [f"{group}={name}" for group in group_names() for name in option_names(group)]
    return list(dict.fromkeys([*group_names(), RUN, *SECTIONS, *labels, *paths]))


def _unknown(name: str) -> ConfigError:
    known = known_names()
    lasts = [path.rpartition(".")[2] for path in known if "=" not in path]
    near = difflib.get_close_matches(name, dict.fromkeys([*known, *lasts]), n=5)
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    return ConfigError(
        f"There is no component, group or key {name!r}. {hint}"
        "seqloom explain lists the groups; seqloom explain GROUP lists its keys.",
        cause=Cause.unknown_key,
    )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_DEFAULT else f"{text[: LONGEST_DEFAULT - 1]}…"


def _width() -> int:
    return min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text.replace("``", "`"),
        _width(),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return lines of names with their texts beside them."""
    pairs = list(rows)
    wide = max((len(name) for name, _ in pairs), default=0)
    lines: list[str] = []
    for name, text in pairs:
        first, *more = _wrapped(text, " " * (wide + 4)) or [""]
        lines += [f"  {name:<{wide}}  {first.strip()}".rstrip(), *more]
    return lines
