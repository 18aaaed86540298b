"""Keys in quotes in the mappings of overrides: ``head.class_weights={"1.0": 2, "a=b": 3}``.

Hydra has no quotes for keys, so that some texts cannot be one: numbers, ``null``, letters beyond
ASCII. A mapping with such a key becomes an interpolation that has the mapping in it as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote, unquote

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from seqloom.errors import ConfigError

_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_WRITTEN = re.compile(r"(?P<quote>'?)\$\{mapping:(?P<json>%7B[\w.%-]*)\}(?P=quote)", re.ASCII)
_PLAIN = re.compile(r"(?!(?:true|false|null|inf|nan)\Z)[a-z_][\w-]*", re.ASCII | re.IGNORECASE)


def with_plain_keys(words: Sequence[str]) -> list[str]:
    """Return overrides whose mappings have no quoted keys, and which mean the same.

    What is not well-formed is unchanged, and left for Hydra to refuse.

    >>> with_plain_keys(["data.columns={'text': body}", "seed=1"])
    ['data.columns={text: body}', 'seed=1']
    """
    return [_with_plain_keys(word) if re.search(r"[{,]\s*['\"]", word) else word for word in words]


def _with_plain_keys(word: str) -> str:
    key, equals, value = word.partition("=")
    found, start = "", 0
    while start < len(value):
        quoted = _QUOTED.match(value, start)
        mapping = None if quoted else _Mapping.at(value, start)
        end = quoted.end() if quoted else mapping.end if mapping else start + 1
        found += value[start:end] if mapping is None else mapping.written()
        start = end
    return f"{key}{equals}{found}"


class _Mapping:
    """A mapping in an override, with a name in the place of each quoted key.

    Attributes:
        end: Where it ends.
    """

    def __init__(self, text: str, keys: dict[str, str], original: str, end: int) -> None:
        self._text, self._keys, self._original, self.end = text, keys, original, end

    @classmethod
    def at(cls, value: str, start: int) -> _Mapping | None:
        """Return the mapping at a place; None if there is none, or one that is not closed."""
        if value[start] != "{":
            return None
        keys: dict[str, str] = {}
        text, depth, place = "", 0, start
        while place < len(value):
            quoted = _QUOTED.match(value, place)
            if quoted is None:
                depth += (value[place] in "{[") - (value[place] in "}]")
                text, place = text + value[place], place + 1
                if not depth:
                    return cls(text, keys, value[start:place], place)
                continue
            place = quoted.end()
            is_key = re.search(r"[{,]\s*\Z", text) and re.match(r"\s*:", value[place:])
            name = f"quoted_key_{len(keys)}_"
            if is_key:
                keys[name] = _unquoted(quoted[0])
            text += name if is_key else quoted[0]
        return None

    def written(self) -> str:
        """Return the mapping as Hydra reads it."""
        if all(map(_PLAIN.fullmatch, self._keys.values())):
            return re.sub(
                r"quoted_key_\d+_", lambda one: self._keys.get(one[0], one[0]), self._text
            )
        try:
            parsed: Any = OverridesParser.create().parse_override(f"key={self._text}").value()
        except HydraException:
            return self._original
        return f"'${{mapping:{_encoded(self._named(parsed))}}}'"

    def _named(self, value: Any) -> Any:
        """Return a value with the keys that were in quotes."""
        if isinstance(value, dict):
            named = {self._keys.get(key, key): self._named(one) for key, one in value.items()}
            if len(named) < len(value):
                raise ConfigError(f"{self._original} has a key twice.")
            return named
        return [self._named(one) for one in value] if isinstance(value, list) else value


def _unquoted(text: str) -> str:
    r"""Return what is in quotes: a backslash protects a quote or another backslash.

    >>> print(_unquoted(r'"say \"a\\b\""'))
    say "a\b"
    """
    return re.sub(r"\\([\\'\"])", r"\1", text[1:-1])


def _encoded(value: Any) -> str:
    return quote(json.dumps(value), safe="").replace("~", "%7E")


def with_quoted_keys(text: str) -> str:
    """Return a text for people with the mappings that `with_plain_keys` has written in it.

    >>> with_quoted_keys("head.class_weights='${mapping:%7B%221.0%22%3A%202%7D}'")
    'head.class_weights={"1.0": 2}'
    """
    return _WRITTEN.sub(
        lambda one: json.dumps(json.loads(unquote(one["json"])), ensure_ascii=False), text
    )


def as_key(name: object) -> str:
    """Return the key of a mapping in an override, in quotes if it needs them.

    >>> as_key("text"), as_key("1.0")
    ('text', '"1.0"')
    """
    text = str(name)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return text if _PLAIN.fullmatch(text) else f'"{escaped}"'


def _mapping(text: str, *, _node_: DictConfig) -> dict[str, Any]:
    """Return the mapping that `with_plain_keys` has written, with values of the node's type."""
    found = cast("dict[Any, Any]", json.loads(unquote(text)))
    kind = getattr(_node_._metadata, "element_type", Any)
    typed = DictConfig({}, key_type=str, element_type=kind)
    for key, value in found.items():
        typed[str(key)] = value
    return cast("dict[str, Any]", OmegaConf.to_container(typed))


# When a module is imported, since the processes of a sweep's trials get composed configs.
OmegaConf.register_new_resolver("mapping", _mapping, replace=True)
