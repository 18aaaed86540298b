"""Choose the reader of input files by their suffixes and a model's frontend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins.component import Component, Kind
from seqloom.plugins.registry import registry

Section = Mapping[str, Any]


def choose_reader(
    frontend: Section,
    trained_on: Section | None,
    paths: Sequence[str],
    head: Section | None = None,
) -> str:
    """Return the name of the data component that reads some files.

    It is the one that the model was trained with, if it reads such files, or was trained on files
    with the same suffix and ``lines`` does not read them; else the first that does and provides
    what the frontend takes, and where there are several, also what the head learns from. Standard
    input is read as plain lines.

    Args:
        frontend: Section of the model's frontend.
        trained_on: Section of the data that the model was trained on; None if it is unknown.
        paths: Paths of the files; ``-`` is standard input.
        head: Section of the model's head; None if it does not matter.

    Raises:
        ConfigError: No component reads such files, or different ones do.
    """
    readers = {path: _by_suffix(frontend, trained_on, path, head) for path in paths}
    if len(set(readers.values())) > 1:
        listing = ", ".join(f"{path} ({name})" for path, name in readers.items())
        raise ConfigError(
            f"These inputs need different readers: {listing}. Predict from one kind at a time, or "
            "choose one reader for all of them: data=NAME."
        )
    return readers[paths[0]]


def _by_suffix(
    frontend: Section, trained_on: Section | None, path: str, head: Section | None
) -> str:
    if path == "-":
        return _lines(frontend)
    suffix = "/" if Path(path).is_dir() else suffix_of(path)
    components = readers_for(frontend)
    reading = [one.name for one in components if suffix in one.suffixes]
    if suffix == "/":
        reading = _for_folder(Path(path), components, trained_on) or reading
    if trained_on and trained_on["name"] in reading:
        return str(trained_on["name"])
    # Plain text may be of any form: what is in it decides.
    if trained_on and "lines" not in reading and suffix in trained_suffixes(trained_on):
        return str(trained_on["name"])
    if not reading:
        known = {known.replace("/", "folders") for one in components for known in one.suffixes}
        lines = any(one.name == "lines" for one in components)
        plain = "; data=lines reads one text per line" * lines
        raise ConfigError(
            f"No installed reader takes files like {path!r}. Choose one: data=NAME{plain}. "
            f"{did_you_mean(suffix, known)}"
        )
    if head is not None and "lines" not in reading:
        reading.sort(key=lambda name: not teaches(name, head["name"]))
    return reading[0]


def teaches(reader: str, head: str) -> bool:
    """Return whether a reader gives, with its defaults, a kind of field that a head learns."""
    return not _taken("head", head).isdisjoint(_given("data", reader))


def may_teach(reader: str, head: str) -> bool:
    """Return whether a reader gives what a head learns, perhaps only with other columns."""
    return teaches(reader, head) or "kinds" in registry().find("data", reader).defaults()


def _taken(kind: Kind, name: str) -> set[str]:
    """Return the kinds of fields that a component takes."""
    return {one for kinds in registry().find(kind, name).takes.values() for one in kinds}


def _given(kind: Kind, name: str) -> set[str]:
    """Return the kinds of fields that a component gives with its defaults."""
    component = registry().find(kind, name)
    return {*component.given(component.defaults()).values()}


def _for_folder(
    folder: Path, components: Sequence[Component], trained_on: Section | None
) -> list[str]:
    """Return the readers of folders that are most specific to the files in this one.

    Of two that read some of them, the one for fewer suffixes is chosen: for page images with XML,
    that of the XML. The one that the model was trained with is chosen if it reads all that this one
    does.
    """
    present = {suffix_of(file.name) for file in folder.glob("*") if not file.name.startswith(".")}
    able = [one for one in components if "/" in one.suffixes and present & set(one.suffixes)]
    fewest = min((len(one.suffixes) for one in able), default=0)
    specific = [one for one in able if len(one.suffixes) == fewest]
    read = present & {suffix for one in specific for suffix in one.suffixes}
    own = [one.name for one in able if trained_on and one.name == trained_on["name"]]
    if own and read <= {*registry().find("data", own[0]).suffixes}:
        return own
    return [one.name for one in specific]


def trained_suffixes(section: Section) -> set[str]:
    """Return the suffixes of the files that a model was trained on."""
    names = [section.get(split) for split in ("train", "val", "test")]
    return {suffix_of(one.partition("#")[0]) for one in names if isinstance(one, str)} - {""}


def suffix_of(path: str) -> str:
    """Return the suffix of a path in lower case, without ``.gz``."""
    return Path(Path(path).name.removesuffix(".gz")).suffix.lower()


def _lines(frontend: Section) -> str:
    """Return the reader of standard input."""
    if "lines" not in {one.name for one in readers_for(frontend)}:
        raise ConfigError(
            "Standard input (-) is read as one text per line, but the model's "
            f"frontend={frontend['name']} does not read text. Name files, or choose a reader: "
            "data=NAME."
        )
    return "lines"


def readers_for(frontend: Section) -> list[Component]:
    """Return the data components that provide what a frontend takes."""
    taken = _taken("frontend", frontend["name"])
    components = [registry().find("data", name) for name in registry().names("data")]
    return [
        one for one in components if not taken or taken & set(one.given(one.defaults()).values())
    ]
