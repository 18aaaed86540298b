from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest

from seqloom.data import Pattern
from seqloom.errors import ConfigError


def test_it_matches_as_re_does() -> None:
    pattern = Pattern(r"(\w+) (\w+)", "data.pattern")
    found = pickle.loads(pickle.dumps(pattern)).search("x: one two")
    assert found is not None
    assert (found[1], found[2], pattern.groups) == ("one", "two", 2)
    assert pattern.fullmatch("x: one two") is None
    assert pattern.search("") is None


@pytest.mark.parametrize("text", ["^(a+)+$", r"(a|aa)+$"])
def test_a_match_that_does_not_end_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqloom.data.pattern.SECONDS", 0.2)
    pattern = Pattern(text, "data.pattern")
    with pytest.raises(ConfigError) as caught:
        [pattern.search("a" * 2000 + "!") for _ in range(10_000)]
    assert str(caught.value).startswith(f"data.pattern={text} takes too long to match")


def test_waiting_for_a_core_is_no_match_that_does_not_end() -> None:
    pattern = Pattern("b+", "data.pattern")
    waits = iter([True, True, False])

    def starved(text: str, timeout: float) -> object:
        if next(waits):
            raise TimeoutError
        return compiled.search(text, timeout=timeout)

    compiled, pattern._compiled = pattern._compiled, SimpleNamespace(search=starved)
    found = pattern.search("abba")
    assert found is not None
    assert found[0] == "bb"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(", "data.pattern=(: not a regular expression: "),
        ("(" * 900, "not a regular expression: "),
        ("a{99999999999999999999}", "not a regular expression: "),
        ("(?:a){i<=}", "data.pattern=(?:a){i<=}: not supported in a pattern: "),
        ("a" * 1001, "data.pattern has 1,001 characters; expected up to 1,000."),
    ],
)
def test_what_is_no_expression(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Pattern(text, "data.pattern")
    assert problem in str(caught.value)
