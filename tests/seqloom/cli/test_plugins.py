"""``seqloom plugins`` with whole, broken and contested plugins."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom import __version__
from seqloom.cli.main import run

Program = Callable[..., "subprocess.CompletedProcess[str]"]

CLAIM = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Params:
    size: int = 1

@hookimpl
def seqloom_components():
    return [Component("encoder", "lstm", Params, "a:B")]
"""


def test_the_bundled_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins"]) == 0
    out = capsys.readouterr().out
    assert " ms\n  encoder: rnn, lstm, gru, birnn, bilstm, bigru\n" in out
    assert re.search(r"^ner \(seqloom .*\): ok, loaded in \d+ ms\n  head: ner\n", out, re.MULTILINE)


def test_broken_and_contested_ones(
    install: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_import", "import no_such_module")
    install("faulty_claim", CLAIM)
    assert run(["plugins"]) == 0
    out = capsys.readouterr().out
    assert (
        "faulty_import (faulty-import 1.5): quarantined\n"
        "  ModuleNotFoundError: No module named 'no_such_module' (at "
    ) in out
    assert re.search(r"^faulty_claim \(faulty-claim 1\.5\): conflict, loaded", out, re.MULTILINE)
    also = "  encoder=lstm is also claimed by plugin {}, so neither gets it\n"
    assert also.format("'faulty_claim' (faulty-claim 1.5)") in out
    assert also.format(f"'recurrent' (seqloom {__version__})") in out

    assert run(["plugins", "--json"]) == 0
    found = {plugin["name"]: plugin for plugin in json.loads(capsys.readouterr().out)}
    assert found["faulty_import"]["state"] == "quarantined"
    assert found["faulty_import"]["reason"].startswith("ModuleNotFoundError")
    assert found["recurrent"]["state"] == found["faulty_claim"]["state"] == "conflict"
    assert found["recurrent"]["conflicts"] == [
        "encoder=lstm is also claimed by plugin 'faulty_claim' (faulty-claim 1.5), so neither "
        "gets it"
    ]
    assert found["faulty_claim"]["components"] == [
        {"kind": "encoder", "name": "lstm", "contested": True}
    ]
    contested = {part["name"]: part["contested"] for part in found["recurrent"]["components"]}
    assert [name for name in contested if contested[name]] == ["lstm"]


def test_in_a_process_of_its_own(install: Callable[..., Path], program: Program) -> None:
    install("faulty_exit", "import sys; sys.exit(7)")
    install("faulty_syntax", "def (")
    site = install("faulty_claim", CLAIM)
    done = program("plugins", site=site)
    assert (done.returncode, done.stderr) == (0, "")
    assert "faulty_exit (faulty-exit 1.5): quarantined\n  SystemExit: 7 (at " in done.stdout
    assert "faulty_syntax (faulty-syntax 1.5): quarantined\n  SyntaxError: " in done.stdout

    refused = program("train", "encoder=lstm", site=site)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: encoder=lstm is claimed by plugin 'faulty_claim' (")
    cured = {"SEQLOOM_DISABLE_PLUGINS": "faulty_claim"}
    accepted = program("train", "encoder=lstm", "--cfg", "job", site=site, **cured)
    assert accepted.returncode == 0
    assert "name: lstm" in accepted.stdout
    assert (
        "faulty_claim (faulty-claim 1.5): disabled\n  named in SEQLOOM_DISABLE_PLUGINS\n"
        in program("plugins", site=site, **cured).stdout
    )
