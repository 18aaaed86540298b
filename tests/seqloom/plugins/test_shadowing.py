"""YAML of a plugin that has the name of another option: the plugin is set aside, in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from seqloom.config.compose import compose_run
from seqloom.plugins import Plugin, registry
from seqloom.plugins.options import options

SOURCE = """
from seqloom.plugins import hookimpl

@hookimpl
def seqloom_config_packages():
    return ["{name}_conf"]
"""

Install = Callable[..., Path]


def add(install: Install, name: str, options: Mapping[str, str]) -> None:
    files = {f"{name}_conf/{path}": text for path, text in options.items()}
    install(name, SOURCE.format(name=name), files={f"{name}_conf/__init__.py": "", **files})


def found(name: str) -> Plugin:
    (plugin,) = [plugin for plugin in registry().plugins if plugin.name == name]
    return plugin


PRESET = "defaults: [/schema/encoder/lstm@_here_, _self_]\nhidden_size: 7\n"


def test_a_preset_of_its_own_is_an_option(install: Install) -> None:
    add(install, "faulty_preset", {"encoder/tiny.yaml": PRESET})
    assert found("faulty_preset").state == "ok"
    assert compose_run(["encoder=tiny"]).encoder["hidden_size"] == 7


@pytest.mark.parametrize("path", ["encoder/lstm.yaml", "encoder/lstm.yml"])
def test_a_preset_with_the_name_of_a_component(install: Install, path: str) -> None:
    add(install, "faulty_preset", {path: PRESET})
    plugin = found("faulty_preset")
    assert plugin.state == "quarantined"
    assert plugin.reason.startswith(
        "its config 'encoder/lstm' in faulty_preset_conf is also there as a component of plugin "
        "'recurrent' (seqloom "
    )
    assert compose_run(["encoder=lstm"]).encoder["hidden_size"] == 128


def test_a_preset_with_the_name_of_one_of_the_core(install: Install) -> None:
    add(install, "faulty_preset", {"trainer/cpu.yaml": "max_epochs: 99\n"})
    assert found("faulty_preset").reason == (
        "its config 'trainer/cpu' in faulty_preset_conf is also there in seqloom_conf"
    )
    assert compose_run(["trainer=cpu"]).trainer["max_epochs"] == 10


def test_two_presets_of_one_name_go_to_neither(install: Install) -> None:
    add(install, "faulty_one", {"encoder/tiny.yaml": PRESET})
    add(install, "faulty_two", {"encoder/tiny.yaml": PRESET, "encoder/other.yaml": PRESET})
    assert [found(name).state for name in ("faulty_one", "faulty_two")] == ["quarantined"] * 2
    assert "in faulty_two_conf of plugin 'faulty_two'" in found("faulty_one").reason


def test_two_plugins_of_one_distribution_share_a_package(install: Install) -> None:
    add(install, "faulty_one", {"encoder/tiny.yaml": PRESET})
    install("faulty_two", SOURCE.format(name="faulty_one"))
    assert [found(name).reason for name in ("faulty_one", "faulty_two")] == ["", ""]
    assert compose_run(["encoder=tiny"]).encoder["hidden_size"] == 7


def test_a_config_package_that_cannot_be_imported(install: Install) -> None:
    files = {"faulty_raises_conf/__init__.py": "raise OSError('no')"}
    install("faulty_raises", SOURCE.format(name="faulty_raises"), files=files)
    assert found("faulty_raises").state == "quarantined"
    assert re.fullmatch(
        r"OSError: no \(at .*/faulty_raises_conf/__init__\.py:1\)", found("faulty_raises").reason
    )


def test_a_folder_without_init_is_a_package_too(install: Install) -> None:
    files = {"faulty_bare_conf/encoder/tiny.yaml": PRESET}
    install("faulty_bare", SOURCE.format(name="faulty_bare"), files=files)
    assert found("faulty_bare").state == "ok"
    assert compose_run(["encoder=tiny"]).encoder["name"] == "lstm"


def test_options_of_the_core() -> None:
    known = options("seqloom_conf")
    assert {"train", "evaluate", "trainer/cpu", "experiment/bc5cdr"} <= set(known)
    assert list(known) == sorted(known)
