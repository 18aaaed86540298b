"""``seqloom new plugin``: write the package of a new plugin from a template.

``templates/plugin`` has a folder with what every plugin contains and one for each kind. Files are
laid out as in the package, with MODULE and COMPONENT for its names; ``entry`` has what the kinds
put into ``__init__.py``. jinja2 renders them, a dependency that reports need anyway; a generator
such as copier could also update packages written long ago, which ten files do not need.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import keyword
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, cast

from seqloom.cli.options import HelpFormatter
from seqloom.errors import ConfigError, PluginError, did_you_mean
from seqloom.plugins import KINDS, Kind, registry
from seqloom.plugins.options import CORE_PACKAGE, options

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parents[1] / "templates" / "plugin"
SUFFIX = ".jinja"

HELP = """\
usage: seqloom new plugin NAME [ARGUMENTS]

Write a new package.

Commands:
  plugin   Write a plugin: a package with components, tests and CI.

  seqloom new plugin --help shows the options.
"""
MADE = {
    "data": "a reader of a file format",
    "frontend": "a frontend that reads tokens",
    "encoder": "an encoder that can also run step by step",
    "head": "a head that predicts a tag for each token",
}
"""Contents of the template of each kind."""


def new(arguments: list[str]) -> int:
    """Write a package and return the exit status.

    Raises:
        ConfigError: The command is unknown, a name is not valid, or the folder is not empty.
        PluginError: An installed package or plugin already has the name.
    """
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        print(HELP, end="")
        return 0
    if arguments[0] != "plugin":
        hint = did_you_mean(arguments[0], ["plugin"])
        raise ConfigError(f"There is no command 'new {arguments[0]}'. {hint}")
    return _plugin(arguments[1:])


def _plugin(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    wanted = {kind: getattr(options, kind) for kind in KINDS if getattr(options, kind) is not None}
    names = choose_names(options.name, cast("dict[Kind, str]", wanted) or {"encoder": ""})
    folder = options.out or Path(names.distribution)
    written = write_plugin(folder, names, options.author)
    print(_summary(folder, names, written))
    return 0


def _summary(folder: Path, names: PluginNames, written: list[str]) -> str:
    lines = [f"Wrote {names.distribution} to {folder}:", *(f"  {path}" for path in written)]
    return "\n".join(
        [
            *lines,
            "",
            "Next steps:",
            f'  cd {quote(str(folder))} && pip install -e ".[dev]"',
            "  pytest",
            f"  seqloom train {_first_training(names)}",
        ]
    )


def _first_training(names: PluginNames) -> str:
    """Return the overrides of a first training; the data component has no file yet."""
    chosen = [one.choice for one in names.components if one.kind != "data"]
    return " ".join(
        chosen or [names.components[0].choice, "data.train=FILE", "head=classification"]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        formatter_class=HelpFormatter,
        prog="seqloom new plugin",
        description="Write a plugin: a package with components, a preset for each, tests that run "
        "the conformance checks, and a workflow for CI. Existing files are not overwritten.",
        epilog="The default kind is --encoder. The default name of a component is that of the "
        "plugin, without 'seqloom-'.\n\n"
        "Example:\n  seqloom new plugin seqloom-window --encoder --head",
    )
    parser.add_argument("name", metavar="NAME", help="name of the distribution, seqloom-…")
    for kind in KINDS:
        parser.add_argument(
            f"--{kind}", nargs="?", const="", metavar="COMPONENT", help=f"add {MADE[kind]}"
        )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="new folder (default: ./NAME)")
    parser.add_argument("--author", metavar="'NAME <MAIL>'", help="author in pyproject.toml")
    return parser


LONGEST_MODULE = 34
LONGEST_COMPONENT = 24
"""With these lengths no line of the template exceeds 100 characters."""

YAML_VALUES = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
"""Words that Hydra or YAML reads as values: ``encoder=on`` would not choose a component."""

CLASS_ENDINGS: dict[Kind, str] = {
    "data": "Reader",
    "frontend": "Frontend",
    "encoder": "Encoder",
    "head": "Head",
}


@dataclass(frozen=True)
class NewComponent:
    """One component of the new plugin."""

    kind: Kind
    name: str

    @property
    def choice(self) -> str:
        """The override that chooses it, ``encoder=window``."""
        return f"{self.kind}={self.name}"

    @property
    def preset(self) -> str:
        """The name of its preset."""
        return f"{self.name}_small"

    @property
    def cls(self) -> str:
        """The name of its class.

        >>> NewComponent("encoder", "my_window").cls, NewComponent("head", "tag_head").cls
        ('MyWindowEncoder', 'TagHead')
        """
        camel = "".join(word.capitalize() for word in self.name.split("_"))
        ending = CLASS_ENDINGS[self.kind]
        return camel if camel.endswith(ending) and camel != ending else camel + ending


@dataclass(frozen=True)
class PluginNames:
    """The names of a new plugin.

    Attributes:
        distribution: Name of the distribution, ``seqloom-window``.
        components: Components, in the order of the kinds.
    """

    distribution: str
    components: tuple[NewComponent, ...]

    @property
    def module(self) -> str:
        """The name of the package, ``seqloom_window``."""
        return self.distribution.replace("-", "_")

    @property
    def entry(self) -> str:
        """The name of the entry point, ``window``."""
        return self.module.removeprefix("seqloom_")


def choose_names(name: str, kinds: Mapping[Kind, str]) -> PluginNames:
    """Return the names of a plugin, checked to be valid and not taken.

    Args:
        name: Name of the distribution.
        kinds: Names of the components by kind; an empty name stands for that of the plugin.

    Raises:
        ConfigError: A name is not valid in Python or seqloom.
        PluginError: An installed package or plugin already has the name.
    """
    distribution = _normalised(name, f"NAME {name!r}", LONGEST_MODULE).replace("_", "-")
    bare = PluginNames(distribution, ())
    _refuse_taken_module(bare)
    components = [
        NewComponent(kind, _component_name(kind, kinds[kind], bare.entry))
        for kind in KINDS
        if kind in kinds
    ]
    for one in components:
        _refuse_taken_option(one, one.name)
        _refuse_taken_option(one, one.preset)
    return PluginNames(distribution, tuple(components))


def _component_name(kind: Kind, typed: str, default: str) -> str:
    label = f"--{kind} {typed!r}" if typed else f"The component's name {default!r}"
    try:
        name = _normalised(typed or default, label, LONGEST_COMPONENT)
        if name in YAML_VALUES:
            raise ConfigError(f"{label}: YAML reads {kind}={name} as a value, not a name.")
    except ConfigError as error:
        if typed:
            raise
        raise ConfigError(f"{error} Choose another name: --{kind} COMPONENT.") from None
    return name


def _normalised(text: str, label: str, longest: int) -> str:
    """Return the text as a lower-case identifier."""
    name = re.sub(r"[-_.]+", "_", text).lower()
    if not re.fullmatch(r"[a-z](_?[a-z0-9])*", name):
        raise ConfigError(
            f"{label}: expected letters, digits and - between them, a letter first, such as "
            "seqloom-window."
        )
    if keyword.iskeyword(name):
        raise ConfigError(f"{label}: {name} is a Python keyword, which cannot be imported.")
    if len(name) > longest:
        raise ConfigError(f"{label}: {len(name)} characters; at most {longest} are expected.")
    return name


def _refuse_taken_module(names: PluginNames) -> None:
    """Refuse a module name that Python's standard library or an installed package has."""
    module = names.module
    if module in sys.stdlib_module_names or module == "seqloom":
        whose = "seqloom" if module == "seqloom" else "Python's standard library"
        raise ConfigError(
            f"NAME {names.distribution!r}: {whose} has a module {module}. Choose another name, "
            f"such as seqloom-{'mine' if module == 'seqloom' else names.distribution}."
        )
    found = importlib.util.find_spec(module)
    if found is not None and found.origin is not None:  # a mere folder of that name has none
        raise PluginError(
            f"A module {module} is already installed, in {found.origin}. Choose another name, or "
            "uninstall it."
        )
    _refuse_taken_names(names)


def _refuse_taken_names(names: PluginNames) -> None:
    with suppress(PackageNotFoundError):
        there = version(names.distribution)
        raise PluginError(
            f"{names.distribution} {there} is already installed. Choose another name, or uninstall "
            "it."
        )
    for plugin in registry().plugins:
        if plugin.name == names.entry:
            raise PluginError(
                f"The name {names.entry!r} is already taken by {plugin}. Choose another name."
            )


def _refuse_taken_option(one: NewComponent, name: str) -> None:
    """Refuse the name of an existing component or preset: a name claimed twice is not available."""
    owner = _owner(one.kind, name)
    if owner:
        raise PluginError(
            f"{one.kind}={name} is already provided by {owner}. Choose another name: "
            f"--{one.kind} COMPONENT."
        )


def _owner(kind: Kind, name: str) -> str:
    found = registry()
    if (kind, name) in found.components:
        return str(found.owner(kind, name))
    if (kind, name) in found.contested:
        return " and ".join(map(str, found.contested[kind, name]))
    if f"{kind}/{name}" in options(CORE_PACKAGE):
        return "a config of seqloom"
    owners = (
        plugin
        for plugin in found.plugins
        for package in plugin.config_packages
        if f"{kind}/{name}" in options(package)
    )
    return str(next(owners, ""))


def write_plugin(folder: Path, names: PluginNames, author: str | None = None) -> list[str]:
    """Write a package and return the paths of its files, relative to the folder, sorted.

    Args:
        folder: Folder of the package; created if it does not exist.
        names: Names of the plugin and its components.
        author: ``Name <mail>``, or the name alone.

    Raises:
        ConfigError: The folder is not empty, or cannot be written.
    """
    texts = render_plugin(names, author)
    try:
        _refuse_full(folder)
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error}") from None
    return sorted(texts)


def _refuse_full(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Choose another folder: --out FOLDER.")
    if folder.is_dir() and (there := sorted(path.name for path in folder.iterdir())):
        more = ", …" if len(there) > 3 else ""
        raise ConfigError(
            f"The folder {folder} is not empty ({', '.join(there[:3])}{more}). Nothing "
            "is overwritten. Choose another folder: --out FOLDER."
        )


def render_plugin(names: PluginNames, author: str | None = None) -> dict[str, str]:
    """Return the text of each file of the package by its path."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it writes Python, TOML and Markdown, not HTML
    )
    engine.filters["quoted"] = _quoted
    context = _context(names, author)
    found = _render(engine, "package", names, context)
    for one in names.components:
        found |= _render(engine, one.kind, names, context, one)
    return found


def _render(
    engine: Environment,
    tree: str,
    names: PluginNames,
    context: dict[str, Any],
    part: NewComponent | None = None,
) -> dict[str, str]:
    texts = {}
    for file in sorted(TEMPLATES.joinpath(tree).rglob(f"*{SUFFIX}")):
        source = file.relative_to(TEMPLATES).as_posix()
        place = source.removeprefix(f"{tree}/").removesuffix(SUFFIX)
        place = place.replace("MODULE", names.module)
        place = place.replace("COMPONENT", part.name if part else "")
        texts[place] = engine.get_template(source).render(context, part=part)
    return texts


def _context(names: PluginNames, author: str | None) -> dict[str, Any]:
    from seqloom import __version__

    person = re.fullmatch(r"\s*(.*?)\s*(?:<\s*(.+?)\s*>)?\s*", author or "")
    return {
        "names": names,
        "by_kind": {one.kind: one for one in names.components},
        "author": person[1] if person else "",
        "mail": person[2] if person else "",
        "seqloom": seqloom_range(__version__),
    }


def seqloom_range(installed: str) -> str:
    """Return the versions that a plugin written with this one may require, as pip takes them.

    >>> seqloom_range("0.1.2"), seqloom_range("1.4.dev1+g12ab")
    ('>=0.1.2,<0.2', '>=1.4.dev1,<2')
    """
    from packaging.version import Version

    now = Version(installed)
    end = str(now.major + 1) if now.major else f"0.{now.minor + 1}"
    return f">={now.public},<{end}"


def _quoted(text: str) -> str:
    """Return a TOML string, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
