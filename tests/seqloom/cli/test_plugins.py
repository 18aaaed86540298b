"""``seqloom plugins`` lists whole, broken and contested plugins; ``doctor`` finds problems."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom import __version__
from seqloom.cli.main import run
from seqloom.cli.new import choose_names
from seqloom.errors import PluginError
from seqloom.plugins import registry

Install = Callable[..., Path]
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


PLUGIN = """
from dataclasses import dataclass
from seqloom.plugins import Command, Component, hookimpl

@dataclass
class Params:
    size: int = 1

@hookimpl
def seqloom_components():
    return [Component("encoder", {name!r}, Params, {target!r}{more})]
"""

CLASSES = """
from seqloom.interfaces import Encoder

class NoEncoder:
    pass

class Abstract(Encoder):
    def __init__(self, input_size, size): pass

class Sizeless(Encoder):
    def __init__(self, input_size): pass
    def forward(self, features, state=None): pass

class Sound(Encoder):
    def __init__(self, input_size, **params): pass
    def forward(self, features, state=None): pass
"""

PRESET = """
from seqloom.plugins import hookimpl

@hookimpl
def seqloom_config_packages(): return ['faulty_conf']
"""

AT_FAULT = {
    "faulty_parts:NoEncoder": "does not derive from seqloom.interfaces.Encoder",
    "faulty_parts:Abstract": "encoder=mine: faulty_parts:Abstract does not implement forward",
    "faulty_parts:Sizeless": "encoder=mine: Sizeless.__init__() does not take size",
    "faulty_parts:Nobody": "has no attribute 'Nobody'",
    "faulty_nowhere:Encoder": "ModuleNotFoundError: No module named 'faulty_nowhere'",
}


def test_the_doctor_finds_nothing_in_the_bundled_plugins(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["plugins", "doctor"]) == 0
    out = capsys.readouterr().out
    assert f"recurrent (seqloom {__version__}): ok\n" in out
    assert "problem" not in out


def test_parameters_without_a_text_are_remarked(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_parts", CLASSES)
    install("faulty_one", PLUGIN.format(name="mine", target="faulty_parts:Sound", more=""))
    assert run(["plugins", "doctor"]) == 0
    assert (
        "  encoder=mine: seqloom explain has no text for size. Add it to the section Attributes in "
        "the docstring of Params\n"
    ) in capsys.readouterr().out


@pytest.mark.parametrize("target", AT_FAULT)
def test_the_doctor_checks_components(
    target: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_parts", CLASSES)
    install("faulty_one", PLUGIN.format(name="mine", target=target, more=""))
    assert run(["plugins", "doctor"]) == 1
    out = capsys.readouterr().out
    assert "faulty_one (faulty-one 1.5): 1 problem\n" in out
    (line,) = [line for line in out.splitlines() if line.startswith("  problem: ")]
    assert AT_FAULT[target] in line


def test_what_is_quarantined_contested_or_refused(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_parts", CLASSES)
    install("faulty_import", "import no_such_module")
    install("faulty_claim", PLUGIN.format(name="lstm", target="faulty_parts:Sound", more=""))
    schema = PLUGIN.replace("size: int = 1", "size: frozenset[int] = frozenset()")
    install("faulty_schema", schema.format(name="odd", target="faulty_parts:Sound", more=""))
    install("faulty", PRESET, files={"faulty_conf/encoder/wrong.yaml": "defaults: [/nothing]\n"})
    assert run(["plugins", "doctor", "--json"]) == 1
    found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["plugins"]}
    problems = {name: " | ".join(one["problems"]) for name, one in found.items()}
    assert problems["faulty_import"].startswith("quarantined: ModuleNotFoundError: ")
    assert problems["faulty_claim"].endswith(f"(seqloom {__version__}), so neither gets it")
    assert "encoder=lstm is also claimed by plugin 'faulty_claim'" in problems["recurrent"]
    assert "Unexpected type" in problems["faulty_schema"]
    assert problems["faulty"].startswith("its config 'encoder/wrong': ")
    assert problems["ner"] == ""
    assert found["faulty_claim"]["state"] == "conflict"


def test_the_doctor_imports_what_presets_name(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    presets = {
        "faulty_conf/callbacks/norms.yaml": "norms:\n  _target_: faulty.Nors\n",
        "faulty_conf/optimizer/plain.yaml": "_target_: torch.optim.SGD\nlr: 0.1\n",
        "faulty_conf/logger/lost.yaml": "lost:\n  _target_: faulty_nowhere.Lost\n",
    }
    install("faulty", PRESET, files=presets)
    assert run(["plugins", "doctor"]) == 1
    out = capsys.readouterr().out
    first, second = (line for line in out.splitlines() if line.startswith("  problem: "))
    assert "its config 'callbacks/norms': faulty.Nors cannot be imported: " in first
    assert "its config 'logger/lost': faulty_nowhere.Lost cannot be imported: " in second


def test_heavy_imports_and_other_versions(install: Install, program: Program) -> None:
    install("faulty_parts", CLASSES)
    source = PLUGIN.format(name="mine", target="faulty_parts:Sound", more="")
    site = install("faulty_heavy", "import numpy\n" + source)
    metadata = site / "faulty_heavy-1.5.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "Requires-Dist: seqloom>=97\n")
    done = program("plugins", "doctor", site=site, cold=True)
    assert done.returncode == 1
    assert "faulty_heavy (faulty-heavy 1.5): 2 problems\n" in done.stdout
    assert f"needs seqloom>=97, but this is seqloom {__version__}\n" in done.stdout
    assert "  problem: importing faulty_heavy imports numpy (" in done.stdout


def test_a_disabled_plugin_is_not_checked(
    install: Install, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "faulty_import")
    install("faulty_import", "import no_such_module")
    assert run(["plugins", "doctor"]) == 0
    out = capsys.readouterr().out
    assert "faulty_import (faulty-import 1.5): disabled\n" in out
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "faulty_import,nobody")
    assert run(["plugins", "doctor"]) == 1
    assert "names 'nobody', which is not an installed plugin" in capsys.readouterr().out


def test_an_extra_that_is_not_installed_is_not_a_problem(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    source = PLUGIN.format(name="dear", target="faulty_dear_part:D", more=", extra='dear'")
    install("faulty_dear", source, files={"faulty_dear_part.py": "import faulty_library"})
    assert run(["plugins", "doctor"]) == 0
    out = capsys.readouterr().out
    assert "faulty_dear (faulty-dear 1.5): ok\n" in out
    assert (
        '  encoder=dear needs libraries that are not installed: pip install "faulty-dear[dear]"\n'
    ) in out


def test_an_extra_does_not_explain_another_fault(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    source = PLUGIN.format(name="dear", target="faulty_dear_part:D", more=", extra='dear'")
    install("faulty_dear", source, files={"faulty_dear_part.py": "raise ValueError('broken')"})
    assert run(["plugins", "doctor"]) == 1
    out = capsys.readouterr().out
    assert "ValueError: broken" in out
    assert "needs libraries that are not installed" not in out


def test_requirements_of_another_form(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    site = install("faulty_old", "")
    metadata = site / "faulty_old-1.5.dist-info" / "METADATA"
    needs = ("foo (>=1.x)", "SeqLoom>=97", "seqloom<0.0.1; extra == 'old'")
    metadata.write_text(metadata.read_text() + "".join(f"Requires-Dist: {one}\n" for one in needs))
    assert run(["plugins", "doctor"]) == 1
    out = capsys.readouterr().out
    assert "faulty_old (faulty-old 1.5): 2 problems\n" in out
    assert "  problem: faulty-old has a requirement that cannot be read, 'foo (>=1.x)': " in out
    assert f"  problem: faulty-old needs SeqLoom>=97, but this is seqloom {__version__}\n" in out


def test_an_extra_of_a_command_is_not_a_problem_either(
    install: Install, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
from seqloom.plugins import Command, hookimpl

@hookimpl
def seqloom_commands():
    return [Command("dear", "Be dear.", "faulty_dear_part:run", extra="dear")]
"""
    files = {"faulty_dear_part.py": "import faulty_library"}
    site = install("faulty_dear", source, files=files)
    assert run(["plugins", "doctor"]) == 0
    remark = "the command 'dear' needs libraries that are not installed: pip install"
    assert f'{remark} "faulty-dear[dear]"\n' in capsys.readouterr().out
    done = program("dear", site=site)
    assert done.returncode == 1
    assert done.stderr.endswith(
        'Install the libraries that it needs: pip install "faulty-dear[dear]" [S204]\n'
    )


def test_a_preset_without_a_component_is_a_problem(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"encoder/bare": "hidden_size: 3\n", "mine": "seed: 3\n"}
    files["hydra/job_logging/mine"] = "version: 1\n"
    install("faulty", PRESET, files={f"faulty_conf/{n}.yaml": one for n, one in files.items()})
    assert run(["plugins", "doctor"]) == 1
    assert (
        "its config 'encoder/bare' does not belong to a component. Begin it with defaults: "
        "[/schema/encoder/NAME@_here_, _self_]"
    ) in capsys.readouterr().out


PADS = """
from seqloom.plugins import Pad, hookimpl

@hookimpl
def seqloom_pads():
    return [Pad("smell", "faulty_pad:Smell", "faulty_pad"), Pad("taste", "a:B", "faulty_none")]
"""


def test_pads_are_listed_and_checked(install: Install, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"faulty_pad/__init__.py": "class Smell: pass", "faulty_pad/pad.html": "<p>Sniff.</p>"}
    install("faulty_nose", PADS, files=files)
    assert run(["plugins"]) == 0
    assert "  pads: smell, taste\n" in capsys.readouterr().out
    assert run(["plugins", "doctor"]) == 1
    out = capsys.readouterr().out
    assert "problem: the pad for smell: faulty_pad has no pad.css, pad.js\n" in out
    assert "problem: the pad for taste cannot be loaded: importing 'a:B'" in out
    assert "problem: the pad for taste: its page 'faulty_none' is not installed\n" in out


def test_a_pad_that_two_plugins_claim_goes_to_neither(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("faulty_one", "faulty_two"):
        install(name, PADS)
    assert "smell" not in registry().pads()
    assert run(["plugins"]) == 0
    assert "the pad for smell is also claimed by plugin 'faulty_two'" in capsys.readouterr().out


def test_a_name_that_two_plugins_claim_is_not_taken_by_a_new_one(install: Install) -> None:
    source = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Nothing: ...

@hookimpl
def seqloom_components():
    return [Component("encoder", "squid", Nothing, "json:JSONDecoder")]
"""
    install("claims_one", source)
    install("claims_two", source)
    message = r"encoder=squid is already provided by .*one.* and .*two"
    with pytest.raises(PluginError, match=message):
        choose_names("kelp", {"encoder": "squid"})
