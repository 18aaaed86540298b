"""Write the template of a plugin: folders of files that jinja2 renders.

jinja2 is a dependency anyway, for reports. A generator such as copier would be one more, for what
it adds: bringing later templates to packages written long ago, which a plugin of ten files can do
without.

``templates/plugin`` has a folder for what every plugin has and one for each kind. Their files lie
as they will lie in the package, with MODULE and COMPONENT for its names; ``entry`` has what the
kinds put into ``__init__.py``.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from packaging.version import Version

from seqloom import __version__
from seqloom.cli.plugin_names import Part, PluginNames
from seqloom.errors import ConfigError

TEMPLATES = Path(__file__).parents[1] / "templates" / "plugin"
SUFFIX = ".jinja"


def write_plugin(folder: Path, names: PluginNames, author: str | None = None) -> list[str]:
    """Write a package and return the paths of its files, relative to the folder, sorted.

    Args:
        folder: made if it is not there.
        names: of the plugin and its components.
        author: ``Name <mail>``, or the name alone.

    Raises:
        ConfigError: there is something in the folder, or it cannot be written.
    """
    texts = render_plugin(names, author)
    try:
        _refuse_full(folder)
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as fault:
        raise ConfigError(f"{folder}: cannot be written: {fault}") from None
    return sorted(texts)


def _refuse_full(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; name another folder with --out FOLDER.")
    if folder.is_dir() and (there := sorted(path.name for path in folder.iterdir())):
        more = ", …" if len(there) > 3 else ""
        raise ConfigError(
            f"The folder {folder} is not empty ({', '.join(there[:3])}{more}), and nothing is "
            "overwritten. Name another one with --out FOLDER."
        )


def render_plugin(names: PluginNames, author: str | None = None) -> dict[str, str]:
    """Return the text of each file of the package by its path."""
    engine = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it writes Python, TOML and Markdown, not HTML
    )
    engine.filters["quoted"] = _quoted
    given = _context(names, author)
    found = _render(engine, "package", names, given)
    for part in names.parts:
        found |= _render(engine, part.kind, names, given, part)
    return found


def _render(
    engine: Environment,
    tree: str,
    names: PluginNames,
    given: dict[str, Any],
    part: Part | None = None,
) -> dict[str, str]:
    texts = {}
    for file in sorted(TEMPLATES.joinpath(tree).rglob(f"*{SUFFIX}")):
        source = file.relative_to(TEMPLATES).as_posix()
        place = source.removeprefix(f"{tree}/").removesuffix(SUFFIX)
        place = place.replace("MODULE", names.module)
        place = place.replace("COMPONENT", part.name if part else "")
        texts[place] = engine.get_template(source).render(given, part=part)
    return texts


def _context(names: PluginNames, author: str | None) -> dict[str, Any]:
    person = re.fullmatch(r"\s*(.*?)\s*(?:<\s*(.+?)\s*>)?\s*", author or "")
    return {
        "names": names,
        "by_kind": {part.kind: part for part in names.parts},
        "author": person[1] if person else "",
        "mail": person[2] if person else "",
        "seqloom": seqloom_range(__version__),
    }


def seqloom_range(version: str) -> str:
    """Return the versions that a plugin written today may ask for, as pip takes them.

    >>> seqloom_range("0.1.2"), seqloom_range("1.4.dev1+g12ab")
    ('>=0.1.2,<0.2', '>=1.4.dev1,<2')
    """
    now = Version(version)
    end = str(now.major + 1) if now.major else f"0.{now.minor + 1}"
    return f">={now.public},<{end}"


def _quoted(text: str) -> str:
    """Return a string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
