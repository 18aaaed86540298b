"""Fields that several columns make up, and classes that are numbers and have names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from seqloom.errors import Cause, ConfigError, kind_of

_MARK = "\n"
"""Between the name of a field and the number of its column; no field is called like this."""
_PLAIN = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
"""Names of columns that need no quotes."""
_TAGGED = {"tokens": "tokens", "tags": "tags"}
_TRUE = ("1", "1.0", "true", "yes")
_FALSE = ("0", "0.0", "false", "no")


class Columns:
    """The columns of each field.

    A field of kind ``labels`` may have one column for each class, with 1 where the example has it;
    a text may be in several, which are joined by blanks.

    Args:
        columns: Field → column, or list of columns.
        kinds: Field → kind.

    Attributes:
        flat: Column of each field; of one with several, of each of its parts.
        kinds: Kind of each of these.

    Raises:
        ConfigError: Several columns of a field of another kind, or something else than names.
    """

    def __init__(self, columns: Mapping[str, Any], kinds: Mapping[str, str]) -> None:
        self.flat: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self._several: dict[str, str] = {}
        for name, found in columns.items():
            listed = isinstance(found, Sequence) and not isinstance(found, str)
            if listed and len(set(map(str, found))) < max(1, len(found)):
                raise ConfigError(
                    f"data.columns.{name}={found}: expected one column or more, each of them once.",
                    cause=Cause.wrong_value,
                )
            for number, own in enumerate(found if listed else [found]):
                # Without a header, columns are numbers.
                column = str(own) if isinstance(own, int) and own is not True else own
                _check(name, column, kinds[name], several=listed)
                key = f"{name}{_MARK}{number}" if listed else name
                self.flat[key], self.kinds[key] = column, kinds[name]
            if listed:
                self._several[name] = kinds[name]

    def add(self, name: str, kind: str) -> bool:
        """Read a field from the column of its name; return False if another field is read there.

        Without columns there is no table, and nothing is added.
        """
        if not self.flat or name in self.flat.values():
            return False
        self.flat[name], self.kinds[name] = name, kind
        return True

    @staticmethod
    def option(key: str) -> str:
        """Return the key of the config that names a column."""
        return f"data.columns.{key.partition(_MARK)[0]}"

    def joined(self, values: dict[str, Any], targets: bool) -> dict[str, Any]:
        """Return the values of fields, from those of columns; wrong labels may be left out.

        Args:
            values: Key in ``flat`` → value.
            targets: Whether labels must be right. Nothing is predicted from them.

        Raises:
            ValueError: A cell is neither 0 nor 1, or only some columns of a text are there.
        """
        if not self._several:
            return values
        single = {name: value for name, value in values.items() if _MARK not in name}
        for name, kind in self._several.items():
            try:
                found = self._of(name, kind, values)
            except ValueError:
                if targets or kind != "labels":
                    raise
                continue
            if found is not None:
                single[name] = found
        return single

    def _of(self, name: str, kind: str, values: Mapping[str, Any]) -> str | list[str] | None:
        """Return the value of a field of several columns; None if there is none of them."""
        keys = [key for key in self.flat if key.startswith(f"{name}{_MARK}")]
        lacking = [self.flat[key] for key in keys if key not in values]
        if len(lacking) == len(keys):
            return None
        if lacking:
            raise ValueError(f"the field {name!r} lacks the column {lacking[0]!r}.")
        cells = [(self.flat[key], values[key]) for key in keys]
        return _present(cells) if kind == "labels" else _text(name, cells)


def naming(columns: Mapping[str, str], names: Collection[str], column: str = "COLUMN") -> str:
    """Return the sentence that tells how to set ``data.columns`` for a file that lacks some.

    Args:
        columns: Column of each field as set, see `Columns.flat`.
        names: Names of the columns that the file has.
        column: What stands for a name that only the user knows.

    >>> naming({"text": "text", "label": "label"}, ["id", "tokens", "ner_tags"])
    "Name all that are to be read: data.columns='{tokens: tokens, tags: ner_tags}'."
    """
    unknown = "tokens" in names and not set(columns.values()) & set(names)
    fields = dict[str, list[str]]()
    for key, own in (_TAGGED if unknown else columns).items():
        field = key.partition(_MARK)[0]
        found = (
            one for one in (own, field, f"ner_{field}") if one in names and _PLAIN.fullmatch(one)
        )
        fields.setdefault(field, []).append(next(found, column))
    every = (f"{field}: {_joined(found)}" for field, found in fields.items())
    return f"Name all that are to be read: data.columns='{{{', '.join(every)}}}'."


def _joined(found: Sequence[str]) -> str:
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"


def _check(name: str, column: Any, kind: str, several: bool) -> None:
    if not isinstance(column, str):
        raise ConfigError(
            f"data.columns.{name}={column}: expected the name of a column.", cause=Cause.wrong_value
        )
    if several and kind not in ("labels", "text"):
        raise ConfigError(
            f"data.columns.{name}: several columns can form a text, or labels with one column per "
            f"class, but not a {kind}. If each column says whether a class applies, call the field "
            f"'labels', or set data.kinds.{name}=labels.",
            cause=Cause.wrong_value,
        )


def _present(cells: Iterable[tuple[str, Any]]) -> list[str]:
    """Return the columns whose cell is true."""
    found = []
    for column, value in cells:
        cell = str(value).strip().lower()
        if cell not in (*_TRUE, *_FALSE):
            raise ValueError(
                f"the column {column!r} has {str(value)[:40]!r}; expected 1 if the example has "
                "this class, or else 0."
            )
        found += [column] * (cell in _TRUE)
    return found


def _text(name: str, cells: Iterable[tuple[str, Any]]) -> str:
    for column, value in cells:
        if not isinstance(value, str | None):
            raise ValueError(
                f"the column {column!r} of the field {name!r} has {kind_of(value)}; "
                "expected a text."
            )
    return " ".join(value.strip() for _, value in cells if value and value.strip())


class Names:
    """The names of classes and tags that are numbers, as Hugging Face stores them.

    Args:
        names: Field → names of the numbers from 0.
        kinds: Field → kind.

    Raises:
        ConfigError: The field does not exist, or has no classes or tags.
    """

    def __init__(self, names: Mapping[str, Sequence[str]] | None, kinds: Mapping[str, str]) -> None:
        self._names = {field: list(found) for field, found in (names or {}).items()}
        for field in self._names:
            if kinds.get(field) not in ("tags", "label", "labels"):
                raise ConfigError(
                    f"data.names.{field}: expected a field with tags, a label or labels; there "
                    f"are: {', '.join(f'{name} ({kind})' for name, kind in kinds.items())}.",
                    cause=Cause.wrong_value,
                )

    def named(self, field: str, value: Any) -> Any:
        """Return the value of a field with names in the place of its numbers.

        Raises:
            ValueError: It is no number of a name.
        """
        if field not in self._names:
            return value
        if isinstance(value, str):
            return self._name(field, value)
        return [self._name(field, one) for one in value]

    def _name(self, field: str, number: str) -> str:
        names = self._names[field]
        if not number.isdecimal() or int(number) >= len(names):
            raise ValueError(
                f"{number[:40]!r} is not one of the numbers 0 to {len(names) - 1} that "
                f"data.names.{field} names"
            )
        return names[int(number)]
