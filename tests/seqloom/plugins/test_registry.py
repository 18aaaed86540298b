"""Looking parts up: names that two plugins claim, targets that cannot be imported."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import metadata
from pathlib import Path

import pytest

from seqloom import fit
from seqloom.config.compose import compose_run
from seqloom.errors import ConfigError, PluginError
from seqloom.plugins import Component, registry, resolve
from seqloom.plugins.schema_hash import schema_hash

CLAIM = """
from dataclasses import dataclass
from seqloom.plugins import Command, Component, hookimpl

@dataclass
class Params:
    size: int = 1

@hookimpl
def seqloom_components():
    return [Component("encoder", {name!r}, Params, "faulty_target:Missing")]

@hookimpl
def seqloom_commands():
    return [Command("embroider", "Embroider.", "faulty_target:embroider")]
"""

Install = Callable[..., Path]


def test_a_name_that_two_plugins_claim_goes_to_neither(install: Install) -> None:
    install("faulty_claim", CLAIM.format(name="lstm"))
    assert "lstm" not in registry().names("encoder")
    assert "bilstm" in registry().names("encoder")
    sentence = (
        r"encoder=lstm is claimed by plugin 'faulty_claim' \(faulty-claim 1\.5\) and plugin "
        r"'recurrent' \(seqloom .*\), so neither gets it\. Uninstall or disable one: "
        r"SEQLOOM_DISABLE_PLUGINS=NAME in the environment, or "
        r"disable_plugins=\[NAME\] on the command line of a run\."
    )
    with pytest.raises(PluginError, match=sentence):
        registry().find("encoder", "lstm")
    with pytest.raises(PluginError, match=sentence):
        compose_run(["encoder=lstm"])
    assert compose_run(["encoder=gru"]).encoder["name"] == "gru"


def test_disabling_one_of_two_claimants_gives_the_name_to_the_other(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_DISABLE_PLUGINS", "faulty_claim")
    install("faulty_claim", CLAIM.format(name="lstm"))
    assert registry().owner("encoder", "lstm").name == "recurrent"
    assert compose_run(["encoder=lstm"]).encoder["name"] == "lstm"


def test_a_run_can_do_without_a_plugin(install: Install) -> None:
    install("faulty_claim", CLAIM.format(name="lstm"))
    config = compose_run(["encoder=lstm", "disable_plugins=[faulty-claim]"])
    assert config.encoder["name"] == "lstm"
    assert config.disable_plugins == ["faulty-claim"]
    with pytest.raises(PluginError, match="claimed by"):  # the next run has it again
        compose_run(["encoder=lstm"])
    with pytest.raises(ConfigError, match=r"^There is no encoder=lstm\..*is disabled: named in di"):
        compose_run(["encoder=lstm", "disable_plugins=[recurrent, faulty_claim]"])
    with pytest.raises(ConfigError, match=r"no plugin 'recurent'\. Did you mean 'recurrent'\?"):
        compose_run(["disable_plugins=[recurent]"])
    for word in ("disable_plugins=ner", "disable_plugins=[ner],[text]", "+disable_plugins=null"):
        with pytest.raises(ConfigError, match="cannot be read; write disable_plugins="):
            compose_run([word])


def test_a_plugin_that_a_run_does_without_is_not_imported(install: Install, tmp_path: Path) -> None:
    mark = tmp_path / "imported"
    site = install("faulty_writer", f"open({str(mark)!r}, 'w').close()")
    compose_run(["disable_plugins=[faulty_writer]"])
    assert site.exists()
    assert not mark.exists()


def test_a_preset_can_disable_a_plugin_too(install: Install) -> None:
    preset = "# @package _global_\ndisable_plugins: [recurrent]\n"
    source = (
        "from seqloom.plugins import hookimpl\n"
        "@hookimpl\ndef seqloom_config_packages(): return ['faulty_conf']\n"
    )
    install("faulty", source, files={"faulty_conf/experiment/faulty_apart.yaml": preset})
    with pytest.raises(PluginError, match=r"provides encoder=bilstm.*named in disable_plugins\.$"):
        compose_run(["experiment=faulty_apart"])
    assert compose_run([]).encoder["name"] == "bilstm"


def test_a_command_that_two_plugins_claim_goes_to_neither(install: Install) -> None:
    install("faulty_one", CLAIM.format(name="one"))
    assert registry().command("embroider").help == "Embroider."
    install("faulty_two", CLAIM.format(name="two"))
    assert "embroider" not in registry().commands()
    assert [p.name for p in registry().contested_commands()["embroider"]] == [
        "faulty_one",
        "faulty_two",
    ]
    with pytest.raises(
        PluginError, match=r"The command 'embroider' is claimed by plugin 'faulty_o"
    ):
        registry().command("embroider")


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(PluginError) as found:
        registry().command("trian", others=["train", "predict"])
    names = sorted(["train", "predict", *registry().commands()])
    assert str(found.value) == (
        f"There is no command 'trian'. Did you mean 'train'? There are: {', '.join(names)}."
    )


def test_a_target_that_cannot_be_imported(install: Install) -> None:
    install("faulty_claim", CLAIM.format(name="mine"))
    with pytest.raises(
        PluginError,
        match=r"^encoder=mine cannot be loaded: importing 'faulty_target:Missing', which its "
        r"plugin names, failed: ModuleNotFoundError: No module named 'faulty_target'$",
    ):
        resolve("encoder", "mine")
    install("faulty_target", "")
    with pytest.raises(PluginError, match=r"AttributeError: .* no attribute 'Missing'$"):
        resolve("encoder", "mine")


def test_a_target_whose_module_raises(install: Install) -> None:
    install("faulty_claim", CLAIM.format(name="mine"))
    install("faulty_target", "raise RuntimeError('needs a newer torch')")
    with pytest.raises(PluginError, match=r"RuntimeError: needs a newer torch$"):
        resolve("encoder", "mine")


BAD_SCHEMA = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Params:
    size: frozenset[int] = frozenset()

@hookimpl
def seqloom_components():
    return [Component("encoder", "odd", Params, "a:B")]
"""


def test_a_schema_that_omegaconf_refuses_harms_its_own_component_only(install: Install) -> None:
    install("faulty_schema", BAD_SCHEMA)
    assert compose_run(["encoder=gru"]).encoder["name"] == "gru"
    with pytest.raises(
        PluginError, match=r"^encoder=odd cannot be used: plugin 'faulty_schema' .* Unexpected type"
    ):
        compose_run(["encoder=odd"])


def test_a_schema_that_cannot_be_derived_from_harms_its_own_component_only(
    install: Install,
) -> None:
    more = "size: int = 1\n\n    def __init_subclass__(cls): raise RuntimeError('no heirs')"
    install("faulty_schema", BAD_SCHEMA.replace("size: frozenset[int] = frozenset()", more))
    assert compose_run(["encoder=gru"]).encoder["name"] == "gru"
    with pytest.raises(PluginError, match=r"^encoder=odd cannot be used: .* no heirs"):
        compose_run(["encoder=odd"])


GIVES = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Params:
    size: int = 1

@hookimpl
def seqloom_components():
    return [Component("data", "odd", Params, "a:B", gives=lambda params: params["no"])]
"""


def test_a_plugin_that_cannot_tell_what_it_gives_is_named(install: Install) -> None:
    install("faulty_gives", GIVES)
    with pytest.raises(PluginError) as found:
        compose_run(["data=odd"])
    assert str(found.value) == (
        "data=odd: its plugin cannot say what it provides: KeyError: 'no'. Report this to the "
        "authors of plugin 'faulty_gives' (faulty-gives 1.5)."
    )


def test_what_a_plugin_says_of_its_own_parameters_stays_as_it_is(install: Install) -> None:
    source = GIVES.replace('gives=lambda params: params["no"]', "gives=refuse")
    source = f"from seqloom.errors import ConfigError\n{source}\n" + (
        "def refuse(params):\n    raise ConfigError('data.size: expected at least 1')\n"
    )
    install("faulty_gives", source)
    with pytest.raises(ConfigError, match=r"^data\.size: expected at least 1$"):
        compose_run(["data=odd"])


def test_a_plugin_that_is_not_chosen_does_not_hinder_an_explanation(install: Install) -> None:
    odd = GIVES.replace('"data"', '"frontend"').replace("gives=", "takes={'f': ('text',)}, gives=")
    install("faulty_gives", odd)
    with pytest.raises(ConfigError, match=r"Choose frontend=words\.$"):
        compose_run(["frontend=characters", "head=ner"])


def test_the_hash_of_a_schema_changes_with_names_types_and_defaults() -> None:
    @dataclass
    class A:
        size: int = 1

    @dataclass
    class B:
        size: int = 2

    @dataclass
    class C:
        size: float = 1

    @dataclass
    class D:
        size: int = 1
        more: list[int] = field(default_factory=list)

    @dataclass
    class E:
        size: int = 1
        more: list[int] = field(default_factory=lambda: [1])

    @dataclass
    class F:
        size: int

    schemas = (A, B, C, D, E, F)
    hashes = {schema_hash(Component("encoder", "x", one, "a:B")) for one in schemas}
    assert len(hashes) == len(schemas)
    assert schema_hash(Component("head", "y", A, "b:C")) in hashes


def test_what_one_run_leaves_out_the_next_has(tmp_path: Path) -> None:
    names = registry().names("head")
    with pytest.raises(ConfigError, match=r"^There is no frontend=words\..*is disabled: named in"):
        fit("disable_plugins=[text]", run_dir=tmp_path / "run")
    assert registry().names("head") == names
    assert "apples" in registry().names("data")


def test_none_of_three_claimants_gets_the_name(install: Install) -> None:
    install("faulty_claim", CLAIM.format(name="lstm"))
    install("faulty_more", CLAIM.format(name="lstm"))
    with pytest.raises(PluginError, match=r"and plugin 'recurrent' .*, so none of them gets it\. "):
        registry().find("encoder", "lstm")


def test_the_hash_of_a_bundled_schema_is_the_same_in_each_process(
    python: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    source = (
        "from seqloom.plugins.registry import registry\n"
        "from seqloom.plugins.schema_hash import schema_hash\n"
        "print(*[schema_hash(registry().find('data', n)) for n in registry().names('data')])"
    )
    here = [schema_hash(registry().find("data", name)) for name in registry().names("data")]
    assert python(source).stdout.split() == here


def test_names_of_a_kind_that_is_not_composed_are_no_secret() -> None:
    with pytest.raises(ConfigError, match=r"There is no head=nre\. Did you mean 'ner'\?"):
        compose_run(["head=nre"])


EXTRA = """
from dataclasses import dataclass
from seqloom.plugins import Component, hookimpl

@dataclass
class Params:
    size: int = 1

@hookimpl
def seqloom_components():
    return [Component("encoder", "dear", Params, "faulty_dear_part:Dear", extra="dear")]
"""


def test_an_extra_is_named_to_who_lacks_its_libraries(install: Install) -> None:
    install("faulty_dear", EXTRA)
    install("faulty_dear_part", "import faulty_library")
    with pytest.raises(
        PluginError,
        match=r"ModuleNotFoundError: No module named 'faulty_library'\. Install the libraries that "
        r'it needs: pip install "faulty-dear\[dear\]"$',
    ):
        resolve("encoder", "dear")


def test_an_extra_does_not_help_against_other_faults(install: Install) -> None:
    install("faulty_dear", EXTRA)
    install("faulty_dear_part", "raise RuntimeError('is broken')")
    with pytest.raises(PluginError, match=r"failed: RuntimeError: is broken$"):
        resolve("encoder", "dear")


def test_the_extras_of_the_installed_components_exist() -> None:
    named = {
        (plugin.distribution, component.extra)
        for component, plugin in registry().components.values()
        if component.extra
    }
    assert ("seqloom", "handwriting") in named
    for distribution, extra in named:
        assert extra in (metadata(distribution).get_all("Provides-Extra") or [])
