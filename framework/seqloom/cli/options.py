"""What ``evaluate`` and ``predict`` share: which data component reads, with which parameters."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqloom.config.explain import explain
from seqloom.config.params import typed_params
from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins import Component, Kind, registry
from seqloom.plugins.component import KINDS
from seqloom.plugins.registry import choice

if TYPE_CHECKING:
    from seqloom.model.pipeline import Pipeline

Section = dict[str, Any]


@dataclass
class Overrides:
    """What the command line says of a model's data and of its head.

    Attributes:
        name: in ``data=NAME``, if there is one.
        data: the ``data.KEY=VALUE`` words.
        head: the ``head.KEY=VALUE`` words.
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


def refuse_settled(word: str) -> None:
    """Refuse an override of what cannot change after training; a file may be called so.

    Raises:
        ConfigError: it is one.
    """
    key, equals, _ = word.lstrip("+~").partition("=")
    if equals and key.partition(".")[0] in KINDS and not Path(word).exists():
        raise ConfigError(
            f"{word}: the parts of a model are settled in training. Only how data are read "
            "(data=NAME, data.KEY=VALUE) and how predictions are decoded (head.KEY=VALUE) can be "
            "given here; for the rest, train again."
        )


def split_overrides(words: Sequence[str]) -> Overrides:
    """Return the words sorted by what they are about.

    Raises:
        ConfigError: a word is none of them.
    """
    found = Overrides()
    for word in words:
        if not is_override(word):
            refuse_settled(word)
            raise ConfigError(f"{word!r} is none of data=NAME, data.KEY=VALUE, head.KEY=VALUE.")
        if word.startswith("data="):
            found.name = word.removeprefix("data=")
        else:
            (found.head if word.lstrip("+").startswith("head.") else found.data).append(word)
    return found


def load_model(path: Path, pairs: Sequence[str] = ()) -> Pipeline:
    """Return the pipeline of a bundle, its head's parameters as ``head.KEY=VALUE`` words say.

    Raises:
        BundleError: it cannot be loaded, or its weights do not fit these parameters.
        ConfigError: a key is unknown, or a value is of a wrong type.
    """
    from seqloom.model import bundle

    if not pairs:
        return bundle.load(path)
    section = with_overrides(bundle.sections(path)["head"], pairs, "head")
    return bundle.load(path, head=choice(section)[1])


def model_parser(prog: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser with the options of every command that uses a model."""
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=epilog)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a bundle, or a run's folder")
    parser.add_argument(
        "--batch", type=positive_int, default=64, help="examples at a time, at most (default: 64)"
    )
    parser.add_argument(
        "--threads", type=positive_int, default=1, help="of the CPU, for large models (default: 1)"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out unusable examples")
    return parser


def with_overrides(
    section: Mapping[str, Any], pairs: Sequence[str], kind: Kind = "data"
) -> Section:
    """Return a component's section with values replaced, checked against its schema.

    Args:
        section: the component's name, and its parameters that are not the schema's own.
        pairs: ``data.KEY=VALUE``, in the language of Hydra's overrides.
        kind: of the component.

    Raises:
        ConfigError: a key is unknown, a value is of a wrong type or missing.
        PluginError: the component is not installed.
    """
    name, params = choice(section)
    refuse_interpolations(params, f"{kind}={name}")
    component = registry().find(kind, name)
    try:
        overrides = OverridesParser.create().parse_overrides(list(pairs))
        values = [(one.key_or_group.removeprefix(f"{kind}."), one.value()) for one in overrides]
    except HydraException as error:
        raise explain(error, prefix=f"{kind}.") from error
    return {"name": name, **typed_params(component, [*params.items(), *values])}


def refuse_interpolations(value: Any, where: str) -> None:
    """Refuse ``${…}`` in what a bundle stores: it would be filled from the reader's environment.

    Raises:
        ConfigError: there is one.
    """
    if isinstance(value, str) and "${" in value:
        raise ConfigError(
            f"The model's own {where} holds {value!r}, which no training writes: the bundle was "
            "tampered with. Name the data yourself: data=NAME data.test=PATH."
        )
    for one in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        refuse_interpolations(one, where)


def reader(
    info: Mapping[str, Any], wanted: str | None, paths: Sequence[str], pairs: Sequence[str]
) -> Section:
    """Return the section of the data component that reads the given files.

    The component is the one wanted; else that the model was trained with, if it reads such files;
    else the first that does and gives what the model's frontend takes; standard input is read as
    plain lines.

    Args:
        info: what the model's bundle says.
        wanted: the name of a component, or None.
        paths: of the files.
        pairs: ``data.KEY=VALUE``.

    Raises:
        ConfigError: no component reads such files.
    """
    stored = info["data"]
    name = wanted or _the_reader(info, paths)
    section = dict(stored) if stored and stored["name"] == name else {"name": name}
    return with_overrides(section, pairs)


def _the_reader(info: Mapping[str, Any], paths: Sequence[str]) -> str:
    readers = {path: _by_suffix(info, path) for path in paths}
    if len(set(readers.values())) > 1:
        listing = ", ".join(f"{path} ({name})" for path, name in readers.items())
        raise ConfigError(
            f"These inputs need different readers: {listing}. Predict from one kind at a time, or "
            "name one reader for all of them with --data NAME."
        )
    return readers[paths[0]]


def _by_suffix(info: Mapping[str, Any], path: str) -> str:
    if path == "-":
        return _lines(info)
    suffix = "/" if Path(path).is_dir() else _suffix(Path(path))
    parts = _readers(info["components"]["frontend"]["section"])
    reading = [part.name for part in parts if suffix in part.suffixes]
    if suffix == "/":
        reading = _for_folder(Path(path), parts) or reading
    stored = info["data"]
    if stored and stored["name"] in reading:
        return str(stored["name"])
    if not reading:
        known = {known.replace("/", "folders") for part in parts for known in part.suffixes}
        raise ConfigError(
            f"No installed reader takes files like {path!r}; name one with --data NAME. "
            f"{did_you_mean(suffix, known)}"
        )
    return reading[0]


def _for_folder(folder: Path, parts: Sequence[Component]) -> list[str]:
    """Return the readers of folders that read most particularly what lies in this one.

    Of two that read something in it, the one for fewer kinds of files is meant: among page images
    with XML, that of the XML.
    """
    there = {_suffix(file) for file in folder.glob("*") if not file.name.startswith(".")}
    fitting = [part for part in parts if "/" in part.suffixes and there & set(part.suffixes)]
    fewest = min((len(part.suffixes) for part in fitting), default=0)
    return [part.name for part in fitting if len(part.suffixes) == fewest]


def _suffix(file: Path) -> str:
    return Path(file.name.removesuffix(".gz")).suffix.lower()


def _lines(info: Mapping[str, Any]) -> str:
    """Return the reader of standard input."""
    frontend = info["components"]["frontend"]["section"]
    if "lines" not in {part.name for part in _readers(frontend)}:
        raise ConfigError(
            "Standard input (-) is read as a text a line, and the model's "
            f"frontend={frontend['name']} reads no text. Name files, or a reader with --data NAME."
        )
    return "lines"


def positive_int(text: str) -> int:
    """Return a whole number from 1 up, for argparse.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def use_threads(count: int) -> None:
    """Let torch use so many threads of the CPU; it would take all, also of a busy machine."""
    import torch

    torch.set_num_threads(count)


def _readers(frontend: Section) -> list[Component]:
    """Return the data components that give what a frontend takes."""
    taken = {
        kind
        for kinds in registry().find("frontend", frontend["name"]).takes.values()
        for kind in kinds
    }
    parts = [registry().find("data", name) for name in registry().names("data")]
    return [
        part for part in parts if not taken or taken & set(part.given(part.defaults()).values())
    ]
