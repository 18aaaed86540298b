"""Fills pages with the keys of a config: a line ``{{ keys: encoder }}`` becomes all encoders.

``{{ keys: seqloom-protein }}`` becomes the components of that example plugin, which is read where
it is, without installing it.

The texts are those that ``seqloom explain`` prints; they are beside the parameters in the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import starmap
from pathlib import Path
from typing import Any

from seqloom.cli.reference.groups import (
    SECTIONS,
    option_names,
    option_of,
    section_keys,
    section_text,
)
from seqloom.cli.reference.key import Key
from seqloom.cli.reference.option import Option, component_option

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"

MARK = re.compile(r"^\{\{ keys: (\S+) \}\}$", re.MULTILINE)
"""A line that stands for a group, or a section without options."""

FIRST = "0.1"
"""Version of the keys of ours that do not say since when they exist."""

RECIPES = ("experiment", "sweep", "debug")
"""Groups whose options set keys of others."""


def setup(app: Any) -> dict[str, bool]:
    """Connect with Sphinx."""
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Any, name: str, source: list[str]) -> None:
    source[0] = filled(source[0])


def _outdated(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> Any:
    """Return the pages that are made of texts in the code: they may have changed."""
    names = sorted(env.found_docs)
    return [one for one in names if MARK.search(Path(env.doc2path(one)).read_text("utf-8"))]


def filled(text: str) -> str:
    """Return a page with the keys that it asks for."""
    return MARK.sub(lambda found: section(found[1]), text)


def section(name: str) -> str:
    """Return the part of a page about a group, or about a section without options."""
    if name in SECTIONS or name == "run":
        head = f"{prose(section_text(name))}\n\n" if name in SECTIONS else ""
        return head + "\n".join(map(entry, section_keys(name)))
    if (EXAMPLES / name).is_dir():
        return "\n".join(_whole(option) for option in example_options(name))
    options = [option_of(name, one) for one in option_names(name)]
    if name in RECIPES:
        return "\n".join(_recipe(option) for option in options)
    whole = [_whole(option) for option in options if not option.base]
    presets = [option for option in options if option.base]
    return "\n".join([*whole, *_presets(presets)])


def example_options(name: str) -> list[Option]:
    """Return the components of an example plugin."""
    source = str(EXAMPLES / name / "src")
    sys.path.append(source)
    try:
        module = import_module(name.replace("-", "_"))
    finally:
        sys.path.remove(source)
    return [component_option(one, name) for one in module.seqloom_components()]


def _whole(option: Option) -> str:
    """Return an option with all of its keys."""
    example = (EXAMPLES / option.provider).is_dir()  # its versions are not those of seqloom
    level = 3 if example else 2
    facts = [] if example else [f"Since {option.since or FIRST}."]
    if option.extra:
        facts.append(f'Its libraries: `pip install "{option.provider}[{option.extra}]"`.')
    if option.target:
        group = option.group.replace("/", ".")
        facts.append(f"Other arguments of `{option.target}`: `+{group}.NAME=VALUE`.")
    keys = "\n".join(entry(key, option.since) for key in option.keys)
    return f"{'#' * level} {option.label}\n\n{' '.join([prose(option.text), *facts])}\n\n{keys}\n"


def _presets(options: list[Option]) -> Iterator[str]:
    if options:
        yield "## Presets\n"
    for option in options:
        yield f"`{option.label}`\n: {prose(option.text)} A preset of `{option.base}`.\n"


def _recipe(option: Option) -> str:
    sets = ", ".join(f"`{key.path}={key.default}`" for key in option.keys if key.default)
    return f"## {option.label}\n\n{prose(option.text)}\n\n{f'It sets {sets}.' if sets else ''}\n"


def entry(key: Key, since: str = "") -> str:
    """Return a key, what it may be and what it means, with an override to copy.

    Args:
        key: The key.
        since: Version of the option that has it, which is not repeated.
    """
    kind = key.allowed if not key.choices else "one of:" if any(key.choices.values()) else ""
    kind = kind or f"one of {', '.join(f'`{one}`' for one in key.choices)}"
    if key.choices and key.allowed.endswith("or null"):
        kind = "null or one of:" if kind.endswith(":") else f"{kind} or null"
    default = f"Default: `{key.default}`; {kind}" if key.default else "A section of keys"
    new = f" Since {key.since}." if key.since and key.since != since else ""
    said = f"{prose(key.text)}{new} {default}{'' if default.endswith(':') else '.'}"
    lines = [f"`{key.path}`", f": {said}"]
    if any(key.choices.values()):
        lines += ["", *starmap(_choice, key.choices.items())]
    if key.override:
        lines += ["", "  ```text", f"  {key.override}", "  ```"]
    return "\n".join([*lines, ""])


def _choice(name: str, text: str) -> str:
    return f"  - `{name}`: {prose(text)}" if text else f"  - `{name}`"


def prose(text: str) -> str:
    """Return a text of the code, whose literals are in double backticks, as Markdown."""
    parts = text.split("``")
    parts[::2] = [part.replace("<", "\\<") for part in parts[::2]]  # no HTML
    return "`".join(parts)
