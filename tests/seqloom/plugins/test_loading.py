"""Plugins that are broken in many ways are quarantined, and the others still work."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.config.options import hint_of_options
from seqloom.errors import PluginError
from seqloom.plugins import Plugin, registry
from seqloom.plugins.options import options

Install = Callable[..., Path]

HEAD = """
from dataclasses import dataclass
from seqloom.plugins import Command, Component, Pad, hookimpl

@dataclass
class Params:
    size: int = 1
"""

BROKEN = {
    "missing_import": ("import no_such_module", "ModuleNotFoundError: No module named"),
    "syntax": ("def (:", "SyntaxError: "),
    "exit_at_import": ("raise SystemExit('bye')", "SystemExit: bye"),
    "panic_at_import": ("class P(BaseException): pass\nraise P('core dumped')", "P: core dumped"),
    "odd_error": ("class E(Exception): pass\nraise E('odd')", "E: odd"),
    "misspelt_hook": (
        "@hookimpl\ndef seqloom_componets(): return []",
        "'seqloom_componets' is not a hook of this version of seqloom; its hooks are: "
        "seqloom_commands, seqloom_components, seqloom_config_packages, seqloom_pads",
    ),
    "hook_unmarked": (
        "def seqloom_components(): return []",
        "AttributeError: seqloom_components() is not decorated: add @hookimpl",
    ),
    "wrong_argument": ("@hookimpl\ndef seqloom_components(x): return []", "PluginValidationError"),
    "hook_raises": ("@hookimpl\ndef seqloom_components(): 1 / 0", "ZeroDivisionError"),
    "hook_exits": ("@hookimpl\ndef seqloom_components(): raise SystemExit(3)", "SystemExit: 3"),
    "hook_raises_late": (
        "@hookimpl\ndef seqloom_components():\n    yield 1 / 0",
        "ZeroDivisionError",
    ),
    "none": (
        "@hookimpl\ndef seqloom_components(): pass",
        "seqloom_components() returned None; expected a list",
    ),
    "no_component": (
        "@hookimpl\ndef seqloom_components(): return ['lstm']",
        "seqloom_components() returned 'lstm', which is not a Component",
    ),
    "kind": (
        "@hookimpl\ndef seqloom_components(): return [Component('model', 'x', Params, 'a:B')]",
        "has the kind 'model'; expected one of ('data', 'frontend', 'encoder', 'head')",
    ),
    "name": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'a-b', Params, 'a:B')]",
        "a component's name must be an identifier that an enum can have as a member, not 'a-b'",
    ),
    "target": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', Params, 'a.B')]",
        "head=x has the target 'a.B'; expected 'module:name'",
    ),
    "takes": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', takes={'field': 'tags'})]",
        "head=x has takes field='tags'; expected a tuple",
    ),
    "no_field": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', takes={'field': ('tags',)})]",
        "head=x takes a 'field', but has no parameter 'field' that names it; add field: ",
    ),
    "name_of_a_method": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'mro', Params, 'a:B')]",
        "a component's name must be an identifier that an enum can have as a member, not 'mro'",
    ),
    "sunder_name": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', '_x_', Params, 'a:B')]",
        "a component's name must be an identifier that an enum can have as a member, not '_x_'",
    ),
    "default_raises": (
        "from dataclasses import field\n@dataclass\nclass D:\n"
        "    a: int = field(default_factory=lambda: 1 // 0)\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', D, 'a:B')]",
        "ZeroDivisionError",
    ),
    "enum_values": (
        "from enum import StrEnum\nclass Side(StrEnum):\n    LEFT = 'left'\n"
        "@dataclass\nclass Inner:\n    side: Side | None = None\n"
        "@dataclass\nclass E:\n    inner: list[Inner]\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', E, 'a:B')]",
        "the schema of head=x has Side.LEFT = 'left', but a member's value must be its name: "
        "LEFT = 'LEFT'",
    ),
    "command_twice": (
        "@hookimpl\ndef seqloom_commands(): return 2 * [Command('sew', 'Sew.', 'a:b')]",
        "the command 'sew' is provided twice",
    ),
    "no_schema": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', dict, 'a:B')]",
        "the schema of head=x is not a dataclass",
    ),
    "frozen": (
        "@dataclass(frozen=True)\nclass F:\n    a: int = 1\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', F, 'a:B')]",
        "the schema of head=x is frozen, so its fields cannot be set",
    ),
    "own_name": (
        "@dataclass\nclass N:\n    name: str = 'x'\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', N, 'a:B')]",
        "the schema of head=x has a field 'name', which seqloom adds itself",
    ),
    "literal": (
        "from typing import Literal\n@dataclass\nclass L:\n    how: Literal['a', 'b'] = 'a'\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', L, 'a:B')]",
        "the schema of head=x has a Literal, 'how': use a StrEnum",
    ),
    "twice": (
        "@hookimpl\ndef seqloom_components(): return 2 * [Component('head', 'x', Params, 'a:B')]",
        "head=x is provided twice",
    ),
    "renamed_still_there": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', renamed={'size': 'size'})]",
        "head=x renames the parameter 'size' to 'size', but still has 'size'",
    ),
    "renamed_to_nothing": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', renamed={'old': 'new'})]",
        "head=x renames the parameter 'old' to 'new', but does not have 'new'",
    ),
    "command_text": (
        "@hookimpl\ndef seqloom_commands(): return 'prepare'",
        "seqloom_commands() returned 'prepare'; expected a list",
    ),
    "no_command": (
        "@hookimpl\ndef seqloom_commands(): return ['prepare']",
        "seqloom_commands() returned 'prepare', which is not a Command",
    ),
    "core_command": (
        "@hookimpl\ndef seqloom_commands(): return [Command('train', 'Mine.', 'a:b')]",
        "the command 'train' is one of seqloom's own",
    ),
    "command_name": (
        "@hookimpl\ndef seqloom_commands(): return [Command('--x', 'Mine.', 'a:b')]",
        "a command's name must consist of letters, digits and -, not '--x'",
    ),
    "no_pad": (
        "@hookimpl\ndef seqloom_pads(): return ['text']",
        "seqloom_pads() returned 'text', which is not a Pad",
    ),
    "pad_kind": (
        "@hookimpl\ndef seqloom_pads(): return [Pad('my text', 'a:B', 'a')]",
        "a pad's kind must be that of a field, such as 'text', not 'my text'",
    ),
    "pad_target": (
        "@hookimpl\ndef seqloom_pads(): return [Pad('smell', 'a', 'a')]",
        "the pad for smell has the target 'a'; expected 'module:name'",
    ),
    "pad_twice": (
        "@hookimpl\ndef seqloom_pads(): return 2 * [Pad('smell', 'a:B', 'a')]",
        "the pad for smell is provided twice",
    ),
    "package_absent": (
        "@hookimpl\ndef seqloom_config_packages(): return ['faulty_nowhere']",
        "the config package 'faulty_nowhere' is not installed",
    ),
    "package_inside_absent": (
        "@hookimpl\ndef seqloom_config_packages(): return ['faulty_nowhere.conf']",
        "No module named 'faulty_nowhere'",
    ),
    "package_number": (
        "@hookimpl\ndef seqloom_config_packages(): return [3]",
        "seqloom_config_packages() returned 3; expected a name",
    ),
}


def one(name: str) -> Plugin:
    (found,) = [plugin for plugin in registry().plugins if plugin.name == name]
    return found


def bundled_are_in_use() -> bool:
    bundled = {"classification", "ner", "recurrent", "text"}
    return {plugin.name for plugin in registry().plugins if plugin.state == "ok"} >= bundled


def whole() -> None:
    """Check that the bundled plugins are in use and a run can be composed."""
    assert bundled_are_in_use()
    assert compose_run(["encoder=lstm"]).encoder["name"] == "lstm"


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_quarantined_and_the_others_still_work(
    case: str, install: Install
) -> None:
    body, reason = BROKEN[case]
    source = body if case in ("syntax", "missing_import") else HEAD + body
    install(f"faulty_{case}", source)
    plugin = one(f"faulty_{case}")
    assert plugin.state == "quarantined"
    assert reason in plugin.reason
    assert (plugin.distribution, plugin.version) == (f"faulty-{case}".replace("_", "-"), "1.5")
    assert plugin.components + plugin.commands + plugin.config_packages == ()
    assert bundled_are_in_use()
    if case in ("syntax", "renamed_to_nothing", "package_absent"):  # of each kind of fault, one
        whole()


def test_the_error_for_a_missing_component_names_quarantined_plugins(
    install: Install,
) -> None:
    install("faulty_import", "import no_such_module")
    with pytest.raises(PluginError) as found:
        registry().find("encoder", "lstn")
    assert re.sub(r"\(at .*/", "(at ", str(found.value)) == (
        "No installed plugin provides encoder=lstn. Did you mean 'lstm'? There are: bigru, "
        "bilstm, birnn, gru, lstm, rnn. Note: plugin 'faulty_import' (faulty-import 1.5) is "
        "quarantined: ModuleNotFoundError: No module named 'no_such_module' "
        "(at faulty_import.py:1)."
    )


def test_a_disabled_plugin_is_not_even_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "other, faulty_writer")
    mark = tmp_path / "imported"
    install("faulty_writer", f"open({str(mark)!r}, 'w').close()")
    plugin = one("faulty_writer")
    assert (plugin.state, plugin.reason) == ("disabled", "named in SEQLOOM_DISABLE_PLUGINS")
    assert not mark.exists()
    whole()


def test_two_plugins_may_have_one_entry_point_name(install: Install) -> None:
    source = textwrap.dedent(
        HEAD
        + """
@hookimpl
def seqloom_components():
    return [Component("encoder", __name__, Params, "a:B")]
"""
    )
    install("faulty_one", source, entry="same")
    install("faulty_two", source, entry="same")
    found = [plugin for plugin in registry().plugins if plugin.name == "same"]
    assert [plugin.state for plugin in found] == ["ok", "ok"]
    assert registry().owner("encoder", "faulty_one").distribution == "faulty-one"
    assert registry().owner("encoder", "faulty_two").distribution == "faulty-two"


def test_a_hook_of_a_later_seqloom_may_be_optional(install: Install) -> None:
    install("faulty_later", HEAD + "@hookimpl(optionalhook=True)\ndef seqloom_exports(): return []")
    assert one("faulty_later").state == "ok"


def test_a_distribution_without_metadata_still_loads(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install("faulty_bare", HEAD)
    (site / "faulty_bare-1.5.dist-info" / "METADATA").unlink()
    registry.cache_clear()
    plugin = one("faulty_bare")
    assert (plugin.state, plugin.distribution, plugin.version) == ("ok", "unknown", "unknown")


def test_plugins_come_in_the_order_of_their_names(install: Install) -> None:
    install("faulty_zz", HEAD)
    install("faulty_aa", HEAD)
    names: list[Any] = [plugin.name for plugin in registry().plugins]
    assert names == sorted(names)


def test_what_a_plugin_prints_goes_to_stderr(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_talk", "print('hello')")
    assert run(["plugins", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "faulty_talk" in {plugin["name"] for plugin in json.loads(out)}
    assert err == "hello\n"


def test_an_interrupt_is_the_users(install: Install) -> None:
    install("faulty_stop", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        registry()


# YAML with the name of another option

WITH_CONFIGS = """
from seqloom.plugins import hookimpl

@hookimpl
def seqloom_config_packages():
    return ["{name}_conf"]
"""


def add(install: Install, name: str, options: Mapping[str, str]) -> None:
    files = {f"{name}_conf/{path}": text for path, text in options.items()}
    install(name, WITH_CONFIGS.format(name=name), files={f"{name}_conf/__init__.py": "", **files})


PRESET = "defaults: [/schema/encoder/lstm@_here_, _self_]\nhidden_size: 7\n"


def test_a_preset_of_its_own_is_an_option(install: Install) -> None:
    add(install, "faulty_preset", {"encoder/tiny.yaml": PRESET})
    assert one("faulty_preset").state == "ok"
    assert compose_run(["encoder=tiny"]).encoder["hidden_size"] == 7


def test_options_with_a_key_are_found_beside_files_that_cannot_be_read(install: Install) -> None:
    files = {"good.yaml": "squidly: 1", "bad.yaml": "[", "list.yaml": "[squidly]", "a.txt": "b"}
    add(install, "faulty_preset", {f"optimizer/{name}": text for name, text in files.items()})
    assert hint_of_options("optimizer.squidly") == " It is a key of optimizer=good."


@pytest.mark.parametrize("path", ["encoder/lstm.yaml", "encoder/lstm.yml"])
def test_a_preset_with_the_name_of_a_component(install: Install, path: str) -> None:
    add(install, "faulty_preset", {path: PRESET})
    plugin = one("faulty_preset")
    assert plugin.state == "quarantined"
    assert plugin.reason.startswith(
        "the config 'encoder/lstm' in faulty_preset_conf also exists as a component of plugin "
        "'recurrent' (seqloom "
    )
    assert compose_run(["encoder=lstm"]).encoder["hidden_size"] == 128


def test_a_preset_with_the_name_of_one_of_the_core(install: Install) -> None:
    add(install, "faulty_preset", {"trainer/cpu.yaml": "max_epochs: 99\n"})
    assert one("faulty_preset").reason == (
        "the config 'trainer/cpu' in faulty_preset_conf also exists in seqloom_conf"
    )
    assert compose_run(["trainer=cpu"]).trainer["max_epochs"] is None


def test_two_presets_of_one_name_go_to_neither(install: Install) -> None:
    add(install, "faulty_one", {"encoder/tiny.yaml": PRESET})
    add(install, "faulty_two", {"encoder/tiny.yaml": PRESET, "encoder/other.yaml": PRESET})
    assert [one(name).state for name in ("faulty_one", "faulty_two")] == ["quarantined"] * 2
    assert "in faulty_two_conf of plugin 'faulty_two'" in one("faulty_one").reason


def test_two_plugins_of_one_distribution_share_a_package(install: Install) -> None:
    add(install, "faulty_one", {"encoder/tiny.yaml": PRESET})
    install("faulty_two", WITH_CONFIGS.format(name="faulty_one"))
    assert [one(name).reason for name in ("faulty_one", "faulty_two")] == ["", ""]
    assert compose_run(["encoder=tiny"]).encoder["hidden_size"] == 7


def test_a_config_package_that_cannot_be_imported(install: Install) -> None:
    files = {"faulty_raises_conf/__init__.py": "raise OSError('no')"}
    install("faulty_raises", WITH_CONFIGS.format(name="faulty_raises"), files=files)
    assert one("faulty_raises").state == "quarantined"
    assert re.fullmatch(
        r"OSError: no \(at .*/faulty_raises_conf/__init__\.py:1\)", one("faulty_raises").reason
    )


def test_a_folder_without_init_is_a_package_too(install: Install) -> None:
    files = {"faulty_bare_conf/encoder/tiny.yaml": PRESET}
    install("faulty_bare", WITH_CONFIGS.format(name="faulty_bare"), files=files)
    assert one("faulty_bare").state == "ok"
    assert compose_run(["encoder=tiny"]).encoder["name"] == "lstm"


def test_options_of_the_core() -> None:
    known = options("seqloom_conf")
    assert {"train", "evaluate", "trainer/cpu", "experiment/bc5cdr"} <= set(known)
    assert list(known) == sorted(known)
