"""Broken plugins, each in its own way: all are set aside, and everything else goes on."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.main import run
from seqloom.config.compose import compose_run
from seqloom.errors import PluginError
from seqloom.plugins import Plugin, registry

HEAD = """
from dataclasses import dataclass
from seqloom.plugins import Command, Component, hookimpl

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
        "a hook 'seqloom_componets' that this version of seqloom does not have; there are: "
        "seqloom_commands, seqloom_components, seqloom_config_packages",
    ),
    "hook_unmarked": (
        "def seqloom_components(): return []",
        "AttributeError: its seqloom_components() is not marked: put @hookimpl in front of it",
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
        "seqloom_components() gave None, where a list is expected",
    ),
    "no_component": (
        "@hookimpl\ndef seqloom_components(): return ['lstm']",
        "seqloom_components() gave 'lstm', which is not a Component",
    ),
    "kind": (
        "@hookimpl\ndef seqloom_components(): return [Component('model', 'x', Params, 'a:B')]",
        "component 'x' is of kind 'model', not one of ('data', 'frontend', 'encoder', 'head')",
    ),
    "name": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'a-b', Params, 'a:B')]",
        "a component's name must be an identifier, and none that enums keep for themselves, "
        "not 'a-b'",
    ),
    "target": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', Params, 'a.B')]",
        "head=x has the target 'a.B', where 'module:name' is expected",
    ),
    "takes": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', takes={'field': 'tags'})]",
        "head=x takes field='tags', where a tuple is expected",
    ),
    "no_field": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', takes={'field': ('tags',)})]",
        "head=x takes a 'field', but has no parameter 'field' that names it",
    ),
    "name_of_a_method": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'mro', Params, 'a:B')]",
        "a component's name must be an identifier, and none that enums keep for themselves, "
        "not 'mro'",
    ),
    "sunder_name": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', '_x_', Params, 'a:B')]",
        "a component's name must be an identifier, and none that enums keep for themselves, "
        "not '_x_'",
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
        "the schema of head=x has Side.LEFT = 'left', where a member's value must be its name: "
        "LEFT = 'LEFT'",
    ),
    "command_twice": (
        "@hookimpl\ndef seqloom_commands(): return 2 * [Command('sew', 'Sew.', 'a:b')]",
        "it provides the command 'sew' twice",
    ),
    "no_schema": (
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', dict, 'a:B')]",
        "the schema of head=x is not a dataclass",
    ),
    "frozen": (
        "@dataclass(frozen=True)\nclass F:\n    a: int = 1\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', F, 'a:B')]",
        "the schema of head=x is frozen, so nothing in it could be set",
    ),
    "own_name": (
        "@dataclass\nclass N:\n    name: str = 'x'\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', N, 'a:B')]",
        "the schema of head=x has a field 'name', which seqloom itself adds",
    ),
    "literal": (
        "from typing import Literal\n@dataclass\nclass L:\n    how: Literal['a', 'b'] = 'a'\n"
        "@hookimpl\ndef seqloom_components(): return [Component('head', 'x', L, 'a:B')]",
        "the schema of head=x has a Literal, 'how': make it a StrEnum",
    ),
    "twice": (
        "@hookimpl\ndef seqloom_components(): return 2 * [Component('head', 'x', Params, 'a:B')]",
        "it provides head=x twice",
    ),
    "renamed_still_there": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', renamed={'size': 'size'})]",
        "head=x says that 'size' is now 'size', but it has a parameter 'size' still",
    ),
    "renamed_to_nothing": (
        "@hookimpl\ndef seqloom_components():\n"
        "    return [Component('head', 'x', Params, 'a:B', renamed={'old': 'new'})]",
        "head=x says that 'old' is now 'new', but it has no parameter 'new'",
    ),
    "command_text": (
        "@hookimpl\ndef seqloom_commands(): return 'prepare'",
        "seqloom_commands() gave 'prepare', where a list is expected",
    ),
    "no_command": (
        "@hookimpl\ndef seqloom_commands(): return ['prepare']",
        "seqloom_commands() gave 'prepare', which is not a Command",
    ),
    "core_command": (
        "@hookimpl\ndef seqloom_commands(): return [Command('train', 'Mine.', 'a:b')]",
        "its command 'train' is one of seqloom's own",
    ),
    "command_name": (
        "@hookimpl\ndef seqloom_commands(): return [Command('--x', 'Mine.', 'a:b')]",
        "a command's name must be of letters, digits and -, not '--x'",
    ),
    "package_absent": (
        "@hookimpl\ndef seqloom_config_packages(): return ['faulty_nowhere']",
        "it names the config package 'faulty_nowhere', which is not installed",
    ),
    "package_inside_absent": (
        "@hookimpl\ndef seqloom_config_packages(): return ['faulty_nowhere.conf']",
        "No module named 'faulty_nowhere'",
    ),
    "package_number": (
        "@hookimpl\ndef seqloom_config_packages(): return [3]",
        "seqloom_config_packages() gave 3, where a name is expected",
    ),
}


def one(name: str) -> Plugin:
    (found,) = [plugin for plugin in registry().plugins if plugin.name == name]
    return found


def whole() -> None:
    """Check that the bundled plugins are all there and a run can be composed."""
    bundled = {"classification", "ner", "recurrent", "text"}
    assert {plugin.name for plugin in registry().plugins if plugin.state == "ok"} >= bundled
    assert compose_run(["encoder=lstm"]).encoder["name"] == "lstm"


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_set_aside_and_all_else_goes_on(
    case: str, install: Callable[..., Path]
) -> None:
    body, reason = BROKEN[case]
    source = body if case in ("syntax", "missing_import") else HEAD + body
    install(f"faulty_{case}", source)
    plugin = one(f"faulty_{case}")
    assert plugin.state == "quarantined"
    assert reason in plugin.reason
    assert (plugin.distribution, plugin.version) == (f"faulty-{case}".replace("_", "-"), "1.5")
    assert plugin.components + plugin.commands + plugin.config_packages == ()
    whole()


def test_who_asks_for_a_part_is_told_of_the_plugins_set_aside(
    install: Callable[..., Path],
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
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "other, faulty_writer")
    mark = tmp_path / "imported"
    install("faulty_writer", f"open({str(mark)!r}, 'w').close()")
    plugin = one("faulty_writer")
    assert (plugin.state, plugin.reason) == ("disabled", "named in SEQLOOM_DISABLE_PLUGINS")
    assert not mark.exists()
    whole()


def test_two_plugins_may_have_one_entry_point_name(install: Callable[..., Path]) -> None:
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


def test_a_hook_of_a_later_seqloom_may_be_optional(install: Callable[..., Path]) -> None:
    install("faulty_later", HEAD + "@hookimpl(optionalhook=True)\ndef seqloom_exports(): return []")
    assert one("faulty_later").state == "ok"


def test_a_distribution_without_metadata_still_loads(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install("faulty_bare", HEAD)
    (site / "faulty_bare-1.5.dist-info" / "METADATA").unlink()
    registry.cache_clear()
    plugin = one("faulty_bare")
    assert (plugin.state, plugin.distribution, plugin.version) == ("ok", "unknown", "unknown")


def test_plugins_come_in_the_order_of_their_names(install: Callable[..., Path]) -> None:
    install("faulty_zz", HEAD)
    install("faulty_aa", HEAD)
    names: list[Any] = [plugin.name for plugin in registry().plugins]
    assert names == sorted(names)


def test_what_a_plugin_prints_is_not_our_output(
    install: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    install("faulty_talk", "print('hello')")
    assert run(["plugins", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "faulty_talk" in {plugin["name"] for plugin in json.loads(out)}
    assert err == "hello\n"


def test_an_interrupt_is_the_users(install: Callable[..., Path]) -> None:
    install("faulty_stop", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        registry()
