"""Functions as fixtures: tests here share no importable module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from seqloom.data.encode import Codecs
from seqloom.interfaces import Example, Frontend, FrontendCodec, Inputs, Origin


def _examples(values: Sequence[Any], field: str = "tokens") -> list[Example]:
    return [
        Example(f"e{number}", {field: value}, Origin("data.tsv", number))
        for number, value in enumerate(values, start=1)
    ]


def _batch(codec: FrontendCodec, values: Sequence[Any], field: str = "tokens") -> Inputs:
    codecs = Codecs(codec, {})
    examples = [codec.prepare(example) for example in _examples(values, field)]
    return codecs.collate()([codecs.encode_inputs(example) for example in examples]).inputs


def _build(
    kind: type[Frontend], values: Sequence[Any], field: str = "tokens", **params: Any
) -> tuple[Any, Any]:
    codec = kind.make_codec(**params)
    codec.restore(codec.fit([codec.prepare(example) for example in _examples(values, field)]))
    return codec, kind(codec, **params)


@pytest.fixture
def examples() -> Callable[..., list[Example]]:
    return _examples


@pytest.fixture
def batch_of() -> Callable[..., Inputs]:
    return _batch


@pytest.fixture
def build() -> Callable[..., tuple[Any, Any]]:
    return _build
