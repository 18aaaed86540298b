"""Completion by TAB: the line holds the subcommand, which Hydra must not see."""

from __future__ import annotations

import re
import sys

import pytest

from seqloom.cli.commands import COMMANDS
from seqloom.cli.main import run
from seqloom.plugins import registry

OFFERED = [*COMMANDS, "completion", *registry().commands()]
ENCODERS = ["bigru", "bilstm", "birnn", "gru", "lstm", "rnn"]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Offered:
    return Offered(monkeypatch, capsys)


class Offered:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, line: str, shell: str = "bash") -> list[str]:
        self.monkeypatch.setattr(sys, "argv", ["seqloom"])
        self.monkeypatch.setenv("COMP_LINE", line)
        self.monkeypatch.setenv("COMP_POINT", str(len(line)))
        assert run(["-sc", f"query={shell}"]) == 0
        return self.capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seqloom ", OFFERED),
        ("seqloom p", [name for name in OFFERED if name.startswith("p")]),
        ("seqloom tr", ["train"]),
        ("seqloom train encoder=", [f"encoder={name}" for name in ENCODERS]),
        ("seqloom train head=n", ["head=ner"]),
        ("seqloom train seed=2 head=n", ["head=ner"]),
        ("/usr/bin/seqloom train head=n", ["head=ner"]),
        ("seqloom train -m encoder=bil", ["encoder=bilstm"]),
        ("seqloom train encoder.hidd", ["encoder.hidden_size="]),
        ("seqloom train encoder=gru encoder.num", ["encoder.num_layers="]),
        (
            "seqloom train encoder.merge=",
            [f"encoder.merge={name}" for name in ("average", "concat", "multiply", "sum")],
        ),
        ("seqloom train encoder=bigru encoder.merge=a", ["encoder.merge=average"]),
        ("seqloom train encoder=lstm encoder.merge=", []),
        ("seqloom train -m encoder=gru,bil", ["encoder=gru,bilstm"]),
        ("seqloom train -m encoder=gru,lstm encoder.forget", ["encoder.forget_bias="]),
        ("seqloom train disable_plugins=[recurrent] encoder=", []),
        (
            "seqloom train disable_plugins='[ner,nobody]' head=",
            ["head=classification", "head=ctc", "head=translation"],
        ),
        ("seqloom train encoder=lstm encoder.hidden_size=", ["encoder.hidden_size=128"]),
        ("seqloom train encoder.locked_d", ["encoder.locked_dropout="]),
        (
            "seqloom train encoder.locked_dropout=",
            ["encoder.locked_dropout=false", "encoder.locked_dropout=true"],
        ),
        ("seqloom train data=csv data.split.v", ["data.split.val="]),
        ("seqloom train batch.w", ["batch.workers="]),
        ("seqloom train trainer.max_e", ["trainer.max_epochs="]),  # from a composed config
        ("seqloom train +e", ["+encoder=", "+experiment="]),
        ("seqloom train run_dir=/etc/hostn", ["run_dir=/etc/hostname"]),
        ("seqloom train sweep=sm", ["sweep=small_and_good"]),
        ("seqloom check encoder=bil", ["encoder=bilstm"]),
        ("seqloom check trainer.max_e", ["trainer.max_epochs="]),
        ("seqloom profile head=n", ["head=ner"]),
        ("seqloom plugins ", ["doctor"]),
        ("seqloom cluster s", ["script"]),
        ("seqloom conformance -q encoder=bil", ["encoder=bilstm"]),
        ("seqloom train experimnt.seed=", []),
        ("seqloom explain encoder=bil", ["encoder=bilstm"]),
        ("seqloom explain seed trainer.max_e", ["trainer.max_epochs"]),
        ("seqloom train on_bad=", ["on_bad=error", "on_bad=skip"]),
        ("seqloom train init_classes=m", ["init_classes=merge"]),
        ("seqloom train head.decoder=s", ["head.decoder=softmax"]),
        ("seqloom train encoder=nothing head=n", ["head=ner"]),
        ("seqloom predict runs/", []),
    ],
)
def test_what_is_offered(offered: Offered, line: str, words: list[str]) -> None:
    assert offered(line) == words


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_the_script_is_for_the_program_by_its_name(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/some/where/seqloom", "completion", shell])
    assert run(["completion", shell]) == 0
    out = capsys.readouterr().out
    assert "-sc query=" in out
    assert re.search(r"complete .*\bseqloom\b", out)
    assert "/some/where" not in out


@pytest.mark.parametrize(
    "line", ["e", "experiment=s", "logger=", "encoder=lstm encoder.f", "batch.m"]
)
def test_schemas_and_files_tell_what_a_composed_config_tells(
    line: str, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = offered(f"seqloom train {line}")
    monkeypatch.setattr("seqloom.cli.completion.candidates", lambda overrides: None)
    assert found
    assert found == offered(f"seqloom train {line}")


def test_a_preset_of_a_plugin_is_offered_with_its_keys(stranger: None, offered: Offered) -> None:
    assert offered("seqloom train encoder=st") == ["encoder=stranger", "encoder=stranger_wide"]
    assert offered("seqloom train encoder=stranger_wide encoder.w") == ["encoder.width="]
