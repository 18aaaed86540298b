"""The pages of the reference have every key of ours, and nothing else is needed to make them."""

from __future__ import annotations

import re
from pathlib import Path

import command_help
import config_keys
import pytest

from seqloom.cli.commands import COMMANDS
from seqloom.cli.reference.groups import (
    GROUPS,
    SECTIONS,
    option_names,
    option_of,
    section_keys,
)
from seqloom.cli.reference.key import Key
from seqloom.plugins import registry

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted((DOCS / "reference" / "keys").glob("*.md"))


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(config_keys.filled(page.read_text(encoding="utf-8")) for page in PAGES)


def test_every_group_has_a_page() -> None:
    marks = [name for page in PAGES for name in config_keys.MARK.findall(page.read_text("utf-8"))]
    assert sorted(marks) == sorted([*GROUPS, *SECTIONS, "run"])


def test_every_option_and_key_is_on_a_page(text: str) -> None:
    assert "{{" not in text
    for group in GROUPS:
        for name in option_names(group):
            option = option_of(group, name)
            assert option.label in text
            if group not in ("experiment", "sweep", "debug") and not option.base:
                missing = [key.path for key in option.keys if f"\n`{key.path}`\n: " not in text]
                assert missing == []
    for section in ("run", *SECTIONS):
        assert all(
            f"\n`{key.path}`\n: {config_keys.prose(key.text)[:9]}" in text
            for key in section_keys(section)
        )


def test_the_page_of_the_protein_plugin_has_its_keys() -> None:
    page = config_keys.filled((DOCS / "examples" / "protein.md").read_text(encoding="utf-8"))
    options = config_keys.example_options("seqloom-protein")
    labels = ["data=protein_table", "data=flip_residues", "head=secondary_structure"]
    assert [option.label for option in options] == labels
    for option in options:
        assert f"\n### {option.label}\n" in page
        assert option.keys
        assert [key.path for key in option.keys if f"\n`{key.path}`\n: " not in page] == []
        assert [key.path for key in option.keys if not key.text] == []
    assert "`data.columns.structure`" in page
    assert "`data.split.val`" in page


def test_a_key_is_shown_with_its_default_values_and_override() -> None:
    (merge,) = (key for key in option_of("encoder", "bilstm").keys if key.name == "merge")
    assert config_keys.entry(merge) == (
        "`encoder.merge`\n"
        ": How the states f and b of the two directions are merged at each step. The product is "
        "multiplied by a constant for each layer, which makes it as large as `concat`'s. "
        "Default: `concat`; one of:\n"
        "\n"
        "  - `concat`: [f; b], twice as wide\n"
        "  - `sum`: f + b\n"
        "  - `average`: (f + b) / 2\n"
        "  - `multiply`: f * b, element by element\n"
        "\n"
        "  ```text\n"
        "  encoder.merge=sum\n"
        "  ```\n"
    )


def test_values_without_a_text_and_null_are_shown() -> None:
    def shown(**choices: str) -> list[str]:
        key = Key("a.b", "null", "one of: x, y or null", "What.", choices=choices)
        return config_keys.entry(key).splitlines()

    assert shown(x="", y="")[1] == ": What. Default: `null`; one of `x`, `y` or null."
    assert shown(x="like z", y="")[1:] == [
        ": What. Default: `null`; null or one of:",
        *("", "  - `x`: like z", "  - `y`"),
    ]


def test_a_text_is_not_html() -> None:
    assert config_keys.prose("a <space> of ``<b>``") == r"a \<space> of `<b>`"


@pytest.mark.parametrize(
    "word",
    ["hidden_size", "merge", "early_stopping", "class_weights", "multi_label", "resume", "devices"],
)
def test_what_people_search_for_is_on_a_page(word: str, text: str) -> None:
    assert re.search(rf"^`(\w+\.)*{word}(\.\w+)*`$", text, re.MULTILINE)


def test_every_command_is_listed_with_its_options() -> None:
    page = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w ]+)` \|", page, re.MULTILINE))
    assert {*COMMANDS, "completion"} <= {name.split()[0] for name in listed}
    helped = command_help.MARK.findall(page)
    assert {name.split()[0] for name in helped} == {*COMMANDS, *registry().commands()}


def test_the_help_of_a_command_is_what_it_prints() -> None:
    text = command_help.filled("{{ help: inspect }}")
    assert text.startswith("```text\nusage: seqloom inspect [-h]")
    assert "also load the model" in text
