"""The parameters of the data components, and what fields each of them gives.

Imported at every start of the program: no torch, no numpy, no Lightning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqloom.data import SplitConfig
from seqloom.errors import ConfigError, did_you_mean
from seqloom.plugins import Component

FIELD_KINDS = ("text", "tokens", "tags", "label", "labels")
INPUT_KINDS = ("text", "tokens")


def field_kinds(
    fields: Iterable[str], kinds: Mapping[str, str], default: str | None = None
) -> dict[str, str]:
    """Return the kind of each field: as ``kinds`` says, else its own name if that is a kind.

    >>> field_kinds(["text", "intent"], {"intent": "label"})
    {'text': 'text', 'intent': 'label'}

    Raises:
        ConfigError: a field without a kind, a kind that there is not, or a kind for no field.
    """
    names = list(fields)
    for name in kinds.keys() - set(names):
        raise ConfigError(f"kinds.{name}: no such field. {did_you_mean(name, names)}")
    return {name: _kind(name, kinds, default) for name in names}


def _kind(name: str, kinds: Mapping[str, str], default: str | None) -> str:
    kind = kinds.get(name, name if name in FIELD_KINDS else default)
    if kind is None:
        raise ConfigError(
            f"What is the field {name!r}? Say it with data.kinds.{name}=KIND, one of: "
            f"{', '.join(FIELD_KINDS)}."
        )
    if kind not in FIELD_KINDS:
        raise ConfigError(f"kinds.{name}={kind}: no such kind. {did_you_mean(kind, FIELD_KINDS)}")
    return kind


@dataclass
class FileConfig:
    """What every reader of files has.

    Attributes:
        train: a path, or a pinned URL (``https://…#sha256=HEX&local=RELATIVE``); ``.gz`` is
            unpacked while it is read.
        val: the same; if it is not given, ``split.val`` may cut it from ``train``.
        test: the same; if it is not given, ``split.test`` may cut it from ``train``.
        split: how ``train`` is cut.
    """

    train: str | None = None
    val: str | None = None
    test: str | None = None
    split: SplitConfig = field(default_factory=SplitConfig)


def text_and_label() -> dict[str, str]:
    """Return the columns of a file with texts and their labels."""
    return {"text": "text", "label": "label"}


@dataclass
class JsonlConfig(FileConfig):
    """JSON Lines: one object a line.

    Attributes:
        columns: field → key of the object; empty stands for {text: text, label: label}.
        kinds: field → kind (text, tokens, tags, label, labels), for fields whose name is no kind.
        labels_separator: between the labels of a string that holds several.
        id_column: the key of the examples' ids; by default they are numbered.
    """

    columns: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    labels_separator: str = "|"
    id_column: str | None = None


@dataclass
class CsvConfig(JsonlConfig):
    """CSV and TSV. ``columns`` and ``id_column`` name columns, or number them from 1.

    Attributes:
        delimiter: between cells; None is a tab for ``.tsv`` and a comma otherwise.
        header: whether the first row names the columns; without it they are numbered from 1.
        quoting: whether ``"`` protects delimiters and line ends; False takes quotes as they are.
    """

    delimiter: str | None = None
    header: bool = True
    quoting: bool = True


def tokens_and_tags() -> dict[str, int]:
    """Return the columns of a file with tokens first and tags last."""
    return {"tokens": 1, "tags": -1}


@dataclass
class ConllConfig(FileConfig):
    """CoNLL columns: one token a line, a blank line after each sentence.

    Attributes:
        columns: field → column, numbered from 1, or from -1 for the last one backwards; empty
            stands for {tokens: 1, tags: -1}.
        kinds: field → kind, ``tokens`` or ``tags``; other names than these are tags by default.
        delimiter: between columns; None is a tab in lines that have one, otherwise spaces.
        comment: what a line starts with that is to be passed over, ``#`` for CoNLL-U.
    """

    columns: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    comment: str | None = None


@dataclass
class ParallelConfig:
    """Line-aligned files, one a field: line n of each belongs to example n.

    Attributes:
        train: field → path or pinned URL.
        val: the same; if it is not given, ``split.val`` may cut it from ``train``.
        test: the same; if it is not given, ``split.test`` may cut it from ``train``.
        split: how ``train`` is cut.
        kinds: field → kind (text, tokens, tags, label, labels), for fields whose name is no kind.
        labels_separator: between the labels of a line that holds several.
    """

    train: dict[str, str] = field(default_factory=dict)
    val: dict[str, str] = field(default_factory=dict)
    test: dict[str, str] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)
    kinds: dict[str, str] = field(default_factory=dict)
    labels_separator: str = "|"


@dataclass
class LinesConfig(FileConfig):
    """Plain text: each line is an input, the field ``text``; there are no targets."""


@dataclass
class ApplesConfig:
    """Sentences about Apple, the company, and Apple, the fruit; made on the spot.

    Attributes:
        seed: of the sentences.
        train_size: how many sentences; even, since they come in pairs.
        val_size: the same.
        test_size: the same.
    """

    seed: int = 13
    train_size: int = 1200
    val_size: int = 200
    test_size: int = 400


def _column_gives(params: Mapping[str, Any]) -> dict[str, str]:
    return field_kinds(params["columns"] or text_and_label(), params["kinds"])


def conll_kinds(columns: Iterable[str], kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the kind of each field of CoNLL columns; there is one value for each token.

    Raises:
        ConfigError: a kind that is not for tokens, or no field of tokens.
    """
    found = field_kinds(columns, kinds, default="tags")
    for name, kind in found.items():
        if kind not in ("tokens", "tags"):
            raise ConfigError(f"columns.{name}: a CoNLL column holds tokens or tags, not a {kind}.")
    if "tokens" not in found.values():
        raise ConfigError("columns: no column has the tokens; say which one: data.columns.tokens=1")
    return found


def _conll_gives(params: Mapping[str, Any]) -> dict[str, str]:
    return conll_kinds(params["columns"] or tokens_and_tags(), params["kinds"])


def parallel_kinds(
    files: Iterable[Mapping[str, str] | None], kinds: Mapping[str, str]
) -> dict[str, str]:
    """Return the kind of each field of line-aligned files.

    Raises:
        ConfigError: the splits do not have the same fields.
    """
    given = [dict(fields) for fields in files if fields]
    for fields in given[1:]:
        if fields.keys() != given[0].keys():
            raise ConfigError(
                f"The splits have different fields, {', '.join(given[0])} and "
                f"{', '.join(fields)}; give the same for each."
            )
    return field_kinds(given[0] if given else (), kinds)


def _parallel_gives(params: Mapping[str, Any]) -> dict[str, str]:
    return parallel_kinds((params["train"], params["val"], params["test"]), params["kinds"])


APPLES_KINDS = {"tokens": "tokens", "text": "text", "tags": "tags", "label": "label"}

_SAMPLES = "seqloom_text.samples"
DATA = (
    Component(
        "data",
        "csv",
        CsvConfig,
        "seqloom_text.readers.csv:CsvReader",
        gives=_column_gives,
        suffixes=(".csv", ".tsv"),
        sample=f"{_SAMPLES}:csv",
    ),
    Component(
        "data",
        "jsonl",
        JsonlConfig,
        "seqloom_text.readers.jsonl:JsonlReader",
        gives=_column_gives,
        suffixes=(".jsonl",),
        sample=f"{_SAMPLES}:jsonl",
    ),
    Component(
        "data",
        "conll",
        ConllConfig,
        "seqloom_text.readers.conll:ConllReader",
        gives=_conll_gives,
        suffixes=(".conll", ".iob", ".bio", ".conllu"),
        sample=f"{_SAMPLES}:conll",
    ),
    Component(
        "data",
        "parallel",
        ParallelConfig,
        "seqloom_text.readers.lines:ParallelReader",
        gives=_parallel_gives,
        sample=f"{_SAMPLES}:parallel",
    ),
    Component(
        "data",
        "lines",
        LinesConfig,
        "seqloom_text.readers.lines:LinesReader",
        gives={"text": "text"},
        suffixes=(".txt",),
        sample=f"{_SAMPLES}:lines",
    ),
    Component(
        "data",
        "apples",
        ApplesConfig,
        "seqloom_text.apples.reader:ApplesReader",
        gives=APPLES_KINDS,
        sample=f"{_SAMPLES}:apples",
    ),
)
