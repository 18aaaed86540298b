"""One call runs all checks of a component, and lists broken promises in sentences."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqloom.errors import ConfigError, PluginError
from seqloom.plugins import resolve
from seqloom.testing import (
    ENCODER_CHECKS,
    ConformanceError,
    EncoderCase,
    HeadCase,
    ReaderCase,
    conform,
)
from seqloom.testing.checks import CHECKS, as_case, promise_of
from seqloom.testing.conform import outcomes
from seqloom.testing.subjects import find, subjects


def test_a_sound_component_passes(steps: Path) -> None:
    conform("encoder=steps", bound="tanh", hidden_size=8)


def test_what_is_broken_is_listed_by_variant(steps: Path) -> None:
    with pytest.raises(ConformanceError) as found:
        conform("encoder=steps")
    first, *lines = str(found.value).splitlines()
    count = 2 * len(ENCODER_CHECKS)
    assert first.startswith("It breaks ")
    assert first.endswith(f" promises of {count}:")
    assert all(line.startswith("- encoder=steps bound=none: ") for line in lines)
    sizes = lines[0]
    assert ": sizes, padding, training, " in sizes  # one line where several checks say the same
    assert "raised ArithmeticError: nothing bounds the states, at " in sizes
    assert "faulty_steps_net.py:" in sizes


def test_a_case_that_is_not_installed_can_be_passed(steps: Path) -> None:
    cls = resolve("encoder", "steps")
    conform(lambda size: cls(size, 8))
    with pytest.raises(ConformanceError, match=r"^It breaks \d+ promises of \d+:\n- sizes, "):
        conform(lambda size: cls(size, 8, "none"))


def test_a_case_determines_its_checks() -> None:
    head: Any = HeadCase(cls=None, examples=[], frames=[])  # type: ignore[arg-type]
    reader: Any = ReaderCase(cls=None)  # type: ignore[arg-type]
    assert as_case(head) == (CHECKS["head"], head)
    assert as_case(reader) == (CHECKS["data"], reader)
    assert as_case(int) == (CHECKS["encoder"], EncoderCase(int))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="3 is not a case"):
        conform(3)
    with pytest.raises(TypeError, match=r"also got \['size'\]"):
        conform(reader, size=4)


@pytest.mark.parametrize(
    ("choice", "params", "error", "message"),
    [
        ("encoder=stps", {}, PluginError, "encoder=stps. Did you mean 'steps'?"),
        ("encodr=steps", {}, ConfigError, "does not name a component. .* Did you mean 'encoder'?"),
        ("encoder=steps", {"hiden": 1}, ConfigError, "no key 'hiden'. Did you mean 'hidden_size'?"),
        ("encoder=steps", {"hidden_size": "wide"}, ConfigError, "'wide' is not a whole number"),
        ("encoder=steps", {"bound": "relu"}, ConfigError, "'relu' is not one of: tanh, none"),
    ],
)
def test_mistakes_are_explained(
    steps: Path, choice: str, params: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        conform(choice, **params)


def test_without_a_case_there_is_one_outcome(install: Callable[..., Path]) -> None:
    source = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Lost:
    size: int = 1

@hookimpl
def seqloom_components():
    return [Component("encoder", "lost", Lost, "faulty_nowhere:Lost")]
"""
    install("faulty_lost", source)
    (subject,) = subjects(find("encoder=lost"))
    (found,) = outcomes(subject)
    assert (found.subject, found.check, found.state) == ("encoder=lost", "case", "failed")
    assert "encoder=lost cannot be loaded" in found.text


def test_every_check_has_a_sentence_and_a_name_of_its_own() -> None:
    for checks in CHECKS.values():
        assert len({check.__name__ for check in checks}) == len(checks)
        assert all(promise_of(check).endswith(".") for check in checks)


TESTS = """
from faulty_steps_net import Steps
from seqloom.testing import EncoderConformance, FrontendConformance, HeadConformance
from seqloom.testing import ReaderConformance

class TestSteps(EncoderConformance):
    name = "steps"
    params = {"hidden_size": 9}

    def test_besides(self):
        pass

class TestOwn(EncoderConformance):
    def make(self, input_size):
        return Steps(input_size, 8)

class TestMissing(EncoderConformance):
    name = "stps"

class TestWords(FrontendConformance):
    name = "words"

class TestClasses(HeadConformance):
    name = "classification"
    params = {"pooling": "max"}

class TestApples(ReaderConformance):
    name = "apples"
"""


def test_a_subclass_with_a_name_is_a_test_file(
    python: Callable[..., subprocess.CompletedProcess[str]], steps: Path, tmp_path: Path
) -> None:
    """By pytest's own account; a missing component fails in words where it is tested."""
    file = tmp_path / "test_mine.py"
    file.write_text(TESTS, encoding="utf-8")
    done = python(f"""
import sys
sys.path.insert(0, {str(steps)!r})
import seqloom.testing
assert "pytest" not in sys.modules
import pytest
words = "(sizes or causality or besides or codec or resuming) and not workers"
pytest.main([{str(file)!r}, "-v", "-k", words, "--tb=short", "-p", "no:cacheprovider", "-rs"])
""")
    said = done.stdout
    assert "TestSteps::test_besides PASSED" in said, said + done.stderr
    assert "TestSteps::test_promise[sizes] PASSED" in said
    assert "TestSteps::test_promise[bound=none-sizes] FAILED" in said
    assert "TestOwn::test_promise[sizes] PASSED" in said
    assert "TestOwn::test_promise[causality] SKIPPED" in said
    assert "it does not claim to be causal" in said
    assert "TestMissing::test_promise[sizes] FAILED" in said
    assert "No installed plugin provides encoder=stps. Did you mean 'steps'?" in said
    assert "TestWords::test_promise[tokens-sizes] PASSED" in said
    assert "TestWords::test_promise[text-sizes] PASSED" in said
    assert "TestClasses::test_promise[codec] PASSED" in said
    assert "pooling=" not in said
    assert "TestApples::test_promise[resuming] PASSED" in said
