"""``seqloom conformance``: what it prints, when it fails, and how it explains mistakes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.cli.conformance import conformance
from seqloom.errors import ConfigError, PluginError

PLUGIN = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Stops:
    hidden_size: int = 8

@hookimpl
def seqloom_components():
    return [Component("encoder", "stops", Stops, "faulty_stops_net:Stops")]
"""

NET = """
from seqloom.interfaces import Encoder

class Stops(Encoder):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.output_size = hidden_size

    def forward(self, features, state=None):
        raise ArithmeticError("it stops here")
"""


@pytest.fixture
def stops(install: Callable[..., Path]) -> Path:
    return install("faulty_stops", PLUGIN, files={"faulty_stops_net.py": NET})


def test_it_prints_each_check_of_each_variant(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["encoder=birnn", "encoder.merge=sum", "head=classification", "head.pooling=max"]
    assert conformance([*words, "-k", "gradients"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "encoder=birnn",
        "  ok              input_gradients   Gradients of the inputs are the same alone and padded,"
        " and zero in the padding.",
        "  ok              gradients         In training mode, every parameter gets a finite"
        " gradient that is not always zero.",
        "encoder=birnn nonlinearity=relu",
        "  ok              input_gradients   Gradients of the inputs are the same alone and padded,"
        " and zero in the padding.",
        "  ok              gradients         In training mode, every parameter gets a finite"
        " gradient that is not always zero.",
        "head=classification",
        "  ok              gradients         In training mode, every parameter gets a finite"
        " gradient that is not always zero.",
        "5 checks: 5 ok, 0 failed, 0 do not apply.",
    ]


def test_a_check_that_does_not_apply_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance(["encoder=bigru", "encoder.merge=sum", "-k", "causality"]) == 0
    assert capsys.readouterr().out == (
        "encoder=bigru\n"
        "  does not apply  causality         it does not claim to be causal\n"
        "one check: 0 ok, 0 failed, 1 do not apply.\n"
    )


def test_a_failure_is_a_sentence_and_a_status(
    program: Callable[..., subprocess.CompletedProcess[str]], stops: Path
) -> None:
    words = ["encoder=stops", "encoder.hidden_size=12", "-k", "sizes"]
    done = program("conformance", *words, site=stops)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "encoder=stops",
        "  FAILED          sizes             ``output_size`` is known before any data, and is the "
        "size of states and summary.",
    ]
    place = stops / "faulty_stops_net.py"
    assert lines[2].strip() == f"raised ArithmeticError: it stops here, at {place}:10"
    assert lines[3:] == ["one check: 0 ok, 1 failed, 0 do not apply."]
    assert "Traceback" not in done.stdout + done.stderr


def test_json_has_the_same(stops: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance(["--plugin", "faulty_stops", "--json", "-k", "order"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    seconds = found.pop("seconds")
    assert seconds > 0
    assert found == {
        "component": "encoder=stops",
        "variant": "",
        "check": "order",
        "promise": "The order of the batch does not matter.",
        "state": "failed",
        "text": f"raised ArithmeticError: it stops here, at {stops / 'faulty_stops_net.py'}:10",
    }


def test_all_components_of_a_plugin_or_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance(["--plugin", "recurrent", "-k", "sizes"]) == 0
    said = capsys.readouterr().out
    names = ("rnn", "lstm", "gru", "birnn", "bilstm", "bigru")
    assert [line for line in said.splitlines() if line in {f"encoder={n}" for n in names}] == [
        f"encoder={name}" for name in names
    ]
    assert conformance(["--all", "-k", "empty"]) == 0
    assert said.splitlines()[-1].replace(" ok", "") == (
        capsys.readouterr().out.splitlines()[-1].replace(" ok", "")
    )


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["encodr=gru"], ConfigError, r"KIND=NAME nor KIND.KEY=VALUE. Did you mean 'encoder'\?"),
        (["encoder"], ConfigError, "'encoder' is neither KIND=NAME"),
        (["encoder=gur"], PluginError, r"provides encoder=gur. Did you mean 'gru'\?"),
        (
            ["encoder=gru", "head.field=x"],
            ConfigError,
            r"head.… needs a component .* Name one",
        ),
        (["encoder=gru", "encoder.hidden_size=x"], ConfigError, "'x' is not a whole number"),
        (["encoder=gru", "encoder.hiden_size=3"], ConfigError, "Did you mean 'hidden_size'"),
        (["encoder=gru", "encoder.hidden_size=a,b]"], ConfigError, "cannot be read"),
        (["--plugin", "recurent"], ConfigError, r"no plugin 'recurent'. Did you mean 'recurrent'"),
        (["encoder=gru", "-k", "gradent"], ConfigError, r"has 'gradent' .*Did you mean 'gradients"),
    ],
)
def test_mistakes_are_explained(words: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        conformance(words)


def test_a_plugin_that_is_not_in_use_says_why(
    install: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_import", "import nowhere_at_all")
    with pytest.raises(ConfigError, match=r"faulty_import.* is .*No module named 'nowhere_at_all'"):
        conformance(["--plugin", "faulty_import"])


def test_without_a_choice_it_says_what_to_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        conformance([])
    assert ended.value.code == 2
    assert "name a component, KIND=NAME, or use --plugin NAME or --all" in capsys.readouterr().err


def test_its_help_is_quick_to_come(
    python: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    done = python("""
import sys
from seqloom.cli.conformance import conformance
try:
    conformance(["--help"])
finally:
    assert not {"torch", "numpy", "lightning", "pytorch_lightning"} & {*sys.modules}
""")
    assert done.returncode == 0, done.stderr
    assert "KIND=NAME selects a component" in done.stdout
