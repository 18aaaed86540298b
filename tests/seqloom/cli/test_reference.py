"""Every key of ours is described, and the override beside it can be copied."""

from __future__ import annotations

import re
import shlex
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, zip_longest
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seqloom.cli.explain import RECIPES
from seqloom.cli.reference import groups
from seqloom.cli.reference.groups import (
    SECTIONS,
    group_names,
    option_names,
    option_of,
    section_keys,
)
from seqloom.cli.reference.key import Key, allowed, make_key
from seqloom.cli.reference.option import Option, component_option, schema_keys
from seqloom.cli.reference.presets import preset_option, presets
from seqloom.config.params import typed_params
from seqloom.plugins import KINDS, registry
from seqloom.plugins.texts import Text, member_texts, parameter_texts, summary

VERSIONS = {"", "0.2"}
TOGETHER = {
    "frontend.freeze_vectors": ["frontend.vectors=a.txt"],
    "frontend.vectors_vocabulary": ["frontend.vectors=a.txt"],
}
"""What a key needs beside it."""


def ours() -> Iterator[Option]:
    for group in group_names():
        if group not in RECIPES:
            yield from (option_of(group, name) for name in option_names(group))


OPTIONS = {option.label: option for option in ours()}
RUN_KEYS = [key for section in ("run", *SECTIONS) for key in section_keys(section)]


@pytest.mark.parametrize("label", OPTIONS)
def test_every_option_and_key_of_ours_is_described(label: str) -> None:
    option = OPTIONS[label]
    assert option.text
    assert {key.path for key in option.keys if not re.search(r"[.?!…]\)?$", key.text)} == set()
    told = [key.choices.values() for key in option.keys if any(key.choices.values())]
    assert all(map(all, told))
    assert [key.path for key in option.keys if re.match(r"(The same|As above)\b", key.text)] == []
    assert {option.since, *(key.since for key in option.keys)} <= VERSIONS


def test_every_key_of_a_run_is_described() -> None:
    assert {key.path for key in RUN_KEYS if not key.text} == set()
    assert {key.since for key in RUN_KEYS} <= VERSIONS
    assert {"seed", "run_dir", "batch.max_cost", "budget.min_steps"} <= {k.path for k in RUN_KEYS}


def _without_override(keys: Iterator[Key]) -> set[str]:
    return {key.path for key in keys if key.default and not key.override}


def test_every_key_of_ours_has_an_override() -> None:
    every = (key for option in OPTIONS.values() if not option.base for key in option.keys)
    assert _without_override(every) == set()
    assert _without_override(iter(RUN_KEYS)) == set()


@pytest.mark.parametrize(
    "label", [one.label for one in OPTIONS.values() if one.group in KINDS and not one.base]
)
def test_the_overrides_of_a_component_are_accepted(label: str) -> None:
    option = OPTIONS[label]
    component, _ = registry().entry(option.group, option.name)  # type: ignore[arg-type]
    own = set(component.schema.__dataclass_fields__)
    for key in option.keys:
        words = [*shlex.split(key.override), *TOGETHER.get(key.path, ())]
        parsed = [OverridesParser.create().parse_override(word) for word in words]
        values = [(one.key_or_group.partition(".")[2], one.value()) for one in parsed]
        params = typed_params(component, values)
        component.schema(**{key: value for key, value in params.items() if key in own})


def rounds() -> list[list[Option]]:
    """Return options of which each list has at most one of a group, to compose few configs."""
    others = [option for option in OPTIONS.values() if option.group not in KINDS and option.keys]
    groups = [[*found] for _, found in groupby(others, key=lambda option: option.group)]
    return [[one for one in found if one] for found in zip_longest(*groups)]


@pytest.mark.parametrize("options", rounds(), ids=lambda options: options[0].label)
def test_the_overrides_of_other_options_are_accepted(options: list[Option]) -> None:
    from hydra import compose, initialize_config_module

    from seqloom.config.store import register_configs

    register_configs()
    keys = [*RUN_KEYS, *(key for option in options for key in option.keys)]
    words = [word for key in keys for word in shlex.split(key.override)]
    with initialize_config_module("seqloom_conf", version_base="1.3"):
        chosen = [option.label for option in options]
        compose("train", overrides=[*chosen, *words], return_hydra_config=True)


class Colour(StrEnum):
    red = "red"  # like a rose
    blue = "blue"


def test_the_text_of_a_parameter_ends_in_its_example_and_its_version() -> None:
    class Base:
        """A base.

        Attributes:
            width: Steps that a state
                sees. Example: ``5``. Since 0.2.
            depth: Layers.

        More words.
        """

    class Own(Base):
        """Parameters of ``own``: what it is. Since 1.4.

        Attributes:
            depth: Layers of its own.
        """

    assert parameter_texts(Own) == {
        "width": Text("Steps that a state sees.", "5", "0.2"),
        "depth": Text("Layers of its own."),
    }
    assert summary(Own) == Text("What it is.", since="1.4")
    assert summary(type("Bare", (), {})) == Text()
    assert member_texts(Colour) == {"red": "like a rose"}


def test_a_key_says_what_it_may_be() -> None:
    key = make_key("encoder.colour", Colour | None, None, Text("Its colour."))
    assert (key.default, key.allowed) == ("null", "one of: red, blue or null")
    assert key.override == "encoder.colour=red"
    assert key.choices == {"red": "like a rose", "blue": ""}
    assert allowed(list[dict[str, float]]) == "a list of keys with numbers"
    bare = typing.List, typing.Dict, type(None)  # noqa: UP006
    assert [allowed(hint) for hint in bare] == ["a value"] * 3


UNTOLD = """
from dataclasses import dataclass, field
from seqloom.plugins import Component, hookimpl

@dataclass
class Inner:
    depth: int = 2

@dataclass
class Bare:
    width: int = 3
    inner: Inner = field(default_factory=Inner)

@hookimpl
def seqloom_components():
    return [Component("encoder", "untold", Bare, "stranger_untold:Bare")]
"""


def test_a_component_without_texts_still_has_keys(install: Callable[..., Path]) -> None:
    install("stranger_untold", UNTOLD)
    component, plugin = registry().entry("encoder", "untold")
    option = component_option(component, plugin.distribution)
    assert [(key.path, key.default, key.text) for key in option.keys] == [
        ("encoder.width", "3", ""),
        ("encoder.inner", "", ""),
        ("encoder.inner.depth", "2", ""),
    ]
    assert option.keys[0].override == "encoder.width=6"


def test_a_parameter_without_a_default_is_required() -> None:
    @dataclass
    class Bare:
        width: int

    assert schema_keys("encoder", Bare)[0].default == "required"


def test_a_preset_may_end_in_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "lists_at_the_end" / "encoder"
    folder.mkdir(parents=True)
    (folder / "listed.yaml").write_text("text: |\n  a\nsizes:\n  - 1\n  - 2\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    every = presets((("lists_at_the_end", "other"),))
    found = {key.path: key.default for key in preset_option(every[0], every).keys}
    assert found == {"encoder.text": "a\n", "encoder.sizes": "[1, 2]"}


def test_a_preset_that_cannot_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broken_presets" / "encoder"
    folder.mkdir(parents=True)
    (folder / "odd.yaml").write_text("sizes: [1\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(groups, "own_presets", lambda: presets((("broken_presets", "other"),)))
    option = option_of("encoder", "odd")
    assert option.text.startswith("it cannot be described: ParserError: ")
    assert not option.keys


def test_keys_are_no_older_than_their_component() -> None:
    keys = {key.path: key.since for key in OPTIONS["data=speech"].keys}
    assert (keys["data.train"], keys["data.split.val"]) == ("0.2", "0.2")
    words = {key.path: key.since for key in OPTIONS["frontend=words"].keys}
    assert (words["frontend.size"], words["frontend.subword_size"]) == ("", "0.2")
    assert schema_keys("batch", SECTIONS["batch"])[0].path == "batch.max_examples"


def test_an_option_of_a_plugin_that_cannot_be_described_says_so() -> None:
    def broken() -> Option:
        raise ValueError("no docstring")

    found = groups._described("encoder", "odd", "a-plugin", broken)
    assert found.text == "it cannot be described: ValueError: no docstring"
    with pytest.raises(ValueError, match="no docstring"):  # one of seqloom's is a fault
        groups._described("encoder", "odd", groups.CORE, broken)
