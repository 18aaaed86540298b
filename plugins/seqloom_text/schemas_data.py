"""The parameters of the data components, and the fields that each of them gives.

Imported at every start of the program: no torch, no numpy, no Lightning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from seqloom.data import SplitConfig
from seqloom.errors import Cause, ConfigError, did_you_mean
from seqloom.plugins import Component
from seqloom_text.schemas_frontend import Tokenizer

FIELD_KINDS = ("text", "tokens", "tags", "label", "labels", "texts")
INPUT_KINDS = ("text", "tokens")
NAMED = {"translation": "texts"}
"""Kinds of fields whose names are not the kind."""
COLUMNAR = (".parquet", ".arrow", ".feather")
"""Suffixes of the tables that pyarrow reads."""
SPLITS = ("train", "val", "test")
"""Parameters of files."""


def field_kinds(
    fields: Iterable[str], kinds: Mapping[str, str], default: str | None = None
) -> dict[str, str]:
    """Return the kind of each field: as ``kinds`` says, else as its own name says.

    >>> field_kinds(["text", "intent", "translation"], {"intent": "label"})
    {'text': 'text', 'intent': 'label', 'translation': 'texts'}

    Raises:
        ConfigError: A field has no kind, a kind does not exist, or a kind is for no field.
    """
    names = list(fields)
    for name in kinds.keys() - set(names):
        raise ConfigError(f"kinds.{name}: unknown field. {did_you_mean(name, names)}")
    return {name: _kind(name, kinds, default) for name in names}


def _kind(name: str, kinds: Mapping[str, str], default: str | None) -> str:
    own = name if name in FIELD_KINDS else NAMED.get(name, default)
    kind = kinds.get(name, own)
    if kind is None:
        raise ConfigError(
            f"The kind of the field {name!r} is unknown. Set data.kinds.{name}=KIND, one of: "
            f"{', '.join(FIELD_KINDS)}."
        )
    if kind not in FIELD_KINDS:
        raise ConfigError(f"kinds.{name}={kind}: unknown kind. {did_you_mean(kind, FIELD_KINDS)}")
    return kind


@dataclass
class FileConfig:
    """Parameters of every reader of files.

    Attributes:
        train: Path, or pinned URL (``https://…#sha256=HEX&local=RELATIVE``); ``.gz`` is
            decompressed while it is read. Example: ``train.csv``.
        val: File for validation, as for ``train``; without it, ``split.val`` may cut it from
            ``train``. Example: ``val.csv``.
        test: File for the test, as for ``train``; without it, ``split.test`` may cut it from
            ``train``. Example: ``test.csv``.
        split: What is cut from ``train``.
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
    """JSON Lines: one object per line; or a row each of a Parquet, Arrow or Feather file.

    Attributes:
        columns: Field → key of the object (in CSV: column); empty means {text: text, label: label}.
            A text may have a list of keys, which are joined; labels may have a list of columns, one
            per class with 1 or 0. Example: ``{text: [title, body], label: verdict}``.
        kinds: Field → kind (text, tokens, tags, label, labels, texts), for fields whose name is not
            one. Example: ``{verdict: label}``.
        labels_separator: Separator of the labels in a string that holds several. Example: ``";"``.
        id_column: Key (in CSV: column) of the examples' ids; by default they are numbered.
            Example: ``id``.
        names: Field → names of the classes or tags that are numbers, from 0 on, as in data sets of
            Hugging Face. Example: ``{tags: [O, B-PER, I-PER]}``. Since 0.2.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    labels_separator: str = "|"
    id_column: str | None = None
    names: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class CsvConfig(JsonlConfig):
    """CSV and TSV. ``columns`` and ``id_column`` name columns, or number them from 1.

    Attributes:
        delimiter: Character between cells, or ``tab``; null: a tab for ``.tsv``, a comma otherwise.
            Example: ``";"``.
        header: Whether the first row names the columns; otherwise they are numbered from 1.
        quoting: Whether ``"`` protects delimiters and line ends; false reads quotes literally.
        group_column: Column of sentences, if each row is one token: rows that follow one another
            with the same value, or with none after the first, are one example.
            Example: ``sentence``. Since 0.2.
    """

    delimiter: str | None = None
    header: bool = True
    quoting: bool = True
    group_column: str | None = None


class CountedIn(StrEnum):
    """What the offsets of spans count."""

    characters = "characters"  # as in Python
    utf16 = "utf16"  # as in JavaScript: an emoji counts as two
    bytes = "bytes"  # of the text in UTF-8


@dataclass
class SpansConfig(FileConfig):
    """Texts with spans of characters, as doccano, Prodigy, Label Studio, brat and spaCy have them.

    Attributes:
        columns: Keys of ``text`` and ``spans`` in the objects, where they have other names than in
            those formats. Example: ``{text: body, spans: entities}``. Since 0.2.
        tokenizer: How a text is split into tokens, as ``frontend.tokenizer`` splits new texts; it
            is also split at the boundaries of spans. Since 0.2.
        offsets: What the offsets of spans count. Since 0.2.
        id_column: Key of the examples' ids; by default they are numbered. Example: ``id``.
            Since 0.2.
    """

    columns: dict[str, str] = field(default_factory=dict)
    tokenizer: Tokenizer = Tokenizer.rules
    offsets: CountedIn = CountedIn.characters
    id_column: str | None = None


def tokens_and_tags() -> dict[str, int]:
    """Return the columns of a file with tokens first and tags last."""
    return {"tokens": 1, "tags": -1}


@dataclass
class ConllConfig(FileConfig):
    """CoNLL columns: one token per line, a blank line after each sentence.

    Attributes:
        columns: Field → column, numbered from 1, or from -1 backwards; empty means
            {tokens: 1, tags: -1}. Example: ``{tokens: 2, tags: 4}``.
        kinds: Field → kind, ``tokens`` or ``tags``; fields with other names are tags by default.
            Example: ``{words: tokens}``.
        delimiter: Character between columns, or ``tab``; null: a tab in lines that have one,
            otherwise spaces. Spaces beside it are left out, and those inside cells kept.
            Example: ``","``.
        comment: Start of lines that are skipped unless they have as many columns as the tokens;
            null: ``#`` in ``.conllu`` files. Example: ``"#"``.
        features: Field → feature whose value is the tag, for columns with several features such as
            ``NER=B-PER|SpaceAfter=No``; O if it is missing. Example: ``{tags: NER}``. Since 0.2.
        names: Field → names of the tags that are numbers, from 0 on.
            Example: ``{tags: [O, B-PER, I-PER]}``. Since 0.2.
    """

    columns: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    comment: str | None = None
    features: dict[str, str] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class ParallelConfig:
    """Line-aligned files, one per field: line n of each belongs to example n.

    Attributes:
        train: Field → path or pinned URL; for a field of kind ``texts`` a list of them, and each
            file contributes a text unless its line is blank.
            Example: ``{tokens: train.in, tags: train.out}``.
        val: Files for validation, as for ``train``; without them, ``split.val`` may cut it from
            ``train``. Example: ``{tokens: val.in, tags: val.out}``.
        test: Files for the test, as for ``train``; without them, ``split.test`` may cut it from
            ``train``. Example: ``{tokens: test.in, tags: test.out}``.
        split: What is cut from ``train``.
        kinds: Field → kind (text, tokens, tags, label, labels, texts), for fields whose name is not
            one. Example: ``{intent: label}``.
        labels_separator: Separator of the labels in a line that holds several. Example: ``";"``.
    """

    train: dict[str, Any] = field(default_factory=dict)
    val: dict[str, Any] = field(default_factory=dict)
    test: dict[str, Any] = field(default_factory=dict)
    split: SplitConfig = field(default_factory=SplitConfig)
    kinds: dict[str, str] = field(default_factory=dict)
    labels_separator: str = "|"


@dataclass
class LinesConfig(FileConfig):
    """Plain text: each line is an input, the field ``text``; without targets."""


@dataclass
class ApplesConfig:
    """Sentences about Apple, the company, and Apple, the fruit; generated from a seed.

    Attributes:
        seed: Seed of the sentences.
        train_size: Number of sentences to train on; even, since they come in pairs.
        val_size: Number of sentences for validation; even.
        test_size: Number of sentences for the test; even.
    """

    seed: int = 13
    train_size: int = 1200
    val_size: int = 200
    test_size: int = 400


def _column_gives(params: Mapping[str, Any]) -> dict[str, str]:
    return field_kinds(params["columns"] or text_and_label(), params["kinds"])


def conll_kinds(columns: Iterable[str], kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the kind of each field of CoNLL columns; each has one value per token.

    Raises:
        ConfigError: A kind does not have one value per token, or no field has the tokens.
    """
    found = field_kinds(columns, kinds, default="tags")
    for name, kind in found.items():
        if kind not in ("tokens", "tags"):
            raise ConfigError(f"columns.{name}: a CoNLL column holds tokens or tags, not a {kind}.")
    if "tokens" not in found.values():
        raise ConfigError(
            "columns: no column has the tokens; set data.columns.tokens=1", cause=Cause.no_column
        )
    return found


def _conll_gives(params: Mapping[str, Any]) -> dict[str, str]:
    return conll_kinds(params["columns"] or tokens_and_tags(), params["kinds"])


def parallel_kinds(
    files: Iterable[Mapping[str, Any] | None], kinds: Mapping[str, str]
) -> dict[str, str]:
    """Return the kind of each field of line-aligned files.

    Raises:
        ConfigError: The splits do not have the same fields, a value is not a path, or there are
            several files of a field that holds one value.
    """
    found = [dict(fields) for fields in files if fields]
    for fields in found[1:]:
        if fields.keys() != found[0].keys():
            raise ConfigError(
                f"The splits have different fields, {', '.join(found[0])} and "
                f"{', '.join(fields)}; set the same for each."
            )
    result = field_kinds(found[0] if found else (), kinds)
    for fields in found:
        for name, value in fields.items():
            _check_files(name, value, result[name])
    return result


def _check_files(name: str, value: Any, kind: str) -> None:
    """Check the file or files of a field.

    Raises:
        ConfigError: They are not paths, or several files of a field that holds one value.
    """
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not all(isinstance(one, str) and one for one in (value if listed else [value])) or (
        listed and not value
    ):
        raise ConfigError(
            f"data=parallel: the field {name!r} has {value!r}; expected a path, or a list of paths."
        )
    if listed and kind != "texts":
        raise ConfigError(
            f"data=parallel: the field {name!r} has {len(value)} files, but its kind {kind} is one "
            f"value. If each line is one of several right answers, set data.kinds.{name}=texts, or "
            "call the field 'translation'."
        )


def _parallel_gives(params: Mapping[str, Any]) -> dict[str, str]:
    return parallel_kinds((params["train"], params["val"], params["test"]), params["kinds"])


APPLES_KINDS = {"tokens": "tokens", "text": "text", "tags": "tags", "label": "label"}

_SAMPLES = "seqloom_text.samples"

_OF_FILES: Mapping[str, Mapping[str, Any]] = {
    "budget": {"min_steps": 1500},
    "head=ner": {"dropout": 0.4},
    "frontend=words": {"dropout": 0.4},
}
"""What suits sentences of people, of which there are often few."""

DATA = (
    Component(
        "data",
        "csv",
        CsvConfig,
        "seqloom_text.readers.csv:CsvReader",
        files=SPLITS,
        gives=_column_gives,
        suffixes=(".csv", ".tsv"),
        sample=f"{_SAMPLES}:csv",
        suggests=_OF_FILES,
    ),
    Component(
        "data",
        "jsonl",
        JsonlConfig,
        "seqloom_text.readers.jsonl:JsonlReader",
        files=SPLITS,
        gives=_column_gives,
        suffixes=(".jsonl", *COLUMNAR),
        sample=f"{_SAMPLES}:jsonl",
        suggests=_OF_FILES,
    ),
    Component(
        "data",
        "conll",
        ConllConfig,
        "seqloom_text.readers.conll:ConllReader",
        files=SPLITS,
        gives=_conll_gives,
        suffixes=(".conll", ".iob", ".bio", ".conllu"),
        sample=f"{_SAMPLES}:conll",
        suggests=_OF_FILES,
    ),
    Component(
        "data",
        "spans",
        SpansConfig,
        "seqloom_text.readers.spans:SpansReader",
        files=SPLITS,
        gives={"tokens": "tokens", "tags": "tags"},
        suffixes=(".json", ".ann", "/"),
        writers={"brat": "seqloom_text.brat_writer:BratWriter"},
        sample=f"{_SAMPLES}:spans",
        suggests=_OF_FILES,
    ),
    Component(
        "data",
        "parallel",
        ParallelConfig,
        "seqloom_text.readers.lines:ParallelReader",
        files=SPLITS,
        gives=_parallel_gives,
        sample=f"{_SAMPLES}:parallel",
        suggests=_OF_FILES,
    ),
    Component(
        "data",
        "lines",
        LinesConfig,
        "seqloom_text.readers.lines:LinesReader",
        files=SPLITS,
        gives={"text": "text"},
        suffixes=(".txt",),
        sample=f"{_SAMPLES}:lines",
    ),
    Component(
        "data",
        "apples",
        ApplesConfig,
        "seqloom_text.apples.reader:ApplesReader",
        files=(),
        gives=APPLES_KINDS,
        sample=f"{_SAMPLES}:apples",
    ),
)
